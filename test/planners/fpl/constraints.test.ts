/** What jobs may ask of a plan besides being cheap. */
import test from 'ava';
import {errorText} from '../../../core/errors.js';
import {seededRandom} from '../../../core/random.js';
import {planFpl} from '../../../planners/fpl/plan.js';
import {rulesOf} from '../../../planners/fpl/rules.js';
import type {Constraints, Problem} from '../../../planners/problem.js';
import {randomFleet, randomModel} from '../../support/planning/random-problems.js';

const budget = {expired: () => false, interrupted: () => false, exactPlans: 100_000};

function problemWith(constraints: Partial<Constraints>, seed = 3): Problem {
	const random = seededRandom(seed);
	const costs = randomModel(random, 8);
	const fleet = randomFleet(random, costs, 1, {devices: 5, kinds: 5, sources: 2});
	const roomy = fleet.devices.map(device => ({...device, profile: {...device.profile, memoryBytes: 8e9}}));
	return {
		costs,
		fleet: {...fleet, devices: roomy},
		training: {batch: 64, epochs: 2, slots: 1, samples: 2000},
		data: {kind: 'sources', devices: ['d0', 'd1'], rawData: 'stays'},
		objective: {kind: 'one', measure: 'time'},
		constraints: {most: {}, exclude: new Set(), pinned: [], minimumReplicas: 1, ...constraints},
		space: {
			microBatches: [1, 4],
			schedules: ['1f1b'],
			codecs: [{kind: 'fp32'}],
			localEpochs: [0],
			mostStages: 4,
			mostReplicas: 4,
		},
	};
}

const best = (problem: Problem) => {
	const outcome = planFpl(problem, budget);
	return outcome.kind === 'planned' ? outcome.best : undefined;
};
const devicesOf = (problem: Problem) => best(problem)!.evaluation.devices.map(({device}) => device);

test('a small problem is searched whole, and says so', t => {
	const outcome = planFpl(problemWith({}), budget);
	t.is(outcome.kind, 'planned');
	if (outcome.kind === 'planned') {
		t.true(outcome.figures.exact);
		t.is(outcome.figures.gap, 0);
	}
});

test('excluded devices take no part, and sources always do', t => {
	const free = devicesOf(problemWith({}));
	t.true(free.includes('d0') && free.includes('d1'));
	const helper = free.find(device => !['d0', 'd1'].includes(device));
	t.truthy(helper, 'the plan has a trunk');
	const without = devicesOf(problemWith({exclude: new Set([helper!])}));
	t.false(without.includes(helper!));
});

test('a deadline rules out what is cheap and slow', t => {
	const cheapIn = (seed: number, most: Constraints['most'] = {}) =>
		best({...problemWith({most}, seed), objective: {kind: 'one', measure: 'bytes'}})!;
	const seed = 6;
	const cheap = cheapIn(seed);
	const fast = best(problemWith({}, seed))!;
	t.true(fast.evaluation.seconds < 0.9 * cheap.evaluation.seconds);
	const between = (fast.evaluation.seconds + cheap.evaluation.seconds) / 2;
	const timely = cheapIn(seed, {time: between});
	t.true(timely.evaluation.seconds <= between);
	t.true(timely.evaluation.bytes > cheap.evaluation.bytes);
});

test('a deadline that nobody can keep is refused with what is needed', t => {
	const fastest = best(problemWith({}))!.evaluation.seconds;
	const outcome = planFpl(problemWith({most: {time: fastest / 10}}), budget);
	t.is(outcome.kind, 'infeasible');
	if (outcome.kind === 'infeasible') {
		const [worst] = outcome.shortfalls;
		t.is(worst?.constraint, 'time');
		t.true(Math.abs(worst!.needed - fastest) < 1e-6 * fastest);
		t.true(Math.abs(worst!.available - fastest / 10) < 1e-9);
		t.truthy(outcome.nearest);
	}
});

test('pinned units stay where they are pinned', t => {
	const end = 7;
	const [free] = devicesOf(problemWith({})).filter(device => !['d0', 'd1'].includes(device));
	const other = ['d2', 'd3', 'd4'].find(device => device !== free)!;
	const {plan} = best(problemWith({pinned: [{device: other, first: end, last: end}]}))!;
	t.deepEqual(
		plan.stages.at(-1)!.replicas.map(({device}) => device),
		[other],
	);
});

test('units that are pinned to a slow device stay there in spaces that are not searched whole, too', t => {
	const problem = problemWith({});
	const seconds = (device: number) => problem.fleet.devices[device]!.times.pass('learn', 0, 7, 64);
	const slowest = [2, 3, 4].reduce((most, device) => (seconds(device) > seconds(most) ? device : most));
	const outcome = planFpl(
		{...problem, constraints: {...problem.constraints, pinned: [{device: `d${slowest}`, first: 7, last: 7}]}},
		{...budget, exactPlans: 0},
	);
	t.is(outcome.kind, 'planned');
	t.deepEqual(outcome.kind === 'planned' && outcome.best.plan.stages.at(-1)!.replicas, [
		{device: `d${slowest}`, share: 1},
	]);
});

/** What rules out every plan, with the figures of the limit. */
function obstacleOf(problem: Problem): string {
	const outcome = planFpl(problem, budget);
	return outcome.kind === 'none' ? errorText('PLAN_INFEASIBLE', outcome.obstacle) : outcome.kind;
}

