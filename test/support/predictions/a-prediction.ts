/** A prediction, and a ledger that was measured of the same run: for tests of reports. */
import {type DeviceLedger, type Ledger, type PhaseCost, phases} from '../../../core/ledger/ledger.js';
import {predictionOf} from '../../../core/ledger/of-evaluation.js';
import {alternativeOf, pointOf} from '../../../core/ledger/plan-point.js';
import type {Prediction} from '../../../core/ledger/prediction.js';
import {anEvaluation, type PlanShape, planShapes} from './an-evaluation.js';

export interface PredictionWish {
	readonly shape?: PlanShape;
	readonly epochs?: number;
}

/** Of one shape, chosen from all of them. */
export function aPrediction({shape = 'pipeline', epochs = 3}: PredictionWish = {}): Prediction {
	const {evaluation, fleet} = anEvaluation({shape, epochs});
	const others = (Object.keys(planShapes) as PlanShape[])
		.filter(other => other !== shape)
		.map(other => anEvaluation({shape: other, epochs}).evaluation)
		.sort((a, b) => a.joules - b.joules);
	return predictionOf(
		evaluation,
		{run: 'chain-1', dataset: 'made-up', startedAt: '2026-03-14T09:26:53.000Z', epochs, devices: fleet.devices},
		{
			objective: 'energy, done within 10 min',
			alternatives: [
				alternativeOf(evaluation, {chosen: true, feasible: true}),
				...others.map((other, index) =>
					alternativeOf(other, {
						chosen: false,
						feasible: index !== 1,
						because: index === 1 ? 'dev-3 has too little memory' : 'more energy',
					}),
				),
			],
			front: [
				pointOf(evaluation, {id: 'chosen', chosen: true, baseline: false, yaml: 'version: 1\n'}),
				...others.map((other, index) => pointOf(other, {id: `${index}`, chosen: false, baseline: index > 1})),
			],
		},
	);
}

export interface MeasuredWish {
	/** How many times what was predicted. */
	readonly compute?: number;
	readonly link?: number;
	readonly bytes?: number;
	/** Seconds before the first step. */
	readonly ready?: number;
	/** Part of the predicted steps that was done. */
	readonly done?: number;
}

/** What such a prediction's run might have measured: each step of it, and a coordinator that nobody predicted. */
export function measuredOf(
	{ledger, steps, stepSeconds}: Prediction,
	{compute = 1.05, link = 0.9, bytes = 1.002, ready = 1, done = 1}: MeasuredWish = {},
): Ledger {
	const count = Math.round(steps * done);
	const devices = ledger.devices.map((device): DeviceLedger => {
		const factor = {compute, send: link, receive: link, wait: 1, idle: 1};
		const costs = Object.fromEntries(
			phases.map(phase => {
				const {seconds, joules} = device.phases[phase];
				const extra = phase === 'idle' ? ready : 0;
				return [
					phase,
					{seconds: done * seconds * factor[phase] + extra, joules: done * joules * factor[phase] + 2 * extra},
				];
			}),
		) as Record<(typeof phases)[number], PhaseCost>;
		return {
			...device,
			phases: costs,
			joules: phases.reduce((sum, phase) => sum + costs[phase].joules, 0),
			bytesSent: Math.round(done * device.bytesSent * bytes),
			bytesReceived: Math.round(done * device.bytesReceived * bytes),
		};
	});
	const [first] = ledger.devices;
	const none: PhaseCost = {seconds: 0, joules: 0};
	const server: DeviceLedger = {
		...first!,
		device: 'coordinator',
		role: 'parameter server',
		emulated: false,
		phases: {compute: {seconds: 0.1, joules: 1}, send: none, receive: none, wait: none, idle: none},
		joules: 1,
		radioJoules: 0,
		bytesSent: 0,
		bytesReceived: 0,
	};
	const total = ledger.rounds.reduce((sum, round) => sum + round.bytes, 0);
	const seconds = stepSeconds * compute;
	return {
		...ledger,
		kind: 'measured',
		seconds: ready + count * seconds,
		rounds: Array.from({length: count}, (_, step) => ({
			round: step,
			step: step + 1,
			epoch: ((step + 1) * 3) / steps,
			at: ready + (step + 1) * seconds,
			seconds,
			loss: 2 / (step + 1),
			bytes: (total * bytes) / steps,
			joules: 1,
			devices: ledger.devices.map(({device}) => device),
		})),
		devices: [...devices, server],
		final: {loss: 2 / Math.max(1, count), state: done === 1 ? 'done' : 'interrupted'},
	};
}
