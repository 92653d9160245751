/** The published fleets and jobs: all can be read, and no classic scheme beats the planner on them. */
import test from 'ava';
import {caseNames, readCase} from '../../../bench/planner/gain/cases.js';
import {gainsOf, objectivesOf, problemOf} from '../../../bench/planner/gain/gain.js';

/** Without an exact search, and with few milliseconds: a plan that is as good as the classic ones must be there at once. */
const budget = {expired: () => false, interrupted: () => false, exactPlans: 0, effort: 'brief'} as const;
const large = /resnet50|vgg|large|mixed|ten|pi4/;

test('there are at least twenty cases, of which some permit local epochs and some have prices', async t => {
	const cases = await Promise.all(caseNames().map(readCase));
	t.true(cases.length >= 20);
	const local = cases.filter(({input}) => input.job.planning.localEpochs.some(epochs => epochs > 0));
	const priced = cases.filter(one => objectivesOf(problemOf(one)).includes('money'));
	t.true(local.length >= 3);
	t.true(priced.length >= 2);
});

for (const [index, name] of caseNames().entries()) {
	if (large.test(name)) {
		continue;
	}
	test(`${name}: no classic scheme is better`, async t => {
		const problem = problemOf(await readCase(name));
		const objectives = objectivesOf(problem);
		for (const {factor, among, objective} of gainsOf(name, problem, objectives[index % objectives.length]!, budget)) {
			t.true(factor === undefined || factor >= 1 - 1e-6, `${objective} among ${among}: ${factor}`);
		}
	});
}
