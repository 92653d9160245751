/** Predicted times against formulas written down by hand, on plans small enough for that. */
import test from 'ava';
import type {CodecSpec} from '../../../core/codec/spec.js';
import {codingWork} from '../../../core/codec/work.js';
import {evaluate} from '../../../core/cost/evaluate.js';
import type {CostBroker} from '../../../core/cost/fleet.js';
import {answerBytes, onTheWire, orderBytes, reportBytes} from '../../../core/cost/traffic.js';
import type {Plan} from '../../../core/plan/plan.js';
import {codingSeconds} from '../../../core/profile/emulate.js';
import {
	elements,
	everyStep,
	messageSeconds as m,
	parameters,
	pi,
	secondsPerElement,
	stepSeconds,
	type TinyDevice,
	tinyFleet,
	tinyModel,
	tinyPlan,
	training,
	updateSeconds,
} from './tiny.js';

const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));

const slow: TinyDevice = {
	device: 'slow',
	seconds: 0.004,
	link: {upBytesPerSecond: 1e5, downBytesPerSecond: 2e5, latencySeconds: 0.01},
};
const fast: TinyDevice = {
	device: 'fast',
	seconds: 0.001,
	link: {upBytesPerSecond: 5e5, downBytesPerSecond: 1e6, latencySeconds: 0.001},
};
const batch = 8;

/** Bytes of a vector of so many elements, or of a tensor of a micro-batch with its bundle. */
const wire = (bytes: number) => onTheWire(bytes, 1e6).there;
const tensorBytes = (items: number) => wire(24 + 12 + 8 + 10 + items * elements * 4);

/** One message from a device to another: up, through the broker, down; all of it has to be there before it goes on. */
const way = (from: TinyDevice, to: TinyDevice, bytes: number) =>
	bytes / from.link.upBytesPerSecond +
	from.link.latencySeconds +
	m +
	bytes / to.link.downBytesPerSecond +
	to.link.latencySeconds +
	m;

/** The weights of two units on their way to a checkpoint or another device. */
const state = wire(4 * 2 * parameters + 8);

/** Seconds on a device of the tiny fleet. */
const coded = (codec: CodecSpec, items: number) => {
	const {encode, decode} = codingWork(codec, [items, elements]);
	return {encode: codingSeconds(encode, pi), decode: codingSeconds(decode, pi)};
};

const predict = (plan: Plan, devices: readonly TinyDevice[], steps = 1, broker: Partial<CostBroker> = {}) =>
	evaluate({plan, costs: tinyModel(4), fleet: tinyFleet(devices, broker), training: training(steps, batch)});

const replicas = (...devices: TinyDevice[]) => devices.map(({device}) => ({device}));

/** From the coordinator, beside the broker, and to it. */
const down = ({link}: TinyDevice, bytes: number) => bytes / link.downBytesPerSecond + link.latencySeconds + m;
const up = ({link}: TinyDevice, bytes: number) => bytes / link.upBytesPerSecond + link.latencySeconds + m;

/** An order and weights down, a gradient, up again, its acknowledgment and then a report. */
function round(device: TinyDevice, items: number): number {
	const bytes = wire(4 * 4 * parameters);
	const learn = 3 * 4 * items * device.seconds;
	return (
		down(device, orderBytes + bytes) + learn + up(device, bytes) + down(device, answerBytes) + up(device, reportBytes)
	);
}

const server = stepSeconds + 4 * parameters * secondsPerElement;

test('one device with the whole model updates its own weights: an order down, a pass, its report, and a checkpoint in the end', t => {
	const plan = tinyPlan({stages: [{units: 'all', replicas: replicas(slow)}], synchronisation: everyStep});
	const {stepSeconds: got, steps, bytes} = predict(plan, [slow], 5);
	const learn = 3 * 4 * batch * slow.seconds;
	const expected = down(slow, orderBytes) + 4 * updateSeconds + learn + up(slow, reportBytes) + stepSeconds;
	t.true(near(got, expected), `${got}, ${expected}`);
	t.is(steps, 5);
	const {there, back} = onTheWire(4 * 4 * parameters + 8, 1e6);
	t.is(bytes, there + back);
});

test('of several devices the slowest decides, each with its share', t => {
	const plan = tinyPlan({
		stages: [{units: 'all', replicas: [{device: 'slow'}, {device: 'fast', share: 3}]}],
		synchronisation: everyStep,
	});
	const {stepSeconds: got, devices} = predict(plan, [slow, fast]);
	t.true(near(got, Math.max(round(slow, 2), round(fast, 6)) + server));
	t.true(near(devices.find(({device}) => device === 'fast')!.phases.compute.seconds, 6 * 4 * 3 * fast.seconds));
});

