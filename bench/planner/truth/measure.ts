/** One plan: predicted, run, and both compared. */
import {type Evaluation, evaluate} from '../../../core/cost/evaluate.js';
import type {Ledger} from '../../../core/ledger/ledger.js';
import type {JobDocument} from '../../../core/plan/job.js';
import {median} from '../../stages/pictures.js';
import type {Fleet} from '../../stages/processes.js';
import {type Case, inputOf, jobOf, type PlanCase} from './cases.js';
import type {Row} from './table.js';

/** First steps, in which programs are compiled and links find out how fast they are. */
const warmUp = 2;
/** Epochs of plans whose steps come in groups; the first is not counted. */
const groups = 4;
/** Batches in such an epoch. */
const perGroup = 6;

export interface MeasureOptions {
	readonly data: string;
	readonly steps: number;
}

/** Seconds and bytes of a step, between records that are `apart` steps from each other. */
function measured({rounds}: Ledger, skipped: number, apart: number) {
	const kept = rounds.slice(skipped - 1);
	const ends = kept.filter((_, index) => index % apart === 0);
	const seconds = ends.slice(1).map(({at}, index) => (at - ends[index]!.at) / apart);
	const counted = kept.slice(1, 1 + seconds.length * apart);
	return {
		seconds: median(seconds),
		bytes: counted.reduce((sum, {bytes}) => sum + bytes, 0) / counted.length,
	};
}

/** Moments at which agents were later than the devices that they play, as they log it, and by how many milliseconds. */
const surpluses = (log: string): ReadonlyArray<{readonly time: number; readonly milliseconds: number}> =>
	[...log.matchAll(/"time":(\d+).*"surplusMs":([\d.]+)/gu)].map(([, time, milliseconds]) => ({
		time: Number(time),
		milliseconds: Number(milliseconds),
	}));

/** Part of a usual step by which this machine was slower than the devices that it played. */
function lateness({rounds, startedAt}: Ledger, skipped: number, log: string): number {
	const start = Date.parse(startedAt);
	const late = surpluses(log);
	const parts = rounds.slice(skipped).map(({at}, index) => {
		const from = start + rounds[skipped + index - 1]!.at * 1000;
		const to = start + at * 1000;
		const own = late.filter(({time}) => time > from && time <= to);
		return own.reduce((sum, {milliseconds}) => sum + milliseconds, 0) / (to - from);
	});
	return median(parts);
}

const phasesOf = (devices: Evaluation['devices'] | Ledger['devices'], steps: number) =>
	Object.fromEntries(
		devices.map(({device, phases, bytesSent, bytesReceived}) => [
			device,
			{
				...Object.fromEntries(
					Object.entries(phases).map(([phase, {seconds}]) => [phase, Number(((seconds * 1000) / steps).toFixed(2))]),
				),
				sent: Math.round(bytesSent / steps),
				received: Math.round(bytesReceived / steps),
			},
		]),
	);

/** Steps that come one by one are those of a long epoch: what comes at its end is not measured. */
function predict(task: Case, one: PlanCase, job: JobDocument, alone: boolean): Evaluation {
	const input = inputOf(task, one, job);
	const {training} = input;
	return evaluate(
		one.grouped || alone ? input : {...input, training: {...training, samples: training.samples * 100_000}},
	);
}

/** Replicas that train on their own: a round of theirs is an epoch. */
const areAlone = ({plan}: PlanCase): boolean => plan.stages.length === 1 && plan.synchronisation.exchange === 'weights';

/** A job of so many steps, or rounds; where steps come in groups, of a few of these. */
export function jobFor(task: Case, one: PlanCase, {data, steps}: MeasureOptions): JobDocument {
	const replicas = one.plan.stages[0]!.replicas.length;
	return jobOf(
		task,
		one,
		one.grouped
			? {data, limit: task.batch * perGroup, epochs: groups}
			: areAlone(one)
				? {data, limit: 2 * replicas * task.batch, epochs: steps}
				: {data, limit: task.batch * steps, epochs: 1},
	);
}

export async function measure(
	fleet: Fleet,
	task: Case,
	one: PlanCase,
	options: MeasureOptions,
): Promise<{readonly row: Row; readonly details: unknown}> {
	const job = jobFor(task, one, options);
	const predicted = predict(task, one, job, areAlone(one));
	const before = fleet.agentOutput().length;
	const {ledger, cpu} = await fleet.run(job, one.plan);
	const {rounds} = ledger;
	const apart = one.grouped ? rounds.length / groups : 1;
	const skipped = one.grouped ? apart : warmUp;
	const got = measured(ledger, skipped, apart);
	const perStep = predicted.seconds / predicted.steps;
	const row: Row = {
		model: task.model,
		plan: one.name,
		predictedMs: perStep * 1000,
		measuredMs: got.seconds * 1000,
		predictedBytes: predicted.bytes / predicted.steps,
		measuredBytes: got.bytes,
		late: lateness(ledger, skipped, fleet.agentOutput().slice(before)),
	};
	const details = {
		...row,
		plan: one.name,
		stages: one.plan.stages.map(({units, replicas: all}) => [units, all.map(({device}) => device)]),
		steps: [rounds.length, predicted.steps],
		predicted: phasesOf(predicted.devices, predicted.steps),
		measured: phasesOf(ledger.devices, rounds.length),
		cpuMs: cpu.map(seconds => Number(((seconds * 1000) / rounds.length).toFixed(1))),
		stepMs: rounds.slice(1).map(({at}, index) => Number(((at - rounds[index]!.at) * 1000).toFixed(1))),
		bytes: rounds.map(({bytes}) => bytes),
		passes: [
			predicted.passes.map(({device, kind, micro, from, to}) =>
				[device, kind, micro, (from * 1000).toFixed(1), (to * 1000).toFixed(1)].join(' '),
			),
			(ledger.timeline?.passes ?? []).map(({device, kind, micro, from, to}) =>
				[device, kind, micro, from.toFixed(1), to.toFixed(1)].join(' '),
			),
		],
	};
	return {row, details};
}
