/** The planner against every plan there is: a few of the instances that `npm run bench:planner -- optimality` looks at. */
import test from 'ava';
import {compare, smallProblems} from '../../../bench/planner/optimality.js';

test('on small problems no plan is better than the planner’s, whatever counts', t => {
	let seen = 0;
	for (const {problem} of smallProblems(7, 300)) {
		for (const {objective, brute, planned, equal} of compare(problem).objectives) {
			t.true(equal, `instance ${seen}, ${objective}: ${planned} against ${brute}`);
		}
		if (++seen >= 16) {
			break;
		}
	}
});