test('the devices share the broker’s own link', t => {
	const twins = [fast, {...fast, device: 'twin'}];
	const plan = tinyPlan({stages: [{units: 'all', replicas: replicas(...twins)}], synchronisation: everyStep});
	const bytes = wire(4 * 4 * parameters);
	const rate = 2e5;
	const alone = round(fast, batch / 2) + server;
	/** Of what both send or get at the same time, beyond what their own links take. */
	const longer = (own: number, ...all: number[]) =>
		all.reduce((sum, count) => sum + (2 * count) / rate - count / own, 0);
	const {downBytesPerSecond, upBytesPerSecond} = fast.link;
	const out = alone + longer(downBytesPerSecond, orderBytes, bytes, answerBytes);
	const {stepSeconds: throttledOut} = predict(plan, twins, 1, {outBytesPerSecond: rate});
	t.true(near(throttledOut, out), `${throttledOut}, ${out}`);
	const into = alone + longer(upBytesPerSecond, bytes, reportBytes);
	const {stepSeconds: throttledIn} = predict(plan, twins, 1, {inBytesPerSecond: rate});
	t.true(near(throttledIn, into), `${throttledIn}, ${into}`);
});

const twoStages = (microBatches: number, schedule: 'gpipe' | '1f1b' = '1f1b') =>
	tinyPlan({
		stages: [
			{units: [0, 1], replicas: replicas(slow)},
			{units: [2, 3], replicas: replicas(fast)},
		],
		synchronisation: everyStep,
		pipeline: {microBatches, schedule},
	});

test('two stages: order and update, forward, over, learn, back, backward, report', t => {
	const {stepSeconds: got, devices} = predict(twoStages(1), [slow, fast]);
	const bytes = tensorBytes(batch);
	const order = down(slow, orderBytes) + 2 * updateSeconds;
	const forward = 2 * batch * slow.seconds;
	const learn = 3 * 2 * batch * fast.seconds;
	const backward = 2 * forward;
	const report = up(slow, reportBytes);
	const expected =
		order + forward + way(slow, fast, bytes) + learn + way(fast, slow, bytes) + backward + report + stepSeconds;
	const coding = 2 * coded({kind: 'fp32'}, batch).encode;
	t.true(near(got, expected + coding), `${got}, ${expected} + ${coding}`);
	const [first, second] = devices;
	// At the end of the epoch each hands over its weights for a test and a checkpoint.
	t.is(first!.bytesSent, bytes + onTheWire(1, 1e6).back + state);
	t.is(first!.bytesSent, second!.bytesSent);
	t.true(near(first!.phases.compute.seconds, forward + backward + 2 * updateSeconds));
});

test('tensors are encoded before they go and decoded when they have come, as long as their codec takes on the device', t => {
	const codec = {kind: 'int8', per: 'tensor', rounding: 'nearest'} as const;
	const link = {upBytesPerSecond: 1e12, downBytesPerSecond: 1e12, latencySeconds: 0};
	const pair = [
		{...slow, link},
		{...fast, link},
	];
	const plan = twoStages(1);
	const raw = predict(plan, pair).stepSeconds - 2 * coded({kind: 'fp32'}, batch).encode;
	const compressed = predict({...plan, links: [{from: '*', to: '*', codec}]}, pair).stepSeconds;
	const {encode, decode} = coded(codec, batch);
	t.true(Math.abs(compressed - raw - 2 * (encode + decode)) < 1e-7, `${compressed}, ${raw}, ${encode}, ${decode}`);
	t.true(encode > decode && decode > 0);
});

test('with micro-batches the slower stage works without a pause once it has begun, where links are no matter', t => {
	const link = {upBytesPerSecond: 1e12, downBytesPerSecond: 1e12, latencySeconds: 0};
	const [first, second] = [
		{...slow, link},
		{...fast, link},
	];
	const fleet = {...tinyFleet([first, second]), messaging: {chunkBytes: 1e6, secondsPerMessage: 0}};
	const costs = tinyModel(4);
	for (const schedule of ['gpipe', '1f1b'] as const) {
		const plan = twoStages(4, schedule);
		const {stepSeconds: got} = evaluate({plan, costs, fleet, training: training(1, batch)});
		// The first stage has all the work but the last micro-batch's turn at the second one.
		const work = 3 * 2 * batch * slow.seconds;
		const bound = 2 * updateSeconds + work + stepSeconds;
		t.true(got >= bound - 1e-9);
		t.true(got <= bound + 3 * 2 * (batch / 4) * fast.seconds + 1e-6, `${schedule}: ${got}, ${bound}`);
	}
});

