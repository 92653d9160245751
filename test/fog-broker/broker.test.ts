import net from 'node:net';
import test from 'ava';
import {isFplError} from '../../core/errors.js';
import {type DeviceId, deviceId} from '../../core/ids.js';
import {coordinatorId, createTopics} from '../../core/wire/topics.js';
import {connectMqtt} from '../../core/wire/transports/mqtt-connect.js';
import {type BrokerOptions, startBroker} from '../../fog-broker/broker.js';
import {until} from '../contracts/transport.js';

const topics = createTopics();
const [cam, other] = [deviceId('cam-1'), deviceId('cam-2')];
const open = (options: Partial<BrokerOptions> = {}) => startBroker({listen: 'mqtt://127.0.0.1:0', ...options});
let nonce = 0;
const connect = (broker: string, party: DeviceId, more = {}) =>
	connectMqtt({broker, clientId: topics.clientId(party, `t${nonce++}`), ackDeadlineMs: 3000, ...more});

/** A raw TCP client; `closed` resolves when the broker has hung up. */
function rawClient(port: number, ...chunks: readonly Buffer[]) {
	const socket = net.connect({port, host: '127.0.0.1'});
	const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
	socket.on('error', () => {});
	socket.on('data', () => {});
	for (const chunk of chunks) {
		socket.write(chunk);
	}
	return {socket, closed};
}

const connectPacket = Buffer.from('101100044d5154540402003c000561626364' + '65', 'hex');

test('it says where it listens, counts, and frees the port when closed', async t => {
	const broker = await open();
	t.regex(broker.url, /^mqtt:\/\/127\.0\.0\.1:\d+$/u);
	const a = await connect(broker.url, cam);
	const payload = Buffer.alloc(5000);
	await a.publish(topics.of(cam, 'birth'), payload, {qos: 1, retain: true});
	await until('the counters', () => broker.stats().messages >= 1 && broker.stats().bytesIn > 5000);
	t.is(broker.stats().clients, 1);
	t.is(broker.stats().retainedTopics, 1);
	await a.close();
	await broker.close();
	await broker.close();
	const again = await open({listen: broker.url});
	t.is(again.url, broker.url);
	await again.close();
});

test('a taken port is named, with what to do', async t => {
	const broker = await open();
	const error = await t.throwsAsync(open({listen: broker.url}));
	t.true(isFplError(error, 'PORT_TAKEN'));
	t.regex(error!.message, new RegExp(`127\\.0\\.0\\.1:${broker.port}.*--listen`, 'u'));
	await broker.close();
});

test('an address that is none is refused', async t => {
	for (const listen of ['', 'localhost:1883', 'http://x:1', 'mqtt://192.0.2.1:1883']) {
		t.true(isFplError(await t.throwsAsync(open({listen})), 'CONFIG_VALUE'), listen);
	}
});

test('a broker that is not there is reported with its address and advice', async t => {
	const broker = await open();
	await broker.close();
	const error = await t.throwsAsync(connect(broker.url.replace('mqtt://', 'mqtt://me:secret@'), cam));
	t.true(isFplError(error, 'BROKER_UNREACHABLE'));
	t.regex(error!.message, new RegExp(`${broker.port}.*nothing listens there.*fpl broker`, 'u'));
	t.notRegex(error!.message, /secret/u);
});

test('on request a client keeps trying until the broker is there, or until it is stopped', async t => {
	const broker = await open();
	await broker.close();
	const trying = {keepTrying: true, backoffMs: {first: 20, longest: 50}};
	const waiting = connect(broker.url, cam, trying);
	const controller = new AbortController();
	const stopped = t.throwsAsync(connect(broker.url, other, {...trying, signal: controller.signal}));
	await new Promise(resolve => setTimeout(resolve, 150));
	controller.abort();
	t.true(isFplError(await stopped, 'INTERRUPTED'));
	const again = await open({listen: broker.url});
	const transport = await waiting;
	t.is(transport.status, 'online');
	await transport.close();
	await again.close();
});

test('a wrong password is told apart from a missing broker', async t => {
	const broker = await open({credentials: [{username: 'fleet', password: 'secret'}]});
	const error = await t.throwsAsync(connect(broker.url, cam, {username: 'fleet', password: 'guess'}));
	t.true(isFplError(error, 'BROKER_REFUSED'));
	t.regex(error!.message, /bad user name or password/u);
	const url = broker.url.replace('mqtt://', 'mqtt://fleet:secret@');
	const transport = await connect(url, cam);
	await transport.close();
	await broker.close();
});

test('nobody from outside may be the coordinator', async t => {
	const broker = await open();
	const error = await t.throwsAsync(connect(broker.url, coordinatorId));
	t.true(isFplError(error, 'BROKER_REFUSED'));
	const inside = await connectMqtt({broker: broker.open, clientId: topics.clientId(coordinatorId, 'x')});
	t.is(inside.status, 'online');
	await inside.close();
	await broker.close();
});

