import test from 'ava';
import fc from 'fast-check';
import {seededRandom} from '../../core/random.js';
import {planFpl} from '../../planners/fpl/plan.js';
import {amountsOf} from '../../planners/objective.js';
import {dominates, paretoFront, undominated} from '../../planners/pareto.js';
import {measures} from '../../planners/problem.js';
import {randomProblem} from '../support/planning/random-problems.js';

const budget = {expired: () => false, interrupted: () => false, exactPlans: 1000};

test('what stays is beaten by nothing, and what goes is beaten by something that stays', t => {
	const amount = fc.integer({min: 0, max: 8});
	const points = fc.array(fc.record({time: amount, bytes: amount, energy: amount, money: amount}), {maxLength: 40});
	fc.assert(
		fc.property(points, list => {
			const all = list.map(amounts => ({amounts}));
			const front = undominated(all, measures);
			const kept = new Set(front);
			for (const point of all) {
				const beaten = front.some(other => dominates(other.amounts, point.amounts, measures));
				const twin = front.some(other => measures.every(measure => other.amounts[measure] === point.amounts[measure]));
				if (kept.has(point) ? beaten : !beaten && !twin) {
					return false;
				}
			}
			return true;
		}),
		{seed: 7, numRuns: 200},
	);
	t.pass();
});

test('the front reaches the best of each measure', t => {
	for (let seed = 1; seed <= 6; seed++) {
		const problem = {
			...randomProblem(seededRandom(seed), {devices: 4, units: 5}),
			objective: {kind: 'one', measure: 'time'} as const,
		};
		const first = planFpl(problem, budget);
		if (first.kind !== 'planned') {
			continue;
		}
		const front = paretoFront(problem, [first.best, ...first.alternatives], budget).map(({evaluation}) =>
			amountsOf(evaluation),
		);
		for (const measure of ['time', 'bytes', 'energy'] as const) {
			const alone = planFpl({...problem, objective: {kind: 'one', measure}}, budget);
			const least = alone.kind === 'planned' ? amountsOf(alone.best.evaluation)[measure] : Number.NaN;
			const reached = Math.min(...front.map(amounts => amounts[measure]));
			t.true(reached <= least * 1.02, `seed ${seed}: ${measure} ${reached}, alone ${least}`);
		}
	}
});
