/** The classic schemes that plans are held against. */
import {isDeepStrictEqual} from 'node:util';
import test from 'ava';
import {checkPlan} from '../../core/plan/check.js';
import {seededRandom} from '../../core/random.js';
import {baselineOf, baselinesOf} from '../../planners/baselines.js';
import {Schemes} from '../../planners/classic/schemes.js';
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
			'model-split',
			'parallel-split',
			'split-fed',
			'split-learning',
			'u-shaped',
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

const views = (seed: number): Problem => {
	const {fleet, ...asked} = problem(seed, 'time');
	const devices = fleet.devices.map(device => ({...device, samples: undefined}));
	return {...asked, fleet: {...fleet, devices}, data: {kind: 'aligned', devices: ['d0', 'd1'], junction: 'mean'}};
};

test('where sources see the same items, schemes that merge views are held against those that do not', t => {
	const found = baselinesOf(views(1));
	const named = (exact: boolean) =>
		found
			.filter(one => one.exact === exact)
			.map(({scheme}) => scheme)
			.toSorted();
	t.deepEqual(named(true), ['fpl-aligned']);
	t.deepEqual(named(false), ['d-sgd', 'fedavg', 'parallel-split', 'split-fed', 'split-learning', 'u-shaped']);
	for (const {plan} of found) {
		t.notThrows(() => checkPlan(plan));
	}
	// A pass over the data is one over every view of every item.
	const steps = (scheme: string) => found.find(one => one.scheme === scheme)!.evaluation.steps;
	t.true(steps('parallel-split') >= 1.9 * steps('fpl-aligned'));
	const {baselines, outcome} = planProblem(views(1), budget);
	t.true(baselines.every(({exact, permitted}) => exact || !permitted));
	t.true(outcome.kind === 'planned' && outcome.best.plan.stages[1]!.junction.mode === 'aligned');
});

test('no plan of a scheme costs less than is said before it is evaluated', t => {
	let compared = 0;
	for (let seed = 1; seed <= 8; seed++) {
		const base = randomProblem(seededRandom(seed), {devices: 5, units: 6});
		for (const measure of ['time', 'bytes', 'energy', 'money'] as const) {
			const asked: Problem = {...base, objective: {kind: 'one', measure}};
			const schemes = new Schemes(asked, rulesOf(asked));
			for (const scheme of asked.data.kind === 'aligned' ? schemes.merging() : schemes.forOwners()) {
				for (const {least, plan} of scheme.attempts()) {
					const value = baselineOf(asked, scheme, plan())?.value ?? Number.POSITIVE_INFINITY;
					t.true(least <= value * (1 + 1e-9), `seed ${seed}, ${measure}, ${scheme.scheme}: ${least} and ${value}`);
					compared++;
				}
			}
		}
	}
	t.true(compared > 500, `${compared}`);
});

test('when time is over one plan of each scheme is looked at, the most promising one, and that is said', t => {
	const asked = problem(1, 'time');
	const all = baselinesOf(asked);
	t.true(all.every(({partly}) => !partly));
	const late = baselinesOf(asked, {expired: () => true, interrupted: () => false});
	t.deepEqual(late.map(({scheme}) => scheme).toSorted(), all.map(({scheme}) => scheme).toSorted());
	t.true(late.some(({partly}) => partly));
	for (const {scheme, value, partly} of late) {
		const best = all.find(one => one.scheme === scheme)!;
		t.true(value >= best.value && (partly || value === best.value), scheme);
		t.true(value <= 1.5 * best.value, `${scheme}: ${value} and ${best.value}`);
	}
	t.deepEqual(baselinesOf(asked, {expired: () => false, interrupted: () => true}), []);
});

test('where the classic U comes near, plans in which sources have the last stage are looked at, though labels may travel', t => {
	let better = 0;
	for (const seed of [2, 64, 90, 201, 224]) {
		const random = randomProblem(seededRandom(seed), {devices: 3 + (seed % 3), units: 6 + (seed % 7), data: 'sources'});
		const asked: Problem = {...random, objective: {kind: 'one', measure: 'time'}};
		const [alone, {outcome, baselines}] = [planFpl(asked, budget), planProblem(asked, budget)];
		t.true(alone.kind === 'planned' && outcome.kind === 'planned');
		if (alone.kind === 'planned' && outcome.kind === 'planned') {
			t.true(outcome.best.value <= alone.best.value);
			t.true(outcome.figures.bound <= outcome.best.value * (1 + 1e-9));
			if (outcome.best.value < alone.best.value) {
				better++;
				t.is(checkPlan(outcome.best.plan).labels, 'stay');
				// A plan that is a classic scheme's as well is shown as that.
				const shown = [...outcome.alternatives.slice(0, 1), ...baselines].map(({plan}) => ({...plan, scheme: ''}));
				t.true(shown.some(plan => isDeepStrictEqual(plan, {...alone.best.plan, scheme: ''})));
			}
		}
	}
	t.true(better >= 3, `${better}`);
});

test('where labels stay, schemes that move them are shown and not permitted, and the plan is no worse than the others', t => {
	for (let seed = 1; seed <= 6; seed++) {
		const base = problem(seed, 'time');
		const asked: Problem = {
			...base,
			data: {kind: 'sources', devices: ['d0', 'd1'], rawData: 'stays', labels: 'stay'},
		};
		const {outcome, baselines} = planProblem(asked, budget);
		t.deepEqual(
			baselines
				.filter(({permitted}) => permitted)
				.map(({scheme}) => scheme)
				.toSorted(),
			['d-sgd', 'u-shaped'],
		);
		t.true(
			baselines.every(({scheme, movesLabels}) => movesLabels !== ['d-sgd', 'fedavg', 'u-shaped'].includes(scheme)),
		);
		t.is(outcome.kind, 'planned');
		if (outcome.kind === 'planned') {
			t.is(checkPlan(outcome.best.plan).labels, 'stay');
			t.true(baselines.every(({permitted, value}) => !permitted || outcome.best.value <= value * (1 + 1e-9)));
		}
	}
});
