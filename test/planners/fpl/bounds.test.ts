/** Bounds that planners search by: no plan may be better than what is said of it. */
import test from 'ava';
import {seededRandom} from '../../../core/random.js';
import {judge} from '../../../planners/fpl/candidate.js';
import {Estimates} from '../../../planners/fpl/estimates.js';
import {ModeSearch, Search} from '../../../planners/fpl/exact.js';
import {rulesOf} from '../../../planners/fpl/rules.js';
import {measures} from '../../../planners/problem.js';
import {everyCandidate} from '../../support/planning/brute-force.js';
import {type ProblemOptions, randomProblem} from '../../support/planning/random-problems.js';

const budget = {expired: () => false, interrupted: () => false, exactPlans: 0};

const bounded = test.macro((t, options: Pick<ProblemOptions, 'data' | 'labels'>) => {
	let held = 0;
	for (let seed = 1; seed <= 60; seed++) {
		const random = seededRandom(seed);
		const base = randomProblem(random, {devices: 2 + (seed % 3), units: 3 + (seed % 7), ...options});
		const candidates = [...everyCandidate(base)].filter(({stages}) => stages.length > 1);
		for (const measure of measures) {
			const problem = {...base, objective: {kind: 'one', measure} as const};
			const rules = rulesOf(problem);
			const estimates = new Estimates(problem, rules);
			const modes = new Map(
				rules.modes.map(mode => {
					const search = new ModeSearch(new Search(problem, undefined, budget), problem, rules, mode);
					return [`${mode.microBatches} ${mode.codec.kind}`, search.bound()];
				}),
			);
			for (let draw = 0; draw < Math.min(6, candidates.length); draw++) {
				const candidate = candidates[Math.floor(random.next() * candidates.length)]!;
				const {value} = judge(problem, candidate);
				const {microBatches, codec} = candidate.mode;
				const about = `seed ${seed}, ${measure}, ${JSON.stringify(candidate)}`;
				t.true(estimates.bound(candidate) <= value * (1 + 1e-9), about);
				t.true(modes.get(`${microBatches} ${codec.kind}`)! <= value * (1 + 1e-9), about);
				held++;
			}
		}
	}
	t.true(held > 500);
});

test('no plan costs less than the bound on it, nor than the bound on all of its mode', bounded, {});

test('nor does one with labels that stay with the sources', bounded, {data: 'sources', labels: 'stay'});
