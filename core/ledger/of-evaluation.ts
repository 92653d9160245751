/** An evaluated plan as a ledger of kind `predicted`: the same shape as what a run measures. Pure. */
import type {DeviceCosts, Evaluation} from '../cost/evaluate.js';
import type {CostDevice} from '../cost/fleet.js';
import {planDigest} from '../plan/digest.js';
import type {DeviceLedger, Ledger, RoundRecord, Timeline} from './ledger.js';
import type {Alternative, PlanPoint, Prediction} from './prediction.js';

export interface PredictionNames {
	/** Empty while there is no run yet. */
	readonly run: string;
	readonly dataset: string;
	/** ISO 8601. */
	readonly startedAt: string;
	readonly epochs: number;
	/** Of the fleet that the plan was evaluated on; it may hold more devices than the plan. */
	readonly devices: readonly Pick<CostDevice, 'device' | 'profile' | 'emulated'>[];
}

/** More points than that say nothing more in a curve. */
const mostRounds = 1000;
const mostPasses = 4000;

function deviceLedger(costs: DeviceCosts, steps: number, names: PredictionNames): DeviceLedger {
	const known = names.devices.find(({device}) => device === costs.device);
	const {device, role, phases, radioJoules, joules, bytesSent, bytesReceived, items, memoryBytes} = costs;
	return {
		device,
		profile: known?.profile.name ?? device,
		emulated: known?.emulated ?? false,
		role,
		phases,
		radioJoules,
		joules,
		energySource: 'modelled',
		bytesSent,
		bytesReceived,
		items,
		peakMemoryBytes: memoryBytes,
		roundsAsked: steps,
		roundsDone: steps,
	};
}

/** An equal part of the run for each epoch; what a loss will be nobody predicts. */
function roundsOf({seconds, bytes, joules, devices}: Evaluation, steps: number, epochs: number): RoundRecord[] {
	const count = Math.max(1, Math.min(mostRounds, Math.round(epochs)));
	return Array.from({length: count}, (_, round) => ({
		round,
		step: Math.round((steps * (round + 1)) / count),
		epoch: (epochs * (round + 1)) / count,
		at: (seconds * (round + 1)) / count,
		seconds: seconds / count,
		loss: Number.NaN,
		bytes: bytes / count,
		joules: joules / count,
		devices: devices.map(({device}) => device),
	}));
}

const timelineOf = ({stepSeconds, passes}: Evaluation): Timeline => ({
	step: 0,
	milliseconds: stepSeconds * 1000,
	oneClock: true,
	passes: passes.slice(0, mostPasses).map(pass => ({...pass, from: pass.from * 1000, to: pass.to * 1000})),
});

/** Its sums are the evaluation's: seconds, bytes and joules of the rounds, and of the devices. */
export function ledgerOfEvaluation(evaluation: Evaluation, names: PredictionNames): Ledger {
	const {plan, seconds, devices} = evaluation;
	const steps = Math.max(1, Math.round(evaluation.steps));
	return {
		version: 1,
		kind: 'predicted',
		run: names.run,
		model: plan.model,
		dataset: names.dataset,
		scheme: plan.scheme,
		startedAt: names.startedAt,
		seconds,
		rounds: roundsOf(evaluation, steps, names.epochs),
		devices: devices.map(costs => deviceLedger(costs, steps, names)),
		notes: [],
		timeline: timelineOf(evaluation),
		final: {loss: Number.NaN, state: 'done'},
	};
}

export interface PredictionExtras {
	/** In words: «energy, time at most 10 min 00 s»; absent where the plan was given. */
	readonly objective?: string;
	/** From the best to the worst. */
	readonly alternatives?: readonly Alternative[];
	readonly front?: readonly PlanPoint[];
}

/** The whole document that is kept with a run. */
export function predictionOf(
	evaluation: Evaluation,
	names: PredictionNames,
	{objective, alternatives = [], front}: PredictionExtras,
): Prediction {
	const {plan, stepSeconds, steps, dollars, bottleneck, devices} = evaluation;
	return {
		version: 1,
		ledger: ledgerOfEvaluation(evaluation, names),
		...(objective === undefined ? {} : {objective}),
		planDigest: planDigest(plan),
		stepSeconds,
		steps,
		dollars,
		bottleneck,
		links: names.devices
			.filter(({device}) => devices.some(costs => costs.device === device))
			.map(({device, profile: {link}}) => ({
				device,
				upBytesPerSecond: link.upBytesPerSecond,
				downBytesPerSecond: link.downBytesPerSecond,
			})),
		alternatives,
		...(front === undefined ? {} : {front}),
	};
}
