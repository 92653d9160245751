import test from 'ava';
import {ManualClock} from '../../../core/clock.js';
import {emulatedSeconds, linkSeconds, stretch} from '../../../core/profile/emulate.js';
import {libraryProfile} from '../../../core/profile/library.js';
import type {DeviceProfile} from '../../../core/profile/profile.js';

const profile: DeviceProfile = {
	...libraryProfile('raspberry-pi-4b'),
	speeds: {convolution: 10e9, depthwise: 2e9, matmul: 20e9, elementwise: 1e9, memory: 4e9},
	dispatchSeconds: 1e-3,
};

test('a class of operators takes the longer of computing and moving data, plus the calls', t => {
	t.is(emulatedSeconds({convolution: {flops: 20e9, bytes: 4e9, calls: 0}}, profile), 2);
	t.is(emulatedSeconds({convolution: {flops: 1e9, bytes: 12e9, calls: 0}}, profile), 3);
	t.is(emulatedSeconds({matmul: {flops: 20e9, bytes: 0, calls: 500}}, profile), 1.5);
});

test('copies move data whatever their operations', t => {
	t.is(emulatedSeconds({memory: {flops: 1e15, bytes: 8e9, calls: 0}}, profile), 2);
});

test('classes add up, and no work takes no time', t => {
	const work = {flops: 2e9, bytes: 0, calls: 0};
	t.is(
		emulatedSeconds({convolution: work, depthwise: work, matmul: work, elementwise: work}, profile),
		0.2 + 1 + 0.1 + 2,
	);
	t.is(emulatedSeconds({}, profile), 0);
});

test('a transfer takes the latency and the bytes at the rate of its direction', t => {
	const link = {...profile.link, upBytesPerSecond: 1e6, downBytesPerSecond: 4e6, latencySeconds: 0.5};
	t.is(linkSeconds(link, 'up', 2e6), 2.5);
	t.is(linkSeconds(link, 'down', 2e6), 1);
});

test('a fast host sleeps until the device would have been done', async t => {
	const clock = new ManualClock();
	let done = false;
	const stretching = stretch(clock, 0.25, 2).then(result => {
		done = true;
		return result;
	});
	await clock.advance(1749);
	t.false(done);
	await clock.advance(1);
	t.deepEqual(await stretching, {kind: 'stretched', sleptSeconds: 1.75, factor: 8});
});

test('a slow host does not sleep and says by how much it is too slow', async t => {
	const clock = new ManualClock();
	t.deepEqual(await stretch(clock, 3, 2), {kind: 'host-too-slow', factor: 1.5});
	t.deepEqual(await stretch(clock, 3, 0), {kind: 'host-too-slow', factor: Number.POSITIVE_INFINITY});
});

test('an abort ends the sleep, and what was really slept is told', async t => {
	const clock = new ManualClock();
	const controller = new AbortController();
	const stretching = stretch(clock, 1, 100, controller.signal);
	await clock.advance(2000);
	controller.abort();
	t.deepEqual(await stretching, {kind: 'stretched', sleptSeconds: 2, factor: 100});
});

test('equal times and no time at all need no sleep', async t => {
	const clock = new ManualClock();
	const both = Promise.all([stretch(clock, 1, 1), stretch(clock, 0, 0)]);
	await clock.advance(0);
	t.deepEqual(await both, [
		{kind: 'stretched', sleptSeconds: 0, factor: 1},
		{kind: 'stretched', sleptSeconds: 0, factor: 1},
	]);
});