test('gradients that replicas share go up after the step, and their mean comes down before the next', t => {
	const plan = tinyPlan({
		stages: [
			{units: [0, 1], replicas: replicas(slow, {...slow, device: 'other'})},
			{units: [2, 3], replicas: replicas(fast)},
		],
		synchronisation: everyStep,
	});
	const twins = [slow, {...slow, device: 'other'}, fast];
	const {devices} = predict(plan, twins);
	const shared = onTheWire(4 * 2 * parameters, 1e6);
	const tensor = onTheWire(24 + 12 + 8 + 10 + (batch / 2) * elements * 4, 1e6);
	const each = tensor.there + tensor.back + shared.there + shared.back;
	t.is(devices[0]!.bytesSent, each + state, 'of replicas that are one model, one hands over its weights');
	t.is(devices[1]!.bytesSent, each);
	t.is(devices[1]!.bytesReceived, each);
	const alone: Plan = {
		...plan,
		stages: plan.stages.map((stage, index) => (index === 0 ? {...stage, synchronisation: privately} : stage)),
	};
	const difference = predict(plan, twins).stepSeconds - predict(alone, twins).stepSeconds;
	const extra =
		// The mean comes down before the order to use it; the gradient goes up, and its acknowledgment before the report.
		shared.there / slow.link.downBytesPerSecond +
		up(slow, shared.there) +
		down(slow, answerBytes) +
		2 * parameters * secondsPerElement;
	t.true(near(difference, extra), `${difference}, ${extra}`);
});

const privately = {topology: 'parameter-server', exchange: 'weights', every: {kind: 'never'}} as const;

test('replicas that take turns have steps of their own, and hand over weights when a turn ends', t => {
	const plan = tinyPlan({
		stages: [
			{
				units: [0, 1],
				replicas: replicas(slow, fast),
				turns: 'in-turn',
				synchronisation: {exchange: 'weights', every: {kind: 'epochs', epochs: 1}},
			},
			{units: [2, 3], replicas: replicas({...fast, device: 'trunk'})},
		],
		synchronisation: everyStep,
	});
	const all = [slow, fast, {...fast, device: 'trunk'}];
	const {seconds} = predict(plan, all, 6);
	const only = (device: TinyDevice) =>
		predict(
			tinyPlan({
				stages: [
					{units: [0, 1], replicas: replicas(device)},
					{units: [2, 3], replicas: replicas({...fast, device: 'trunk'})},
				],
				synchronisation: everyStep,
			}),
			all,
		).stepSeconds;
	// 24 items each: three steps in either turn. After the first turn's last update its weights go up, and the second turn
	// begins with them instead of an update.
	const hand = (from: TinyDevice) => down(from, orderBytes) + 2 * updateSeconds + up(from, state) + stepSeconds;
	const load = down(fast, state + orderBytes) - (down(fast, orderBytes) + 2 * updateSeconds);
	const expected = 3 * only(slow) + 3 * only(fast) + hand(slow) + load + hand(fast);
	t.true(near(seconds, expected), `${seconds}, ${expected}`);
});

test('replicas that train by themselves meet after as many steps as the plan says', t => {
	const plan = (steps: number) =>
		tinyPlan({
			stages: [
				{
					units: [0, 1],
					replicas: replicas(slow, fast),
					synchronisation: {exchange: 'weights', every: {kind: 'steps', steps}},
				},
				{units: [2, 3], replicas: replicas({...fast, device: 'trunk'})},
			],
			synchronisation: everyStep,
		});
	const all = [slow, fast, {...fast, device: 'trunk'}];
	const [often, seldom] = [2, 6].map(steps => predict(plan(steps), all, 12)) as [
		ReturnType<typeof predict>,
		ReturnType<typeof predict>,
	];
	const vector = wire(4 * 2 * parameters + 8);
	// After an update weights go up; when their mean is taken, the next step begins with it instead of an update.
	const meeting =
		down(slow, orderBytes) +
		2 * updateSeconds +
		up(slow, vector) +
		stepSeconds +
		2 * parameters * secondsPerElement +
		(vector / slow.link.downBytesPerSecond - 2 * updateSeconds);
	t.true(near(often.seconds - seldom.seconds, 4 * meeting), `${often.seconds - seldom.seconds}, ${4 * meeting}`);
	const {there, back} = onTheWire(4 * 2 * parameters + 8, 1e6);
	t.true(near(often.bytes - seldom.bytes, 4 * 2 * 2 * (there + back)));
});
