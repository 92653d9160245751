/** The programme beside every plan there is, on a small problem of the form that `npm run bench:planner -- milp` takes. */
import test from 'ava';
import {plannedValue, wiredProblem} from '../../../bench/planner/milp.js';
import {programmeBound} from '../../../bench/planner/programme.js';
import {type Measure, measures} from '../../../planners/problem.js';
import {cheapest} from '../../support/planning/cheapest.js';

for (const [seed, microBatches] of [
	[1, 1],
	[2, 4],
] as const) {
	test(`the optimum of the programme is that of brute force, ${microBatches} micro-batches`, async t => {
		const problemOf = (measure: Measure) => wiredProblem(seed, {devices: 3, kinds: 2, units: 6, microBatches, measure});
		const {values} = cheapest(problemOf('time'));
		for (const measure of measures) {
			const problem = problemOf(measure);
			const {samples, batch} = problem.training;
			const least = values.get(measure)! / (samples / batch);
			const {bound, solved} = await programmeBound(problem, {enough: 1.01 * least, limit: 60});
			const about = `${measure}: ${bound} against ${least}`;
			t.true(solved, about);
			// Times count a little besides other measures, and optima are sought to a ten thousandth.
			t.true(bound <= least * (1 + 1e-9) && bound >= least * (1 - 3e-4), about);
			const {value} = plannedValue(problem);
			t.true(value >= bound * (1 - 1e-9) && value <= 1.01 * bound, `${about}, planned ${value}`);
		}
	});
}

test('a programme that finds nothing better than what is enough says just that', async t => {
	const problem = wiredProblem(3, {devices: 3, kinds: 2, units: 6, microBatches: 1, measure: 'energy'});
	const {value} = plannedValue(problem);
	const {bound, solved} = await programmeBound(problem, {enough: 0.9 * value, limit: 60});
	t.true(solved);
	t.true(Math.abs(bound / value - 0.9) < 1e-9);
});
