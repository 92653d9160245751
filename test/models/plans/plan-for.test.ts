import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {jobSchema} from '../../../core/plan/job.js';
import {schemeKinds} from '../../../core/plan/scheme-options.js';
import {libraryProfile} from '../../../core/profile/library.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {type Candidate, planFor} from '../../../models/plans/plan-for.js';
import {buildModel, zooNames} from '../../../models/zoo/zoo.js';

const lenet5 = buildModel('lenet5', {seed: 1});
const schemeOf = (scheme: object) => jobSchema.parse({version: 1, model: 'lenet5', data: {dataset: 'mnist'}, scheme});
const pi = libraryProfile('raspberry-pi-4b');
const fleet: readonly Candidate[] = [
	{device: 'cam-1', profile: pi},
	{device: 'fog-1', profile: libraryProfile('mini-pc-n100')},
	{device: 'cam-2', profile: pi},
	{device: 'cam-3', profile: pi},
];
const refused = (scheme: object, devices = fleet, model = lenet5) => {
	try {
		planFor(schemeOf(scheme), devices, model);
	} catch (error) {
		return isFplError(error) ? `${error.code} ${error.message}` : 'another error';
	}
	return 'no error';
};

test('every scheme makes a plan of a fleet, with the fastest device as the trunk', t => {
	for (const kind of schemeKinds) {
		const plan = planFor(schemeOf({kind}), fleet, lenet5);
		const last = plan.stages.at(-1)!;
		t.is(plan.model, 'lenet5');
		if (['split-learning', 'split-fed', 'parallel-split', 'fpl-aligned', 'fpl-stacked'].includes(kind)) {
			t.deepEqual(
				plan.stages.map(({replicas}) => replicas.map(({device}) => device)),
				[['cam-1', 'cam-2', 'cam-3'], ['fog-1']],
				kind,
			);
			t.deepEqual(last.units === 'all' ? -1 : last.units[1], unitsOf(lenet5).units.length - 1);
		}
	}
});

test('sources that the job names are the only ones, whatever the scheme', t => {
	const asked = (kind: string, sources: readonly string[]) =>
		planFor(
			jobSchema.parse({version: 1, model: 'lenet5', data: {dataset: 'mnist', sources}, scheme: {kind}}),
			fleet.map(candidate => ({...candidate, isSource: candidate.device === 'fog-1'})),
			lenet5,
		).stages.map(({replicas}) => replicas.map(({device}) => device));
	t.deepEqual(asked('d-sgd', ['cam-3', 'cam-1']), [['cam-1', 'cam-3']]);
	t.deepEqual(asked('parallel-split', ['cam-1', 'cam-2']), [['cam-1', 'cam-2'], ['fog-1']]);
	t.is(asked('pipeline', ['cam-2'])[0]![0], 'cam-2');
	t.throws(() => asked('fedavg', ['cam-9']), {
		message: /data\.sources: device «cam-9» is not there; expected one of cam-1/u,
	});
});

test('declared sources come first and never get the trunk by themselves', t => {
	const declared = fleet.map(candidate => ({...candidate, isSource: candidate.device === 'fog-1'}));
	const chain = planFor(schemeOf({kind: 'pipeline'}), declared, lenet5);
	t.is(chain.stages[0]!.replicas[0]!.device, 'fog-1');
	const split = planFor(schemeOf({kind: 'split-learning'}), declared, lenet5);
	t.deepEqual(
		split.stages.map(({replicas}) => replicas.map(({device}) => device)),
		[['fog-1'], ['cam-3']],
	);
});

test('several trunk devices are a stage each, or replicas where there is one cut', t => {
	const trunk = ['fog-1', 'cam-3'];
	const chain = planFor(schemeOf({kind: 'fpl-aligned', trunk}), fleet, lenet5);
	t.deepEqual(
		chain.stages.map(({replicas}) => replicas.map(({device}) => device)),
		[['cam-1', 'cam-2'], ['fog-1'], ['cam-3']],
	);
	const replicated = planFor(schemeOf({kind: 'fpl-stacked', trunk, cuts: 3}), fleet, lenet5);
	t.deepEqual(
		replicated.stages.map(({replicas}) => replicas.map(({device}) => device)),
		[['cam-1', 'cam-2'], trunk],
	);
});

test('every zoo model has default cuts for every scheme', t => {
	for (const name of zooNames.filter(name => name !== 'resnet50')) {
		const model = buildModel(name, {seed: 1});
		for (const kind of schemeKinds) {
			const three = fleet.slice(0, 3);
			// Two layers can be a branch and a trunk, not two ends and a middle.
			const text = refused({kind}, three, model);
			const few = name === 'gru' && kind === 'u-shaped';
			t.true(few ? text.startsWith('PLAN_INFEASIBLE') : text === 'no error', `${name}, ${kind}: ${text}`);
		}
	}
});

test('what does not fit is refused with its place', t => {
	const one = fleet.slice(0, 1);
	t.regex(refused({kind: 'split-learning'}, one), /PLAN_INFEASIBLE.*split-learning.*at least 2.*got 1/su);
	t.regex(refused({kind: 'fpl-aligned', trunk: ['cam-1', 'cam-2', 'cam-3']}), /PLAN_INFEASIBLE.*at least 2, got 1/su);
	t.regex(refused({kind: 'split-learning', trunk: 'cam-9'}), /PLAN_INVALID.*trunk: device «cam-9» is not there/su);
	t.regex(refused({kind: 'split-learning', cut: 99}), /PLAN_INVALID.*cuts of «lenet5».*from 1 to/su);
	t.regex(refused({kind: 'u-shaped', cuts: 3}), /PLAN_INVALID.*expected 2 for 3 stages, got 3/su);
	t.regex(refused({kind: 'pipeline', cuts: [1, 2, 3, 4]}), /PLAN_INFEASIBLE.*expected 5 devices, got 4/su);
});
