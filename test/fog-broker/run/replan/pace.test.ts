/** How fast devices are, against what was predicted of them. */
import test from 'ava';
import {libraryProfile} from '../../../../core/profile/library.js';
import {Pace, slowed} from '../../../../fog-broker/run/replan/pace.js';
import {aPrediction} from '../../../support/predictions/a-prediction.js';

test('a device is as slow as the median of its last steps says, once there are enough', t => {
	const prediction = aPrediction();
	const [{device, phases}] = prediction.ledger.devices as [(typeof prediction.ledger.devices)[number]];
	const usual = phases.compute.seconds / prediction.steps;
	const pace = new Pace(prediction);
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

test('a device that is three times as slow is so in everything that it computes', t => {
	const profile = libraryProfile('raspberry-pi-4b', 'pi');
	const slow = slowed(profile, 3);
	for (const [op, speed] of Object.entries(profile.speeds)) {
		t.is(slow.speeds[op as keyof typeof slow.speeds], speed / 3);
	}
	t.is(slow.dispatchSeconds, profile.dispatchSeconds * 3);
	t.deepEqual(slow.link, profile.link);
});