test('a message under another name is not delivered, and its sender is cut off', async t => {
	const broker = await open();
	const victim = await connect(broker.url, other);
	const seen: string[] = [];
	await victim.subscribe(topics.inbox('control', other), topic => seen.push(topic));
	const liar = await connect(broker.url, cam);
	const statuses: string[] = [];
	liar.onStatus(status => statuses.push(status));
	await liar.publish(topics.between('control', coordinatorId, other), Buffer.from('x'));
	await until('the liar is cut off', () => statuses.includes('offline'));
	t.is(broker.stats().refused, 1);
	await until('it may come back', () => liar.status === 'online');
	await liar.publish(topics.between('control', cam, other), Buffer.from('x'), {qos: 1});
	await until('the honest message', () => seen.length === 1);
	t.deepEqual(seen, [topics.between('control', cam, other)]);
	await Promise.all([liar.close(), victim.close()]);
	await broker.close();
});

test('a subscription to the inbox of others is refused', async t => {
	const broker = await open();
	const spy = await connect(broker.url, cam);
	for (const filter of ['#', topics.inbox('tensor', other)]) {
		t.true(isFplError(await t.throwsAsync(spy.subscribe(filter, () => {})), 'BROKER_REFUSED'), filter);
	}
	await spy.subscribe(topics.inbox('tensor', cam), () => {});
	await spy.close();
	await broker.close();
});

test('an oversized frame is refused at its header and costs no memory', async t => {
	const broker = await open({maxFrameBytes: 10_000});
	// PUBLISH announcing 200 MB.
	const {socket, closed} = rawClient(broker.port, connectPacket, Buffer.from([0x30, 0xff, 0xff, 0xff, 0x5f]));
	await closed;
	t.true(socket.bytesWritten < 100);
	t.is(broker.stats().refused, 1);
	const a = await connect(broker.url, cam, {maxPayloadBytes: 1e6});
	await t.throwsAsync(a.publish(topics.of(cam, 'birth'), Buffer.alloc(20_000), {qos: 1}));
	await a.close();
	await broker.close();
});

test('who does not present itself, or not in time, is cut off', async t => {
	// A minute to present oneself: who is cut off at once was not waited for.
	const patient = await open({handshakeMs: 60_000});
	await rawClient(patient.port, Buffer.from('GET / HTTP/1.1\r\n')).closed;
	await patient.close();
	const broker = await open({handshakeMs: 200});
	const started = Date.now();
	await rawClient(broker.port).closed;
	await rawClient(broker.port, connectPacket.subarray(0, 5)).closed;
	t.true(Date.now() - started >= 300);
	await broker.close();
});

test('who begins a frame and does not end it is cut off', async t => {
	const broker = await open({frameMs: 200});
	const {closed} = rawClient(broker.port, connectPacket, Buffer.from([0x30, 100, 0, 1]));
	const started = Date.now();
	await closed;
	t.true(Date.now() - started >= 150 && Date.now() - started < 60_000);
	await broker.close();
});

test('a subscriber that does not read is cut and does not stop the others', async t => {
	const broker = await open({drainMs: 500});
	const frozen = rawClient(broker.port);
	const subscribe = Buffer.concat([Buffer.from([0x82, 8, 0, 1, 0, 3]), Buffer.from('x/y'), Buffer.from([0])]);
	frozen.socket.write(Buffer.concat([connectPacket, subscribe]));
	await until('subscribed', () => broker.stats().bytesOut >= 9);
	frozen.socket.pause();
	const reader = await connectMqtt({broker: broker.url, clientId: 'reader'});
	let seen = 0;
	await reader.subscribe('x/y', () => seen++);
	const writer = await connectMqtt({broker: broker.url, clientId: 'writer'});
	// More messages than aedes delivers at once, so that the frozen one holds up everybody until it is cut.
	const count = 300;
	const payload = Buffer.alloc(100_000);
	for (let index = 0; index < count; index++) {
		await writer.publish('x/y', payload);
	}
	await until('all messages have come', () => seen === count);
	await until('the frozen one is cut', () => broker.stats().clients === 2);
	frozen.socket.destroy();
	await Promise.all([reader.close(), writer.close()]);
	await broker.close();
	t.pass();
});

test('closing does not wait for clients', async t => {
	const broker = await open();
	const a = await connect(broker.url, cam);
	const started = Date.now();
	await broker.close();
	// A client says something every minute: who waits for clients waits so long.
	t.true(Date.now() - started < 30_000);
	await until('the client has noticed', () => a.status === 'offline');
	await a.close();
});
