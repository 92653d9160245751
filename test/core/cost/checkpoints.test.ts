/** How often checkpoints are begun, and what they send, against what is counted by hand. */
import test from 'ava';
import {checkpointCounts, checkpointPause} from '../../../core/cost/checkpoints.js';
import {evaluate} from '../../../core/cost/evaluate.js';
import {onTheWire} from '../../../core/cost/traffic.js';
import type {Plan} from '../../../core/plan/plan.js';
import {everyStep, parameters, type TinyDevice, tinyFleet, tinyModel, tinyPlan, training} from './tiny.js';

const cam: TinyDevice = {
	device: 'cam',
	seconds: 0.001,
	link: {upBytesPerSecond: 1e6, downBytesPerSecond: 1e6, latencySeconds: 0.001},
};
const fog: TinyDevice = {...cam, device: 'fog'};
const twin: TinyDevice = {...cam, device: 'twin'};

const stages = (synchronisation = {}): Plan =>
	tinyPlan({
		stages: [
			{units: [0, 1], replicas: [{device: 'cam'}, {device: 'twin'}], ...synchronisation},
			{units: [2, 3], replicas: [{device: 'fog'}]},
		],
		synchronisation: everyStep,
	});
const perStep = stages();
const averaged = (every: {kind: 'steps'; steps: number} | {kind: 'epochs'; epochs: number}) =>
	stages({synchronisation: {exchange: 'weights', every}});

const count = (plan: Plan, epochs: number, checkpointInterval: number | undefined, took: number) =>
	checkpointCounts(
		plan,
		{epochs, ...(checkpointInterval === undefined ? {} : {checkpointInterval})},
		{perEpoch: 100, seconds: 0.1},
		{seconds: took, steps: took / 0.1},
	).all;

test('the next checkpoint waits for the interval, or ten times as long as the last one took', t => {
	t.is(checkpointPause(2, 0.1), 2);
	t.is(checkpointPause(2, 0.5), 5);
	t.is(checkpointPause(0, 0.5), 0);
});

test('without an interval there is a checkpoint at the end of each epoch', t => {
	t.is(count(perStep, 3, undefined, 0.05), 3);
	t.is(count(perStep, 3, 60, 0.05), 3);
});

test('within an epoch of 10 s one begins every 2 s, after the steps in which it was on its way', t => {
	// After 20 steps, then every 21: at 20, 41, 62, 83 and the end; in a later epoch at 21, 42, 63, 84 and the end.
	t.is(count(perStep, 1, 2, 0.05), 5);
	t.is(count(perStep, 2, 2, 0.05), 10);
});

test('those that take long are fewer, and one that is on its way at the end of an epoch takes the place of its own', t => {
	// Of 0.8 s, 8 s apart: after 20 steps, then every 88. The second epoch begins with one at its first step, not before it.
	t.is(count(perStep, 1, 2, 0.8), 2);
	// Of 3 s: at 20, at the end, then not before 330 steps later.
	t.is(count(perStep, 4, 2, 3), 5);
	t.is(count(perStep, 2, 9.8, 0.9), 2);
});

test('replicas that train by themselves have weights to keep only when they have just been averaged', t => {
	// Every 30 steps: at 30, 60, 90 and the end.
	t.is(count(averaged({kind: 'steps', steps: 30}), 1, 2, 0.05), 4);
	t.is(count(averaged({kind: 'epochs', epochs: 2}), 4, 2, 0.05), 2);
});

test('predicted bytes contain every checkpoint, from one device of each group of weights', t => {
	const predict = (checkpointInterval: number) =>
		evaluate({
			plan: perStep,
			costs: tinyModel(4),
			fleet: tinyFleet([cam, twin, fog]),
			training: {...training(1000, 8), checkpointInterval},
		});
	const rare = predict(1e6);
	const often = predict(2);
	const {there, back} = onTheWire(4 * 2 * parameters + 8, 1e6);
	const more = (often.bytes - rare.bytes) / (2 * (there + back));
	t.true(Math.abs(more - Math.round(more)) < 1e-6, `${more}`);
	const between = often.seconds / (more + 1);
	t.true(between >= 2 && between <= 2 + 2 * often.stepSeconds, `${between}`);
	const sent = (of: typeof rare, device: string) => of.devices.find(one => one.device === device)!.bytesSent;
	t.is(sent(often, 'twin'), sent(rare, 'twin'));
	t.true(sent(often, 'cam') > sent(rare, 'cam') && sent(often, 'fog') > sent(rare, 'fog'));
	t.true(often.seconds >= rare.seconds);
});
