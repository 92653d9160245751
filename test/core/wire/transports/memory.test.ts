import test from 'ava';
import {ManualClock} from '../../../../core/clock.js';
import {seededRandom} from '../../../../core/random.js';
import {MemoryBroker} from '../../../../core/wire/transports/memory-broker.js';
import {transportContract} from '../../../contracts/transport.js';

transportContract(test, 'memory', async () => {
	const broker = new MemoryBroker();
	return {
		async connect(_name, will) {
			const transport = broker.attach(will ? {will} : {});
			return {
				transport,
				kill: () => transport.kill(),
				breakLink: () => transport.disconnect(),
				reconnect: () => transport.reconnect(),
			};
		},
		close: async () => {},
	};
});

const settle = () => new Promise(resolve => setImmediate(resolve));

test('loss, duplication and reordering happen as often as asked for, and to QoS 1 only without loss', async t => {
	const clock = new ManualClock();
	const faults = {loss: 0.3, duplication: 0.2, reordering: 0.5, reorderMs: 40, delayMs: 10};
	const broker = new MemoryBroker({clock, random: seededRandom(3), faults});
	const [a, b] = [broker.attach(), broker.attach()];
	const seen: number[] = [];
	await b.subscribe('x', (_, payload) => seen.push(Buffer.from(payload).readUInt16LE()));
	const numbered = (index: number) => Buffer.from(Uint16Array.of(index).buffer);
	for (let index = 0; index < 1000; index++) {
		await a.publish('x', numbered(index));
	}
	t.is(seen.length, 0);
	await clock.advance(100);
	const distinct = new Set(seen).size;
	t.true(Math.abs(distinct - 700) < 60, `${distinct} of 1000 arrived`);
	t.true(Math.abs(seen.length - distinct - 140) < 50, `${seen.length - distinct} came twice`);
	t.true(seen.some((value, index) => index > 0 && value < seen[index - 1]!));
	seen.length = 0;
	for (let index = 0; index < 300; index++) {
		await a.publish('x', numbered(index), {qos: 1});
	}
	await clock.advance(100);
	t.is(new Set(seen).size, 300);
	t.true(seen.length > 300);
});

test('the same seed gives the same faults', async t => {
	const run = async () => {
		const broker = new MemoryBroker({random: seededRandom(11), faults: {loss: 0.5}});
		const a = broker.attach();
		const seen: number[] = [];
		await a.subscribe('x', (_, payload) => seen.push(payload[0]!));
		for (let index = 0; index < 100; index++) {
			await a.publish('x', Uint8Array.of(index));
		}
		await settle();
		return seen;
	};
	t.deepEqual(await run(), await run());
});

test('a stopped broker takes its retained messages along and nobody gets in', async t => {
	const broker = new MemoryBroker();
	const a = broker.attach({will: () => ({topic: 'will', payload: Buffer.from('w')})});
	await a.publish('birth', Buffer.from('here'), {retain: true});
	t.deepEqual(broker.retainedTopics, ['birth']);
	broker.stop();
	t.is(a.status, 'offline');
	a.reconnect();
	t.is(a.status, 'offline');
	broker.start();
	a.reconnect();
	t.is(a.status, 'online');
	t.deepEqual(broker.retainedTopics, []);
});

test('what is under way when the link breaks is lost, even when it is back before the delivery', async t => {
	const clock = new ManualClock();
	const broker = new MemoryBroker({clock, faults: {delayMs: 10}});
	const [a, b] = [broker.attach(), broker.attach()];
	let count = 0;
	await b.subscribe('x', () => count++);
	await a.publish('x', Buffer.from('1'));
	b.disconnect();
	b.reconnect();
	await clock.advance(20);
	t.is(count, 0);
});
