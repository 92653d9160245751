/** Cost model and simulator give every pass as many items as the executor does. */
import test from 'ava';
import fc from 'fast-check';
import {type EvaluateInput, evaluate} from '../../../core/cost/evaluate.js';
import type {PassTime} from '../../../core/cost/step-clock.js';
import {rangesOfPlan} from '../../../core/cost/traffic.js';
import {activeIn, divisionsOf} from '../../../core/plan/routing.js';
import {simulate} from '../../../planners/simulator/simulate.js';
import {randomCase} from '../../support/plans/random-costs.js';

/** Whether a pass takes as long as it does with the rows that the executor gives it. */
function isAsLong({plan, costs, fleet, training: {batch}}: EvaluateInput, pass: PassTime): boolean {
	const {stage, replica, kind, micro, from, to} = pass;
	const {count} = divisionsOf(plan, activeIn(plan, 0), batch)[micro]![stage]![replica]!;
	const {times} = fleet.devices.find(({device}) => device === pass.device)!;
	const seconds = times.pass(kind, ...rangesOfPlan(plan, costs.units.length)[stage]!, count);
	const other = times.pass(kind, ...rangesOfPlan(plan, costs.units.length)[stage]!, count + 1);
	return count > 0 && Math.abs(to - from - seconds) < 1e-3 * (other - seconds);
}

test('each pass has as many items in the cost model, the simulator and the executor, whatever does not divide', t => {
	let uneven = 0;
	fc.assert(
		fc.property(
			randomCase(['parallel-split', 'fpl-stacked', 'pipeline', 'u-shaped', 'fpl-aligned', 'splitfed']),
			fc.integer({min: 13, max: 61}),
			fc.integer({min: 1, max: 4}),
			({plan: built, training, ...rest}, batch, microBatches) => {
				const plan = {...built, pipeline: {...built.pipeline, microBatches}};
				const input = {...rest, plan, training: {...training, batch}};
				const divisions = divisionsOf(plan, activeIn(plan, 0), batch);
				const wanted = divisions.flatMap(division => division.flat()).filter(({count}) => count > 0);
				const passes = [evaluate(input).passes, simulate({...input, mostSteps: 1}).passes];
				for (const own of passes) {
					t.is(own.filter(({kind}) => kind !== 'backward').length, wanted.length);
					t.true(own.every(pass => isAsLong(input, pass)));
				}
				uneven += new Set(divisions).size > 1 ? 1 : 0;
			},
		),
		{numRuns: 60, seed: 2026},
	);
	t.true(uneven > 20);
});
