import test from 'ava';
import {libraryProfile} from '../../../core/profile/library.js';
import {speedsAt, withCores} from '../../../core/profile/scaling.js';

const pi = libraryProfile('raspberry-pi-4b');

test('without measurements speeds grow with the threads up to the cores', t => {
	t.deepEqual(speedsAt(pi, 4), pi.speeds);
	t.deepEqual(speedsAt(pi, 9), pi.speeds);
	t.is(speedsAt(pi, 1).matmul, pi.speeds.matmul / 4);
	t.is(speedsAt(pi, 3).memory, (pi.speeds.memory * 3) / 4);
});

test('measured numbers of threads are answered as they were measured, those in between by the line', t => {
	const at = (factor: number) => ({...pi.speeds, matmul: pi.speeds.matmul * factor, memory: pi.speeds.memory});
	const measured = {
		...pi,
		scaling: [
			{threads: 1, speeds: at(0.3)},
			{threads: 2, speeds: at(0.6)},
			{threads: 4, speeds: at(1)},
		],
	};
	t.deepEqual(speedsAt(measured, 2), at(0.6));
	t.is(speedsAt(measured, 1).memory, pi.speeds.memory);
	t.true(Math.abs(speedsAt(measured, 3).matmul / pi.speeds.matmul - 0.8) < 1e-9);
	t.deepEqual(speedsAt(measured, 4), pi.speeds);
});

test('with some of its cores a device has their speeds and draws their power', t => {
	const one = withCores(pi, 1);
	t.deepEqual(one.speeds, speedsAt(pi, 1));
	t.is(one.cores, 1);
	t.is(one.idleWatts, pi.idleWatts);
	t.is(one.busyWatts, pi.idleWatts + (pi.busyWatts - pi.idleWatts) / 4);
	t.is(withCores(pi, 4), pi);
	const measured = {...pi, scaling: [1, 2].map(threads => ({threads, speeds: pi.speeds}))};
	t.deepEqual(
		withCores(measured, 2).scaling?.map(({threads}) => threads),
		[1],
	);
});
