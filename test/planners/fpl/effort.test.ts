/** How much of a space that is too large to be searched whole is looked at. */
import test from 'ava';
import {problemOfSize} from '../../../bench/planner/speed.js';
import {Notebook} from '../../../planners/fpl/notebook.js';
import {planFpl} from '../../../planners/fpl/plan.js';
import {rulesOf} from '../../../planners/fpl/rules.js';
import type {Budget, Problem} from '../../../planners/problem.js';

const problem = problemOfSize({devices: 10, kinds: 10, units: 24, sources: 0, batch: 64}, 'dealt', 3);

const unlimited: Budget = {expired: () => false, interrupted: () => false, exactPlans: 0};

function found(budget: Budget, asked: Problem = problem) {
	const outcome = planFpl(asked, budget);
	if (outcome.kind !== 'planned') {
		throw new Error(outcome.kind);
	}
	return {value: outcome.best.value, ...outcome.figures};
}

/** Time for so many looks at the clock. */
const during = (looks: number): Budget['expired'] => {
	let seen = 0;
	return () => ++seen > looks;
};

test('shaking the best plan finds a better one that no single change leads to, the same at every call', t => {
	const brief = found({...unlimited, effort: 'brief'});
	const usual = found(unlimited);
	t.true(usual.value < 0.99 * brief.value, `${usual.value} of ${brief.value}`);
	t.true(usual.evaluated > brief.evaluated);
	t.deepEqual(found(unlimited), usual);
});

test('a thorough search goes on until its time is over, and is no worse for it', t => {
	const brief = found({...unlimited, effort: 'brief'});
	const [short, long] = [3000, 30_000].map(looks =>
		found({...unlimited, effort: 'thorough', expired: during(looks)}),
	) as [ReturnType<typeof found>, ReturnType<typeof found>];
	t.true(short.value <= brief.value && long.value <= short.value);
	t.true(long.evaluated > short.evaluated);
	t.true(long.bound <= long.value);
});

test('an exact search that takes long is helped by shaking, and its answer is the same plan or a better one', t => {
	const small = problemOfSize({devices: 5, kinds: 5, units: 16, sources: 1, batch: 32}, 'sources', 2);
	const exact = found({...unlimited, exactPlans: Number.POSITIVE_INFINITY}, small);
	t.true(exact.exact);
	t.true(exact.value <= found(unlimited, small).value * (1 + 1e-12));
});

test('of very many plans the better ones are kept, and the best is never forgotten', t => {
	const large = problemOfSize({devices: 8, kinds: 8, units: 40, sources: 2, batch: 32}, 'sources', 4);
	const rules = rulesOf(large);
	const notebook = new Notebook(large, rules);
	const [mode] = rules.modes;
	const last = large.costs.units.length - 1;
	let least = Number.POSITIVE_INFINITY;
	for (const first of rules.cuts) {
		for (const second of rules.cuts.filter(cut => cut > first)) {
			for (const [one, two] of [
				[2, 3],
				[4, 5],
			]) {
				const judged = notebook.judge({
					mode: mode!,
					stages: [
						{last: first, devices: [0, 1]},
						{last: second, devices: [one!]},
						{last, devices: [two!]},
					],
				});
				least = judged && judged.shortfalls.length === 0 ? Math.min(least, judged.value) : least;
			}
		}
	}
	t.true(notebook.evaluated > 1000, `${notebook.evaluated} plans`);
	t.true(notebook.ranked().length <= 1000);
	t.is(notebook.ranked()[0]!.value, least);
	t.is(notebook.best!.value, least);
});
