/** Runs of other kinds than one update at every step, which go on by another plan while they are under way. */
import type {ExecutionContext} from 'ava';
import type {RunId} from '../../../core/ids.js';
import type {Ledger} from '../../../core/ledger/ledger.js';
import type {RunUpdate} from '../../../core/ledger/run-update.js';
import type {JobDocument} from '../../../core/plan/job.js';
import type {Plan} from '../../../core/plan/plan.js';
import type {TestFleet} from '../a-fleet.js';
import {equalsAlone} from './moves.js';
import type {Alone} from './plan-subjects.js';
import {planAlone} from './plans-alone.js';

/** The weights are those that one machine computes by the plan that the run began with. */
export const equalsFirstPlan = (
	t: ExecutionContext<unknown>,
	fleet: TestFleet,
	{
		run,
		job,
		first,
		reference,
	}: {readonly run: RunId; readonly job: JobDocument; readonly first: Plan; readonly reference: Alone},
): Promise<void> =>
	equalsAlone(t, fleet, run, async (engine, bytes) => reference(await planAlone(engine, bytes, job, first)));

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
