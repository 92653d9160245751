import test from 'ava';
import {lrScale} from '../../../models/compile/schedule.js';
import type {Schedule} from '../../../models/training.js';

const factors = (schedule: Schedule, at: readonly number[], steps: number) =>
	at.map(step => Number(lrScale(schedule, step, steps).toFixed(6)));

test('a constant schedule stays at 1', t => {
	t.deepEqual(factors({kind: 'constant'}, [0, 50, 1000], 100), [1, 1, 1]);
});

test('a step schedule multiplies by gamma every so many updates', t => {
	t.deepEqual(factors({kind: 'step', every: 10, gamma: 0.5}, [0, 9, 10, 29, 30], 100), [1, 1, 0.5, 0.25, 0.125]);
});

test('a cosine schedule warms up to 1, falls to the floor and stays there', t => {
	t.deepEqual(
		factors({kind: 'cosine', warmup: 4, floor: 0.1}, [0, 1, 3, 4, 54, 104, 200], 104),
		[0.25, 0.5, 1, 1, 0.55, 0.1, 0.1],
	);
});

test('a linear schedule warms up to 1 and falls to 0', t => {
	t.deepEqual(factors({kind: 'linear', warmup: 2}, [0, 1, 2, 52, 102, 103], 102), [0.5, 1, 1, 0.5, 0, 0]);
});
