import test from 'ava';
import {ManualClock} from '../../../../core/clock.js';
import {isFplError} from '../../../../core/errors.js';
import {deviceId, runId} from '../../../../core/ids.js';
import {createTensorLink} from '../../../../core/wire/link/tensor-link.js';
import {createTopics} from '../../../../core/wire/topics.js';
import {MemoryBroker} from '../../../../core/wire/transports/memory-broker.js';
import {shapeTransport} from '../../../../core/wire/transports/shaped-transport.js';
import {transportContract} from '../../../contracts/transport.js';

// Timers of the clock do not keep the process alive, and there are no sockets here.
const alive = setInterval(() => {}, 1000);
test.after.always(() => clearInterval(alive));

transportContract(test, 'shaped memory', async () => {
	const broker = new MemoryBroker();
	return {
		async connect(_name, will) {
			const inner = broker.attach(will ? {will} : {});
			const shape = {upBytesPerSecond: 50e6, downBytesPerSecond: 50e6, latencyMs: 2};
			return {
				transport: shapeTransport(inner, shape),
				kill: () => inner.kill(),
				breakLink: () => inner.disconnect(),
				reconnect: () => inner.reconnect(),
			};
		},
		close: async () => {},
	};
});

const topic = 'x/yz';
/** A message of `bytes` on the wire, topic and header included. */
const message = (bytes: number) => Buffer.alloc(bytes - topic.length - 6);

async function setup(shape: {up: number; down: number; latencyMs: number}) {
	const clock = new ManualClock();
	const broker = new MemoryBroker({clock});
	const plain = broker.attach();
	const inner = broker.attach();
	const shaped = shapeTransport(
		inner,
		{upBytesPerSecond: shape.up, downBytesPerSecond: shape.down, latencyMs: shape.latencyMs},
		{clock},
	);
	const start = clock.now();
	return {clock, plain, inner, shaped, elapsed: () => clock.now() - start};
}

test('sending takes bytes / rate, arriving the latency more', async t => {
	const {clock, plain, shaped, elapsed} = await setup({up: 10_000, down: 1e9, latencyMs: 30});
	const arrivals: number[] = [];
	const sent: number[] = [];
	await plain.subscribe(topic, () => arrivals.push(elapsed()));
	for (let index = 0; index < 3; index++) {
		shaped.publish(topic, message(1000)).then(() => sent.push(elapsed()));
	}
	await clock.advance(500);
	t.deepEqual(sent, [100, 200, 300]);
	t.deepEqual(arrivals, [130, 230, 330]);
	t.is(shaped.usage.bytesUp, 3000);
	t.is(shaped.usage.busySecondsUp, 0.3);
});

test('an idle link saves nothing up', async t => {
	const {clock, shaped, elapsed} = await setup({up: 10_000, down: 1e9, latencyMs: 0});
	await clock.advance(10_000);
	let at = 0;
	void shaped.publish(topic, message(2000)).then(() => {
		at = elapsed();
	});
	await clock.advance(500);
	t.is(at, 10_200);
});

test('receiving is slowed down as well, once per message', async t => {
	const {clock, plain, shaped, elapsed} = await setup({up: 1e9, down: 5000, latencyMs: 20});
	const arrivals: number[] = [];
	await shaped.subscribe(topic, () => arrivals.push(elapsed()));
	await shaped.subscribe('x/+', () => arrivals.push(elapsed()));
	await plain.publish(topic, message(500));
	await plain.publish(topic, message(500));
	await clock.advance(1000);
	t.deepEqual(arrivals, [120, 120, 220, 220]);
	t.is(shaped.usage.bytesDown, 1000);
});

test('a QoS 1 message is acknowledged after the way there and back', async t => {
	const {clock, shaped, elapsed} = await setup({up: 10_000, down: 1e9, latencyMs: 40});
	let at = 0;
	void shaped.publish(topic, message(1000), {qos: 1}).then(() => {
		at = elapsed();
	});
	await clock.advance(500);
	t.is(at, 180);
});

test('who waits for a slow link is told when it breaks', async t => {
	const {clock, inner, shaped} = await setup({up: 10, down: 10, latencyMs: 40});
	const sent = [shaped.publish(topic, message(1000)), shaped.publish(topic, message(1000), {qos: 1})];
	const failures = sent.map(promise => t.throwsAsync(promise));
	await clock.advance(100);
	inner.disconnect();
	for (const error of await Promise.all(failures)) {
		t.true(isFplError(error, 'WIRE_CLOSED'));
	}
});

test('a tensor over a 40 Mbit/s link takes its time and not much more, in real time', async t => {
	t.timeout(20_000);
	const topics = createTopics();
	const broker = new MemoryBroker();
	const [alice, bob] = [deviceId('alice'), deviceId('bob')];
	const rate = 5e6;
	const shape = {upBytesPerSecond: rate, downBytesPerSecond: 2 * rate, latencyMs: 5};
	const sender = await createTensorLink(shapeTransport(broker.attach(), shape), alice, {topics, chunkBytes: 65_536});
	const receiver = await createTensorLink(broker.attach(), bob, {topics});
	let bytes = 0;
	receiver.onTransfer(() => ({
		chunk: (_, __, data) => {
			bytes += data.length;
		},
		done() {},
		abort() {},
	}));
	const data = Buffer.alloc(3_000_000);
	const purpose = {kind: 'weights', run: runId('r'), round: 0} as const;
	const {seconds, repeats} = await sender.send(bob, {id: 't', purpose, data}, {stallMs: 5000});
	t.is(bytes, data.length);
	t.is(repeats, 0);
	t.true(seconds > 0.6 && seconds < 0.9, `${seconds} s`);
});
