/** Runs of other kinds than one update at every step, which go on by another plan while they are under way. */
import type {ExecutionContext} from 'ava';
import {runId} from '../../../core/ids.js';
import type {Ledger} from '../../../core/ledger/ledger.js';
import type {RunUpdate} from '../../../core/ledger/run-update.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {JobDocument} from '../../../core/plan/job.js';
import {type Plan, planSchema} from '../../../core/plan/plan.js';
import {importModel} from '../../../models/import/model.js';
import type {TestFleet} from '../a-fleet.js';
import {relativeError, type Weights} from '../one-machine.js';
import {weightsOf} from './plan-runs.js';

export const trainedWeights = async (fleet: TestFleet, run: string): Promise<Weights> =>
	weightsOf(importModel(await fleet.store.file(runId(run), 'trained.onnx')));

/** The same plan on other devices, which nobody slows down. */
async function onOthers(fleet: TestFleet, plan: Plan) {
	const names = new Map(devicesOf(plan).map((device, index) => [device, `calm-${index + 1}`]));
	for (const name of names.values()) {
		await fleet.device(name);
	}
	return planSchema.parse({
		...plan,
		stages: plan.stages.map(stage => ({
			...stage,
			replicas: stage.replicas.map(({device, share}) => ({device: names.get(device)!, share})),
		})),
	});
}

/** The weights are those of a run that kept its first plan to the end. */
export async function equalsFirstPlan(
	t: ExecutionContext<unknown>,
	fleet: TestFleet,
	{run, job, first}: {readonly run: string; readonly job: JobDocument; readonly first: Plan},
): Promise<void> {
	const plan = await onOthers(fleet, first);
	const {sources, ...data} = job.data;
	const calm = await fleet.submit({...job, data, devices: {only: [...devicesOf(plan)], wait: '20 s'}}, plan);
	const ledger = await fleet.finish(calm);
	t.is(ledger.final.state, 'done', ledger.final.because);
	const [got, expected] = [await trainedWeights(fleet, run), await trainedWeights(fleet, calm)];
	t.is(got.parameters.length, expected.parameters.length);
	const error = relativeError(got.parameters, expected.parameters);
	t.log(`apart from an undisturbed run: ${error.toExponential(1)}`);
	t.true(error <= 1e-5, `weights differ by ${error}`);
}

export const plansIn = (updates: readonly RunUpdate[]): readonly Plan[] =>
	updates.flatMap(update => (update.kind === 'planned' ? [update.plan] : []));

/** The run does something once when it has come to a round. */
export function atRound(round: number, act: () => Promise<unknown>): (update: RunUpdate) => Promise<void> {
	let done = false;
	return async update => {
		if (update.kind === 'round' && update.record.round >= round && !done) {
			done = true;
			await act();
		}
	};
}

/** Nothing begins from scratch: after a move the loss is about where it was, and every round is in the curve once. */
export function goesOn(t: ExecutionContext<unknown>, {rounds, final, notes}: Ledger, count: number): void {
	t.is(final.state, 'done', final.because);
	t.deepEqual(
		rounds.map(({round}) => round),
		Array.from({length: count}, (_, round) => round),
	);
	const meanOf = (some: typeof rounds) => some.reduce((sum, {loss}) => sum + loss, 0) / Math.max(1, some.length);
	const few = Math.max(1, Math.floor(count / 10));
	const [begin, end] = [meanOf(rounds.slice(0, few)), meanOf(rounds.slice(-few))];
	t.true(end < begin, `the loss goes from ${begin} to ${end}`);
	for (const {at} of notes.filter(({text}) => text.startsWith('moves from'))) {
		const next = rounds.findIndex(round => round.at > at);
		const [before, after] = [
			meanOf(rounds.slice(Math.max(0, next - few), next)),
			meanOf(rounds.slice(next, next + few)),
		];
		t.true(next > 0 && after < before + 0.5 * (begin - end), `a move takes the loss from ${before} to ${after}`);
	}
}