test('where no plan can be, what rules it out is named, with what would do and what there is', t => {
	const pinned = (...pins: Array<[device: string, first: number, last: number]>) => ({
		pinned: pins.map(([device, first, last]) => ({device, first, last})),
	});
	const firstCut = Math.min(...rulesOf(problemWith({})).firstCuts);
	t.regex(
		obstacleOf(problemWith(pinned(['d2', 0, 3]))),
		new RegExp(
			`planning\\.pinned\\[0\\]: unit 0 is pinned to «d2», and in every plan the stage of «d0, d1» has it: the first place to cut is after unit ${firstCut}; expected unit ${firstCut + 1} or a later one, got unit 0\\.`,
			'u',
		),
	);
	t.regex(obstacleOf(problemWith(pinned(['d3', 7, 7], ['d1', 0, 0]))), /planning\.pinned\[1\]: .*«d1» alone.*d0, d1/u);
	t.regex(
		obstacleOf(problemWith(pinned(['d2', 5, 5], ['d2', 7, 7], ['d3', 6, 6]))),
		/planning\.pinned\[2\]: unit 6 is pinned to «d3», and units 5 to 7 are those of «d2»: .* side by side/u,
	);
	const one = problemWith(pinned(['d2', 7, 7]));
	t.regex(
		obstacleOf({...one, space: {...one.space, mostStages: 1}}),
		/planning\.mostStages: .*: d0, d1 → d2; expected at least 2, got 1\./u,
	);
	const dealt: Problem = {...problemWith({minimumReplicas: 3}), data: {kind: 'dealt', rawData: 'stays'}};
	const exclude = new Set(['d0', 'd1', 'd2']);
	t.regex(
		obstacleOf({...dealt, constraints: {...dealt.constraints, exclude}}),
		/planning\.minimumReplicas: .*; expected at least 3 that are not left out, got 2 \(d\d, d\d\)/u,
	);
	const merged = problemWith({exclude: new Set(['d2', 'd3', 'd4'])});
	t.regex(
		obstacleOf({...merged, data: {kind: 'aligned', devices: ['d0', 'd1'], junction: 'mean'}}),
		/devices: .*trunk; expected at least 1 that own no data, got none/u,
	);
	const many = problemWith(pinned(['d2', 7, 7]));
	t.regex(
		obstacleOf({...many, space: {...many.space, microBatches: [33]}}),
		/training\.batch: a stage has 2 devices.* of each of 33 micro-batches; expected more than 64 items/u,
	);
});

test('where labels stay, the last unit is pinned to nobody else', t => {
	const problem = problemWith({pinned: [{device: 'd2', first: 6, last: 7}]});
	t.regex(
		obstacleOf({...problem, data: {kind: 'sources', devices: ['d0', 'd1'], rawData: 'stays', labels: 'stay'}}),
		/planning\.pinned\[0\]: unit 7 belongs to the stage of «d0, d1», and units 6 to 7 are those of «d2»/u,
	);
});

test('stages beside the sources have as many replicas as are asked for', t => {
	const {plan} = best(problemWith({minimumReplicas: 2}))!;
	for (const {replicas} of plan.stages.slice(1)) {
		t.true(replicas.length >= 2);
	}
});

test('where data are dealt out every stage has as many replicas as are asked for, also the only one', t => {
	const dealt = (minimumReplicas: number): Problem => ({
		...problemWith({minimumReplicas}),
		data: {kind: 'dealt', rawData: 'stays'},
	});
	t.is(best(dealt(1))!.plan.stages[0]!.replicas.length, 1);
	for (const exactPlans of [0, 100_000]) {
		const outcome = planFpl(dealt(3), {...budget, exactPlans});
		t.is(outcome.kind, 'planned');
		for (const {plan} of outcome.kind === 'planned' ? [outcome.best, ...outcome.alternatives] : []) {
			t.true(
				plan.stages.every(({replicas}) => replicas.length >= 3),
				plan.scheme,
			);
		}
	}
});

test('what does not fit into memory is computed again, or placed elsewhere', t => {
	const problem = problemWith({});
	const {evaluation} = best(problem)!;
	const fullest = evaluation.memory.reduce((a, b) => (b.total > a.total ? b : a));
	const small = problem.fleet.devices.map(device =>
		device.device === fullest.device
			? {...device, profile: {...device.profile, memoryBytes: fullest.total * 0.9}}
			: device,
	);
	const tight = best({...problem, fleet: {...problem.fleet, devices: small}})!;
	for (const {device, memoryBytes} of tight.evaluation.devices) {
		t.true(memoryBytes <= small.find(one => one.device === device)!.profile.memoryBytes);
	}
});

test('of plans that take as many bytes the fastest is chosen', t => {
	const problem = {...problemWith({}, 1), objective: {kind: 'one', measure: 'bytes'} as const};
	const {evaluation} = best(problem)!;
	const energetic = best({...problem, objective: {kind: 'one', measure: 'energy'}})!.evaluation;
	t.is(energetic.bytes, evaluation.bytes);
	t.true(evaluation.seconds <= energetic.seconds);
});

test('a search that is interrupted says so, with the best so far', t => {
	let asked = 0;
	const outcome = planFpl(problemWith({}), {...budget, interrupted: () => ++asked > 20});
	t.is(outcome.kind, 'interrupted');
});

test('the same problem has the same plan', t => {
	t.deepEqual(best(problemWith({}))!.plan, best(problemWith({}))!.plan);
});
