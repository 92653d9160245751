import test from 'ava';
import fc from 'fast-check';
import {type Activity, meteredCosts, phaseCosts} from '../../../core/energy/model.js';
import {phases} from '../../../core/ledger/ledger.js';
import type {DeviceProfile} from '../../../core/profile/profile.js';
import {declaredProfile} from '../../../core/profile/schema.js';

const profile: DeviceProfile = declaredProfile('raspberry-pi-4b', {
	idle: '2 W',
	busy: '6 W',
	link: {medium: 'wifi', energyUp: '2 µJ/B', energyDown: '1 µJ/B', active: '500 mW'},
});

const nothing: Activity = {
	computeSeconds: 0,
	sendSeconds: 0,
	receiveSeconds: 0,
	waitSeconds: 0,
	idleSeconds: 0,
	bytesUp: 0,
	bytesDown: 0,
};

const near = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

test('each phase costs idle power, computing adds by utilisation, the link by time and bytes', t => {
	const costs = phaseCosts(profile, {
		computeSeconds: 10,
		sendSeconds: 4,
		receiveSeconds: 2,
		waitSeconds: 3,
		idleSeconds: 1,
		bytesUp: 1e6,
		bytesDown: 3e6,
		utilisation: 0.5,
	});
	// compute (2 + 4·0.5)·10; send 2·4 + 0.5·4 + 2e-6·1e6; receive 2·2 + 0.5·2 + 1e-6·3e6.
	const expected = {compute: 40, send: 12, receive: 8, wait: 6, idle: 2};
	for (const phase of phases) {
		t.true(near(costs.phases[phase].joules, expected[phase]), phase);
	}
	t.true(near(costs.radioJoules, 2 + 2 + 1 + 3));
	t.true(near(costs.joules, 68));
	t.is(costs.phases.wait.seconds, 3);
});

test('the link is in use for as long as its bytes take, also while the device computes', t => {
	const {upBytesPerSecond, downBytesPerSecond} = profile.link;
	const [bytesUp, bytesDown] = [3 * upBytesPerSecond, 2 * downBytesPerSecond];
	const costs = phaseCosts(profile, {...nothing, computeSeconds: 10, receiveSeconds: 5, bytesUp, bytesDown});
	t.true(near(costs.phases.send.joules, 0.5 * 3 + 2e-6 * bytesUp));
	t.true(near(costs.phases.receive.joules, 2 * 5 + 0.5 * 5 + 1e-6 * bytesDown));
	t.true(near(costs.phases.compute.joules, 60));
});

test('all cores are taken as busy when nothing is said', t => {
	t.true(near(phaseCosts(profile, {...nothing, computeSeconds: 5}).joules, 30));
});

test('nothing done costs nothing', t => {
	t.is(phaseCosts(profile, nothing).joules, 0);
});

test('a negative or infinite time, count or utilisation is refused', t => {
	for (const wrong of [
		{waitSeconds: -1},
		{computeSeconds: Number.NaN},
		{bytesUp: Number.POSITIVE_INFINITY},
		{utilisation: 1.1},
		{utilisation: -0.1},
	]) {
		t.throws(() => phaseCosts(profile, {...nothing, ...wrong}), {code: 'INTERNAL', message: /energy model/u});
	}
});

const amount = fc.double({min: 0, max: 1e6, noNaN: true});
const activity = fc.record({
	computeSeconds: amount,
	sendSeconds: amount,
	receiveSeconds: amount,
	waitSeconds: amount,
	idleSeconds: amount,
	bytesUp: amount,
	bytesDown: amount,
	utilisation: fc.double({min: 0, max: 1, noNaN: true}),
});

test('the sum of the phases is the total, and the radio is part of it', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(activity, given => {
				const {phases: costs, joules, radioJoules} = phaseCosts(profile, given);
				const sum = phases.reduce((whole, phase) => whole + costs[phase].joules, 0);
				return near(sum, joules) && radioJoules <= costs.send.joules + costs.receive.joules + 1e-9;
			}),
		),
	);
});

test('twice as long and as much costs twice as much', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(activity, given => {
				const {utilisation, ...rest} = given;
				const doubled = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, value * 2]));
				const twice = phaseCosts(profile, {...(doubled as unknown as Activity), utilisation});
				return near(twice.joules, 2 * phaseCosts(profile, given).joules);
			}),
		),
	);
});

/** Of a megabyte up: by byte, and by the time that it is under way. */
const radio = 2 + (0.5 * 1e6) / profile.link.upBytesPerSecond;

test('a meter of the whole device decides the sum, the model the shares', t => {
	const modelled = phaseCosts(profile, {...nothing, computeSeconds: 10, waitSeconds: 10, bytesUp: 1e6});
	const metered = meteredCosts(modelled, 2 * (80 + radio), 'device');
	t.true(near(modelled.joules, 80 + radio));
	t.true(near(metered.joules, 2 * (80 + radio)));
	t.true(near(metered.phases.compute.joules, 120));
	t.true(near(metered.phases.wait.joules, 40));
	t.true(near(metered.radioJoules, 2 * radio));
	t.is(metered.phases.compute.seconds, 10);
});

test('a meter of the processor does not see the radio, which is added as modelled', t => {
	const modelled = phaseCosts(profile, {...nothing, computeSeconds: 10, waitSeconds: 10, bytesUp: 1e6});
	const metered = meteredCosts(modelled, 100, 'processor');
	t.true(near(metered.joules, 100 + radio));
	t.true(near(metered.radioJoules, radio));
});

test('a model of zero watts shares metered joules by time, and nothing at all evenly', t => {
	const dark: DeviceProfile = {...profile, idleWatts: 0, busyWatts: 0};
	const costs = meteredCosts(phaseCosts(dark, {...nothing, computeSeconds: 3, idleSeconds: 1}), 8, 'device');
	t.deepEqual([costs.phases.compute.joules, costs.phases.idle.joules], [6, 2]);
	t.true(near(meteredCosts(phaseCosts(dark, nothing), 5, 'device').joules, 5));
	t.throws(() => meteredCosts(costs, Number.NaN, 'device'), {code: 'INTERNAL'});
});
