/** The planner's exact search against every plan there is. */
import test from 'ava';
import {seededRandom} from '../../../core/random.js';
import {searchAll} from '../../../planners/fpl/exact.js';
import {rulesOf} from '../../../planners/fpl/rules.js';
import {bruteForce} from '../../support/planning/brute-force.js';
import {type ProblemOptions, randomProblem} from '../../support/planning/random-problems.js';

const budget = {expired: () => false, interrupted: () => false, exactPlans: Number.POSITIVE_INFINITY};

const sizeOf = (seed: number) => ({devices: 2 + (seed % 3), units: 3 + (seed % 5)});

interface Kind extends Pick<ProblemOptions, 'data' | 'labels'> {
	readonly minimumReplicas?: number;
}

const anywhere = test.macro((t, {minimumReplicas = 1, ...options}: Kind) => {
	let evaluated = 0;
	let all = 0;
	for (let seed = 1; seed <= 40; seed++) {
		const random = seededRandom(seed);
		const free = randomProblem(random, {...sizeOf(seed), ...options});
		const problem = {...free, constraints: {...free.constraints, minimumReplicas}};
		const {best, plans} = bruteForce(problem);
		const found = searchAll(problem, rulesOf(problem), undefined, budget);
		t.is(found.best === undefined, best === undefined, `seed ${seed}`);
		if (best && found.best && best.shortfalls.length === 0) {
			const difference = (found.best.value - best.value) / best.value;
			t.true(
				Math.abs(difference) < 1e-9,
				`seed ${seed}: ${found.best.value} against ${best.value}, ${JSON.stringify(best.candidate)}`,
			);
		}
		evaluated += found.evaluated;
		all += plans;
	}
	t.log(`${evaluated} of ${all} plans evaluated`);
	t.true(evaluated < all);
});

test('no plan is better than the one that the exact search finds', anywhere, {});

test('nor is one where labels stay with the sources', anywhere, {data: 'sources', labels: 'stay'});

test('nor is one where every stage that is not the sources’ own has two devices at least', anywhere, {
	minimumReplicas: 2,
});
