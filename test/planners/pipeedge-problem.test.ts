/** Pipelines for models and boards of which PipeEdge's files tell. */
import path from 'node:path';
import test from 'ava';
import {readPipeEdgeFolder} from '../../core/profile/pipeedge.js';
import {judge} from '../../planners/fpl/candidate.js';
import {Estimates} from '../../planners/fpl/estimates.js';
import {planFpl} from '../../planners/fpl/plan.js';
import {rulesOf} from '../../planners/fpl/rules.js';
import {boardsOf, problemOfPipeEdge} from '../../planners/pipeedge-problem.js';
import {everyCandidate} from '../support/planning/brute-force.js';

const folder = path.resolve(import.meta.dirname, '../../../test/fixtures/pipeedge');
const budget = {expired: () => false, interrupted: () => false, exactPlans: 20_000};

test('the planner’s pipeline is the cheapest of all, for inference as for training', async t => {
	const profile = await readPipeEdgeFolder(folder, {batch: 8});
	const taken: number[] = [];
	for (const passes of ['inference', 'training'] as const) {
		for (const microBatches of [1, 4, 16]) {
			const problem = problemOfPipeEdge(profile, {passes, microBatches});
			const outcome = planFpl(problem, budget);
			const about = `${passes}, ${microBatches}`;
			if (outcome.kind !== 'planned') {
				t.fail(about);
				continue;
			}
			const {best, figures} = outcome;
			const estimates = new Estimates(problem, rulesOf(problem));
			let [least, plans] = [Number.POSITIVE_INFINITY, 0];
			for (const candidate of everyCandidate(problem)) {
				const {value} = judge(problem, candidate);
				least = Math.min(least, value);
				plans++;
				t.true(estimates.bound(candidate) <= value * (1 + 1e-9), `${about}: ${JSON.stringify(candidate)}`);
			}
			t.true(plans > 10);
			t.true(figures.exact, about);
			t.true(Math.abs(best.value / least - 1) < 1e-9, `${about}: ${best.value}, ${least}`);
			taken.push(best.value);
		}
	}
	t.true(
		taken.slice(0, 3).every((seconds, index) => 2 * seconds < taken[index + 3]!),
		taken.join(),
	);
});

test('inference sends activations one way, keeps weights only, and computes forward passes', async t => {
	const profile = await readPipeEdgeFolder(folder, {batch: 8});
	const outcome = planFpl(problemOfPipeEdge(profile, {passes: 'inference', microBatches: 16}), budget);
	if (outcome.kind !== 'planned') {
		t.fail();
		return;
	}
	const {plan, evaluation} = outcome.best;
	t.deepEqual(
		plan.stages.map(({units}) => units),
		[
			[0, 2],
			[3, 3],
		],
	);
	const [first, second] = evaluation.devices;
	// 16 × 8 items of layers 0 to 2 at 0.21 s per 8 items on the fast board, of layer 3 at 0.05 s on the slow one.
	t.true(Math.abs(first!.phases.compute.seconds - 16 * 0.21) < 1e-9);
	t.true(Math.abs(second!.phases.compute.seconds - 16 * 0.05) < 1e-9);
	// 1024 float32 of each item, with the heads of messages.
	const payload = 128 * 1024 * 4;
	t.true(evaluation.bytes >= payload && evaluation.bytes < 1.05 * payload, `${evaluation.bytes}`);
	t.true(first!.memoryBytes >= 6e6 && first!.memoryBytes < 7e6, `${first!.memoryBytes}`);
	t.is(evaluation.joules, 0);
});

test('a latency that is given is that of every board', async t => {
	const profile = await readPipeEdgeFolder(folder, {batch: 8});
	t.deepEqual(
		boardsOf(profile, 0.02).map(({device, profile: {name, link}}) => [device, name, link.latencySeconds]),
		[
			['slow-0', 'slow-board', 0.02],
			['slow-1', 'slow-board', 0.02],
			['fast-0', 'fast-board', 0.02],
		],
	);
});
