/** The planner against the cheapest of all plans: some of the instances that `npm run bench:planner -- optimality` looks at. */
import test from 'ava';
import {compare, smallProblems} from '../../../bench/planner/optimality.js';
import {seededRandom} from '../../../core/random.js';
import {bruteForce} from '../../support/planning/brute-force.js';
import {cheapest} from '../../support/planning/cheapest.js';
import {randomProblem} from '../../support/planning/random-problems.js';

/** Its first 20 problems have 15,000 plans, and among them is every kind of data with 5 devices and 12 units. */
const seed = 34;

test('on small problems no plan is better than the planner’s, whatever counts', t => {
	let seen = 0;
	const large = new Set<string>();
	for (const problem of smallProblems(seed)) {
		const {objectives, devices, units, data} = compare(problem);
		for (const {objective, brute, planned, equal} of objectives) {
			t.true(equal, `instance ${seen}, ${objective}: ${planned} against ${brute}`);
		}
		if (devices === 5 && units === 12) {
			large.add(data);
		}
		if (++seen >= 20) {
			break;
		}
	}
	t.deepEqual([...large].sort(), ['aligned', 'dealt, may-move', 'dealt, stays', 'sources, may-move', 'sources, stays']);
});

test('nor where labels stay with those who own the data', t => {
	let [seen, folded] = [0, 0];
	for (const problem of smallProblems(seed, 'stay')) {
		const {objectives, plans, data} = compare(problem);
		t.regex(data, /labels stay/u);
		folded += plans > 2 ? 1 : 0;
		for (const {objective, brute, planned, equal} of objectives) {
			t.true(equal, `instance ${seen}, ${objective}: ${planned} against ${brute}`);
		}
		if (++seen >= 10) {
			break;
		}
	}
	t.true(folded >= 5, `${folded}`);
});

test('what is said to be cheapest is so among all plans, and no plan costs less than it does at least', t => {
	for (let draw = 1; draw <= 36; draw++) {
		const random = seededRandom(900 + draw);
		const options = draw > 24 ? ({data: 'sources', labels: 'stay'} as const) : {};
		const problem = randomProblem(random, {devices: 2 + (draw % 3), units: 3 + (draw % 4), ...options});
		const {values} = cheapest(problem, {everything: true});
		for (const [measure, value] of values) {
			const {best} = bruteForce({...problem, objective: {kind: 'one', measure}});
			t.is(best?.shortfalls.length, 0);
			t.true(Math.abs(best!.value / value - 1) < 1e-12, `problem ${draw}, ${measure}: ${value} against ${best!.value}`);
		}
		if (values.size === 0) {
			t.not(bruteForce(problem).best?.shortfalls.length, 0);
		}
	}
});
