import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {checkPlan} from '../../../core/plan/check.js';
import {type PlanDocument, planSchema} from '../../../core/plan/plan.js';

type StageDocument = PlanDocument['stages'][number];

const stage = (units: StageDocument['units'], devices: string, rest: Partial<StageDocument> = {}): StageDocument => ({
	units,
	replicas: devices.split(' ').map(device => ({device})),
	...rest,
});
const step = {exchange: 'gradients', every: {kind: 'step'}} as const;
const epoch = {exchange: 'weights', every: {kind: 'epochs', epochs: 1}} as const;
const never = {exchange: 'weights', every: {kind: 'never'}} as const;
const aligned = {mode: 'aligned', kind: 'mean'} as const;

function verdict(stages: StageDocument[], rest: Partial<PlanDocument> = {}): string {
	const plan = planSchema.parse({version: 1, scheme: 'x', model: 'm', stages, synchronisation: step, ...rest});
	try {
		checkPlan(plan);
		return 'valid';
	} catch (error) {
		return isFplError(error, 'PLAN_INVALID') ? error.message : String(error);
	}
}

const refused: ReadonlyArray<readonly [title: string, got: () => string, text: RegExp]> = [
	[
		'a gap',
		() => verdict([stage([0, 1], 'a'), stage([3, 4], 'b')]),
		/stages\[1\]\.units: unit 2 would be in no stage/u,
	],
	[
		'an overlap',
		() => verdict([stage([0, 3], 'a'), stage([2, 4], 'b')]),
		/stages\[1\]\.units: units 2 to 3 would be in stages\[0\] too; expected first unit 4.*got 2/u,
	],
	['a late begin', () => verdict([stage([1, 3], 'a')]), /stages\[0\]\.units: unit 0 would be in no stage/u],
	['a stage backwards', () => verdict([stage([2, 1], 'a')]), /stages\[0\]\.units: .*got \[2, 1\]/u],
	['all of several', () => verdict([stage([0, 1], 'a'), stage('all', 'b')]), /stages\[1\]\.units: «all»/u],
	[
		'a device twice',
		() => verdict([stage('all', 'a b a')]),
		/stages\[0\]\.replicas\[2\]: device «a» is in this stage/u,
	],
	[
		'gradients now and then',
		() => verdict([stage('all', 'a b')], {synchronisation: {exchange: 'gradients', every: {kind: 'steps', steps: 2}}}),
		/synchronisation: .*gradients every steps/u,
	],
	[
		'weights every step',
		() => verdict([stage('all', 'a b')], {synchronisation: {exchange: 'weights', every: {kind: 'step'}}}),
		/synchronisation: .*steps: 1/u,
	],
	[
		'models that never meet',
		() => verdict([stage('all', 'a b')], {synchronisation: never}),
		/as many models, not one/u,
	],
	[
		'a trunk in two minds',
		() => verdict([stage([0, 1], 'a b'), stage([2, 3], 'c d', {synchronisation: never})]),
		/stages\[1\], devices «c», «d»: an item may go to any/u,
	],
	[
		'a turn without an end',
		() => verdict([stage([0, 1], 'a b', {turns: 'in-turn'}), stage([2, 3], 'c')]),
		/stages\[0\]\.turns: .*got gradients every step/u,
	],
	[
		'turns of the trunk',
		() => verdict([stage([0, 1], 'a b'), stage([2, 3], 'c d', {turns: 'in-turn', synchronisation: epoch})]),
		/stages\[1\]\.turns: only devices that own the data/u,
	],
	[
		'nothing to join',
		() => verdict([stage([0, 1], 'a', {junction: aligned})]),
		/stages\[0\]\.junction: there is no stage/u,
	],
	[
		'one branch',
		() => verdict([stage([0, 1], 'a'), stage([2, 3], 'b', {junction: aligned})]),
		/stages\[0\], device «a»: .*two replicas or more, got 1/u,
	],
	[
		'branches that are not as many',
		() => verdict([stage([0, 1], 'a b c'), stage([2, 3], 'd e'), stage([4, 5], 'f', {junction: aligned})]),
		/stages\[0\]\.replicas: .*expected 2, as in stages\[1\], got 3/u,
	],
	[
		'a second junction',
		() =>
			verdict([
				stage([0, 1], 'a b'),
				stage([2, 3], 'c d', {junction: aligned}),
				stage([4, 5], 'e', {junction: aligned}),
			]),
		/stages\[2\]\.junction: the branches were merged in stages\[1\]/u,
	],
	[
		'branches in turn',
		() =>
			verdict([
				stage([0, 1], 'a b', {turns: 'in-turn', synchronisation: epoch}),
				stage([2, 3], 'c', {junction: aligned}),
			]),
		/stages\[0\]\.turns: stages\[1\] merges/u,
	],
	[
		'labels that stay elsewhere',
		() => verdict([stage([0, 1], 'a b'), stage([2, 3], 'c'), stage([4, 5], 'b a')], {labels: 'stay'}),
		/stages\[2\]\.replicas, device «b»: .*expected «a», «b», got «b», «a»/u,
	],
	[
		'labels that stay with fewer devices',
		() => verdict([stage([0, 1], 'a b'), stage([2, 3], 'c'), stage([4, 5], 'a')], {labels: 'stay'}),
		/stages\[2\]\.replicas, device «b»/u,
	],
	[
		'items that come back to another',
		() =>
			verdict(
				[stage([0, 1], 'a b'), stage([2, 3], 'c'), {units: [4, 5], replicas: [{device: 'a', share: 2}, {device: 'b'}]}],
				{labels: 'stay'},
			),
		/stages\[2\]\.replicas\[0\]\.share, device «a»: .*got 2 for 1/u,
	],
	[
		'a link of nobody',
		() => verdict([stage('all', 'cam-1 cam-2')], {links: [{from: 'cam-3', codec: 'fp16'}]}),
		/links\[0\]\.from: device «cam-3» is in no stage/u,
	],
	[
		'a codec for what goes to the parameter server',
		() => verdict([stage('all', 'cam-1 cam-2')], {links: [{to: 'parameter-server', codec: 'fp16'}]}),
		/links\[0\]\.to: what goes to and from the parameter server is fp32 with every plan/u,
	],
];

for (const [title, got, text] of refused) {
	test(`refused with its place: ${title}`, t => {
		t.regex(got(), text);
	});
}

const accepted: ReadonlyArray<readonly [title: string, got: () => string]> = [
	['a device in two stages', () => verdict([stage([0, 1], 'a b'), stage([2, 3], 'a')])],
	[
		'clients in turn',
		() => verdict([stage([0, 1], 'a b', {turns: 'in-turn', synchronisation: epoch}), stage([2, 3], 'c')]),
	],
	['private branches', () => verdict([stage([0, 1], 'a b', {synchronisation: never}), stage([2, 3], 'c')])],
	[
		'branches of two stages',
		() =>
			verdict([
				stage([0, 1], 'a b', {synchronisation: never}),
				stage([2, 3], 'c d', {synchronisation: never}),
				stage([4, 5], 'e', {junction: aligned}),
			]),
	],
	[
		'private ends of a U, in turn too',
		() => {
			const ends = {turns: 'in-turn', synchronisation: epoch} as const;
			return verdict([stage([0, 1], 'a b', ends), stage([2, 3], 'c'), stage([4, 5], 'a b', ends)], {labels: 'stay'});
		},
	],
	['a replicated trunk', () => verdict([stage([0, 1], 'a b'), stage([2, 3], 'c d')])],
];

for (const [title, got] of accepted) {
	test(`accepted: ${title}`, t => {
		t.is(got(), 'valid');
	});
}
