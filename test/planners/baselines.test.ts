/** The classic schemes that plans are held against. */
import test from 'ava';
import {checkPlan} from '../../core/plan/check.js';
import {seededRandom} from '../../core/random.js';
import {baselinesOf} from '../../planners/baselines.js';
import {candidateOf} from '../../planners/explain.js';
import {planOfCandidate} from '../../planners/fpl/candidate.js';
import {planFpl} from '../../planners/fpl/plan.js';
import {permitsShape, rulesOf} from '../../planners/fpl/rules.js';
import {planProblem} from '../../planners/plan-problem.js';
import type {Problem} from '../../planners/problem.js';
import {everyCandidate} from '../support/planning/brute-force.js';
import {randomFleet, randomModel, randomProblem} from '../support/planning/random-problems.js';

const budget = {expired: () => false, interrupted: () => false, exactPlans: 5000};

function problem(seed: number, measure: 'time' | 'energy'): Problem {
	const random = seededRandom(seed);
	const costs = randomModel(random, 8);
	const fleet = randomFleet(random, costs, 1, {devices: 5, kinds: 4, sources: 2});
	return {
		costs,
		fleet: {
			...fleet,
			devices: fleet.devices.map(device => ({...device, profile: {...device.profile, memoryBytes: 8e9}})),
		},
		training: {batch: 64, epochs: 1, slots: 1, samples: 2000},
		data: {kind: 'sources', devices: ['d0', 'd1'], rawData: 'stays'},
		objective: {kind: 'one', measure},
		constraints: {most: {}, exclude: new Set(), pinned: [], minimumReplicas: 1},
		space: {
			microBatches: [1, 4],
			schedules: ['1f1b'],
			codecs: [{kind: 'fp32'}],
			localEpochs: [0],
			mostStages: 5,
			mostReplicas: 4,
		},
	};
}

test('every scheme for two sources and a helper is there, each a plan that can be run', t => {
	const found = baselinesOf(problem(1, 'time'));
	t.deepEqual(
		found.map(({scheme}) => scheme).toSorted(),
		[
			'PipeDream',
			'd-sgd',
			'equal pipeline',
			'fedavg',
			'fpl-stacked',
			'parallel-split',
			'split-fed',
			'split-learning',
		].toSorted(),
	);
	for (const {plan} of found) {
		t.notThrows(() => checkPlan(plan));
	}
});

test('no scheme that computes the same is better than the chosen plan', t => {
	for (let seed = 1; seed <= 8; seed++) {
		for (const measure of ['time', 'energy'] as const) {
			const asked = problem(seed, measure);
			const outcome = planFpl(asked, budget);
			t.is(outcome.kind, 'planned');
			for (const {scheme, value} of baselinesOf(asked).filter(({exact}) => exact)) {
				const own = outcome.kind === 'planned' ? outcome.best.value : Number.NaN;
				t.true(own <= value * (1 + 1e-9), `seed ${seed}, ${measure}: ${own} against ${value} of ${scheme}`);
			}
		}
	}
});

test('a scheme that the job does not permit says so, and is not chosen however cheap', t => {
	const asked = problem(3, 'time');
	const {baselines} = planProblem(asked, budget);
	t.true(baselines.filter(({exact}) => exact).every(({permitted, shortfalls}) => permitted || shortfalls.length > 0));
	const strict = {...asked, constraints: {...asked.constraints, minimumReplicas: 2}};
	const {outcome, baselines: held} = planProblem(strict, budget);
	const alone = held.filter(({plan}) => plan.stages.slice(1).some(({replicas}) => replicas.length < 2));
	t.true(alone.length > 0);
	t.true(alone.every(({permitted}) => !permitted));
	t.true(outcome.kind === 'planned' && outcome.best.plan.stages.slice(1).every(({replicas}) => replicas.length >= 2));
});

test('what a problem permits is the same of a plan as of the candidate that it was made of', t => {
	let [permitted, refused] = [0, 0];
	for (let seed = 1; seed <= 12; seed++) {
		const wide = randomProblem(seededRandom(seed), {devices: 4, units: 5});
		const narrow = {
			...wide,
			constraints: {...wide.constraints, minimumReplicas: 2},
			space: {...wide.space, mostStages: 2, mostReplicas: 2, microBatches: wide.space.microBatches.slice(0, 1)},
		};
		const rules = rulesOf(narrow);
		for (const candidate of everyCandidate(wide)) {
			const known = candidateOf(narrow, planOfCandidate(narrow, candidate))!;
			// A plan of one stage has no micro-batches, whatever it was made of.
			const alone = candidate.stages.length === 1;
			const mode = alone ? {...candidate.mode, microBatches: 1} : candidate.mode;
			const is = permitsShape(narrow, rules, known);
			t.is(is, permitsShape(narrow, rules, {...candidate, mode}), JSON.stringify(candidate));
			const {stages} = candidate;
			t.false(
				is && (stages.length > 2 || (stages.some(({devices}) => devices.length > 2) && rules.sources === undefined)),
			);
			t.false(is && stages.slice(1).some(({devices}) => devices.length < 2));
			permitted += is ? 1 : 0;
			refused += is ? 0 : 1;
		}
	}
	t.true(permitted > 20 && refused > 20, `${permitted} and ${refused}`);
});
