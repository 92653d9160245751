/** How fast devices are, against what was predicted of them. */
import test from 'ava';
import {dSgd, fedAvg} from '../../../../core/plan/builders/data-parallel.js';
import {splitLearning} from '../../../../core/plan/builders/split.js';
import {planDigest} from '../../../../core/plan/digest.js';
import type {Plan} from '../../../../core/plan/plan.js';
import {libraryProfile} from '../../../../core/profile/library.js';
import {isOff, Pace, paceText, slowed} from '../../../../fog-broker/run/replan/pace.js';
import {aPrediction} from '../../../support/predictions/a-prediction.js';

const batch = 24;

function predicted() {
	const prediction = aPrediction();
	const [first] = prediction.ledger.devices as [(typeof prediction.ledger.devices)[number]];
	return {prediction, device: first.device, usual: first.phases.compute.seconds / prediction.steps};
}

test('a device is as slow as the median of its last steps says, once there are enough', t => {
	const {prediction, device, usual} = predicted();
	const pace = new Pace(prediction, dSgd('lenet5', [device]), batch);
	for (const factor of [40, 3, 3, 3]) {
		pace.report(device, usual * factor);
	}
	t.is(pace.slowness(device), undefined);
	pace.report(device, usual * 3);
	t.true(Math.abs(pace.slowness(device)! - 3) < 1e-9, 'the first step is no measure');
	for (let step = 0; step < 20; step++) {
		pace.report(device, usual);
	}
	t.true(Math.abs(pace.slowness(device)! - 1) < 1e-9, 'what was long ago does not count');
	t.is(pace.slowness('a stranger'), undefined);
});

test('what hardly lengthens a step is no slowness, however many times as long it takes', t => {
	const {prediction, device, usual} = predicted();
	const paceIn = (stepSeconds: number) => {
		const pace = new Pace({...prediction, stepSeconds}, dSgd('lenet5', [device]), batch);
		for (let step = 0; step < 5; step++) {
			pace.report(device, usual * 3);
		}
		return pace.slowness(device)!;
	};
	t.is(paceIn(usual * 30), 1);
	t.true(Math.abs(paceIn(usual * 10) - 3) < 1e-9);
});

test('a round of local epochs is many steps: two of them say enough', t => {
	const {prediction, device, usual} = predicted();
	const pace = new Pace(prediction, fedAvg('lenet5', [device], 1), batch);
	pace.report(device, usual * 3);
	t.is(pace.slowness(device), undefined);
	pace.report(device, usual * 3);
	t.true(Math.abs(pace.slowness(device)! - 3) < 1e-9);
});

test('who takes turns is measured by its own steps, not by all', t => {
	const {prediction, device} = predicted();
	const sources = [device, 'cam-8', 'cam-9'];
	const plan: Plan = splitLearning({model: 'lenet5', units: 12, sources, trunk: ['fog'], cuts: [3]}, 1);
	const items = (prediction.steps / 3) * batch;
	const ledger = {
		...prediction.ledger,
		devices: prediction.ledger.devices.map(one => (one.device === device ? {...one, items} : one)),
	};
	const {phases} = ledger.devices.find(one => one.device === device)!;
	const pace = new Pace({...prediction, ledger, planDigest: planDigest(plan)}, plan, batch);
	for (let step = 0; step < 5; step++) {
		pace.report(device, phases.compute.seconds / (prediction.steps / 3));
	}
	t.true(Math.abs(pace.slowness(device)! - 1) < 1e-9);
});

test('a device that is three times as slow is so in everything that it computes', t => {
	const profile = libraryProfile('raspberry-pi-4b', 'pi');
	const slow = slowed(profile, 3);
	for (const [op, speed] of Object.entries(profile.speeds)) {
		t.is(slow.speeds[op as keyof typeof slow.speeds], speed / 3);
	}
	t.is(slow.dispatchSeconds, profile.dispatchSeconds * 3);
	t.deepEqual(slow.link, profile.link);
});

test('paces are told in words', t => {
	t.deepEqual(
		[3.14, 1.01, 0.25].map(slowness => paceText('cam-1', slowness)),
		[
			'cam-1 takes 3.1 times as long as its profile says',
			'cam-1 is as fast as its profile says again',
			'cam-1 is 4 times as fast as its profile says',
		],
	);
	t.deepEqual(
		[1.6, 1.4, 0.7, 0.6].map(ratio => isOff(ratio, 1.5)),
		[true, false, false, true],
	);
});
