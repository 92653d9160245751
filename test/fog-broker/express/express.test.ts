/** Tensors through the real broker on the shorter way: what clients see must not depend on the way. */
import net from 'node:net';
import test from 'ava';
import {type DeviceId, deviceId} from '../../../core/ids.js';
import {coordinatorId, createTopics} from '../../../core/wire/topics.js';
import {connectMqtt} from '../../../core/wire/transports/mqtt-connect.js';
import {publishHeader} from '../../../core/wire/transports/pieces.js';
import {type BrokerOptions, startBroker} from '../../../fog-broker/broker.js';
import {until} from '../../contracts/transport.js';

const topics = createTopics();
const [cam, other] = [deviceId('cam-1'), deviceId('cam-2')];
const open = (options: Partial<BrokerOptions> = {}) => startBroker({listen: 'mqtt://127.0.0.1:0', ...options});
let nonce = 0;
const connect = (broker: Parameters<typeof connectMqtt>[0]['broker'], party: DeviceId) =>
	connectMqtt({broker, clientId: topics.clientId(party, `t${nonce++}`), ackDeadlineMs: 3000});

const sized = (index: number) => Buffer.alloc(1 + ((index * 7919) % 300_000), index);

/** CONNECT with a client id, and so many seconds of patience (MQTT 3.1.1, 3.1). */
function connectPacket(clientId: string, keepaliveSeconds: number): Buffer {
	const id = Buffer.from(clientId);
	const head = Buffer.from([
		0x10,
		12 + id.length,
		0,
		4,
		...Buffer.from('MQTT'),
		4,
		2,
		0,
		keepaliveSeconds,
		0,
		id.length,
	]);
	return Buffer.concat([head, id]);
}

test('tensors of all sizes come whole and in order, between devices and to and from the coordinator', async t => {
	const broker = await open();
	const parties = [
		{id: cam, transport: await connect(broker.url, cam)},
		{id: other, transport: await connect(broker.url, other)},
		{id: coordinatorId, transport: await connect(broker.open, coordinatorId)},
	];
	const seen = new Map<string, Buffer[]>();
	for (const {id, transport} of parties) {
		await transport.subscribe(topics.inbox('tensor', id), (topic, payload) => {
			seen.set(topic, [...(seen.get(topic) ?? []), Buffer.from(payload)]);
		});
	}
	const count = 40;
	const pairs = parties.flatMap(from => parties.filter(to => to !== from).map(to => ({from, to})));
	await Promise.all(
		pairs.map(async ({from, to}) => {
			for (let index = 0; index < count; index++) {
				await from.transport.publish(topics.between('tensor', from.id, to.id), sized(index));
			}
		}),
	);
	await until(
		'everything',
		() => [...seen.values()].reduce((sum, {length}) => sum + length, 0) === count * pairs.length,
	);
	for (const {from, to} of pairs) {
		const got = seen.get(topics.between('tensor', from.id, to.id));
		t.true(got?.every((payload, index) => payload.equals(sized(index))));
	}
	t.true(broker.stats().messages >= count * pairs.length);
	await Promise.all(parties.map(({transport}) => transport.close()));
	await broker.close();
});

test('a tensor under another name is not delivered, and its sender is cut off', async t => {
	const broker = await open();
	const victim = await connect(broker.url, other);
	const seen: string[] = [];
	await victim.subscribe(topics.inbox('tensor', other), topic => seen.push(topic));
	const liar = await connect(broker.url, cam);
	const statuses: string[] = [];
	liar.onStatus(status => statuses.push(status));
	await liar.publish(topics.between('tensor', coordinatorId, other), Buffer.from('x'));
	await until('the liar is cut off', () => statuses.includes('offline'));
	t.deepEqual([broker.stats().refused, seen.length], [1, 0]);
	await Promise.all([liar.close(), victim.close()]);
	await broker.close();
});

test('another subscriber gets a copy too, and after it is gone the first one still gets everything', async t => {
	const broker = await open();
	const [sender, receiver, watching] = await Promise.all([
		connect(broker.url, cam),
		connect(broker.url, other),
		connect(broker.open, coordinatorId),
	]);
	const counts = {receiver: 0, watching: 0};
	await receiver.subscribe(topics.inbox('tensor', other), () => counts.receiver++);
	const watch = await watching.subscribe('fpl/tensor/#', () => counts.watching++);
	const send = () => sender.publish(topics.between('tensor', cam, other), Buffer.alloc(1000));
	await send();
	await until('both have it', () => counts.receiver === 1 && counts.watching === 1);
	await watch.unsubscribe();
	await send();
	await until('one has it', () => counts.receiver === 2);
	t.is(counts.watching, 1);
	await receiver.close();
	await send();
	await Promise.all([sender.close(), watching.close()]);
	await broker.close();
});

test('a receiver that does not read holds its sender up, in bounded memory, until it is cut', async t => {
	const broker = await open({drainMs: 2000});
	const frozen = net.connect({port: broker.port, host: '127.0.0.1'});
	frozen.on('error', () => {});
	const inbox = Buffer.from(topics.inbox('tensor', other));
	const subscribe = Buffer.concat([
		Buffer.from([0x82, 5 + inbox.length, 0, 1, 0, inbox.length]),
		inbox,
		Buffer.from([0]),
	]);
	frozen.write(Buffer.concat([connectPacket(topics.clientId(other, 'frozen'), 60), subscribe]));
	await until('subscribed', () => broker.stats().bytesOut >= 9);
	frozen.pause();
	const writer = await connect(broker.url, cam);
	let taken = 0;
	const payload = Buffer.alloc(200_000);
	const writing = (async () => {
		for (; taken < 400; taken++) {
			await writer.publish(topics.between('tensor', cam, other), payload);
		}
	})();
	await new Promise(resolve => setTimeout(resolve, 300));
	// What sockets and streams hold on the way; the rest waits at the sender.
	t.true(taken * payload.length < 40e6, `${taken} messages`);
	await writing;
	t.is(broker.stats().clients, 1);
	t.is(broker.stats().refused, 1);
	frozen.destroy();
	await writer.close();
	await broker.close();
});

test('who sends tensors only is not taken for dead', async t => {
	const broker = await open();
	const receiver = await connect(broker.url, other);
	let seen = 0;
	await receiver.subscribe(topics.inbox('tensor', other), () => seen++);
	const socket = net.connect({port: broker.port, host: '127.0.0.1'});
	let closed = false;
	socket
		.on('error', () => {})
		.on('close', () => {
			closed = true;
		});
	socket.write(connectPacket(topics.clientId(cam, 'mute'), 2));
	await until('connected', () => broker.stats().clients === 2);
	const frame = Buffer.concat([publishHeader(topics.between('tensor', cam, other), 3, false), Buffer.from('abc')]);
	// The broker's patience is three seconds.
	for (let index = 0; index < 8; index++) {
		socket.write(frame);
		await new Promise(resolve => setTimeout(resolve, 500));
	}
	await until('everything has come', () => seen === 8);
	t.false(closed);
	socket.destroy();
	await receiver.close();
	await broker.close();
});
