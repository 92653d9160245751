/** Changes of «--what-if» that change nothing: it is said, and why. */
import test from 'ava';
import type {Participant} from '../../../cli/planning/plan-input.js';
import {search} from '../../../cli/planning/search.js';
import {oneByOne, type WhatIf, withChanges} from '../../../cli/planning/what-if.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import {jobSchema} from '../../../core/plan/job.js';
import {declaredProfile} from '../../../core/profile/schema.js';
import {exportModel} from '../../../models/import/model.js';
import {buildModel} from '../../../models/zoo/zoo.js';

const participant = (device: string, profile: string, overrides: object, samples?: number): Participant => ({
	device,
	profile: declaredProfile(profile, overrides),
	...(samples === undefined ? {isSource: false} : {isSource: true, samples}),
});

/** A source, a node that is faster, and one that is so slow that it takes no part. */
const fleet: readonly Participant[] = [
	participant('cam-1', 'raspberry-pi-zero-2w', {battery: '3000 kJ'}, 600),
	participant('fog-1', 'mini-pc-n100', {price: '0.10 USD/h'}),
	participant('far-1', 'raspberry-pi-zero-2w', {link: 'lora'}),
];
const job = jobSchema.parse({
	version: 1,
	model: 'lenet5',
	data: {dataset: 'mnist', sources: ['cam-1']},
	// Alone the source would be about as fast, and nothing that is asked here would matter.
	planning: {mostStages: 2, microBatches: [1], pinned: [{device: 'fog-1', units: [11, 11]}]},
});
const model = exportModel(buildModel('lenet5', {input: [1, 28, 28], classes: 10, seed: 1}));

function answerTo(changes: readonly string[], devices = withChanges(fleet, changes)): WhatIf {
	const {outcome, whatIf} = search(
		{
			asked: {kind: 'job', job, model, devices: fleet, items: 600},
			limitSeconds: 60,
			thorough: false,
			explain: false,
			whatIf: {devices, changes: oneByOne(fleet, changes, () => undefined)},
			front: false,
		},
		() => performance.now(),
		() => false,
	);
	const taking = devicesOf(outcome.best.plan);
	if (taking.toSorted().join() !== 'cam-1,fog-1') {
		throw new Error(`another plan was expected, got one of ${taking.join(', ')}`);
	}
	return whatIf!;
}

test('what changes nothing is said, each with its reason', t => {
	const {withoutEffect, before, same, after} = answerTo([
		'cam-1.memory=400 MiB',
		'cam-1.battery=2000 kJ',
		'fog-1.speeds.depthwise=1 GFLOP/s',
		'far-1.link.up=1 kbit/s',
		'far-1=away',
		'fog-1.price=0.10 USD/h',
		'cam-1.cores=4',
	]);
	t.deepEqual(
		withoutEffect.map(({because}) => because.replaceAll(/\d[\d.]* [kM]?[BJ]\b/gu, '…')),
		[
			'memory is a limit, and of … the plan takes …',
			'a battery is a limit, and of … the plan takes …',
			'nothing that fog-1 computes takes longer or shorter by its speed of «depthwise»',
			'the plan does without far-1',
			'the plan does without far-1',
			'that is what its profile says already',
			'that is what its profile says already',
		],
	);
	t.is(same?.seconds, before.seconds);
	t.is(after?.seconds, before.seconds);
});

test('what changes something is not said to change nothing, field by field', t => {
	const changes = [
		'cam-1.cores=1',
		'fog-1.speeds.matmul=10 MFLOP/s',
		'cam-1.speeds.memory=100 MB/s',
		'cam-1.dispatch=5 ms',
		'cam-1.link.up=5 Mbit/s',
		'fog-1.link.down=5 Mbit/s',
		'cam-1.link.latency=50 ms',
		'cam-1.link=lte',
		'cam-1.link.medium=ethernet',
		'cam-1.link.energyUp=900 nJ/B',
		'cam-1.link.active=2 W',
		'fog-1.link.active=2 W',
		'cam-1.idle=1 W',
		'fog-1.busy=40 W',
		'fog-1.price=0.20 USD/h',
		'cam-1.memory=2 MB',
		'cam-1.battery=1 J',
		'fog-1=away',
	];
	// Each is looked at by itself; what is best with all of them is not the question here.
	t.deepEqual(answerTo(changes, fleet).withoutEffect, []);
});
