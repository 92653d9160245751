import {randomBytes} from 'node:crypto';
import test from 'ava';
import {type DeviceId, deviceId, runId} from '../../../core/ids.js';
import {createTensorLink} from '../../../core/wire/link/tensor-link.js';
import {createMessenger} from '../../../core/wire/messenger.js';
import {createPresence} from '../../../core/wire/presence/announce.js';
import {watchPresence} from '../../../core/wire/presence/watch.js';
import {coordinatorId, createTopics} from '../../../core/wire/topics.js';
import type {Will} from '../../../core/wire/transport.js';
import {connectMqtt} from '../../../core/wire/transports/mqtt-connect.js';
import {startBroker} from '../../../fog-broker/broker.js';
import {until} from '../../contracts/transport.js';
import {sampleBodies} from './samples.js';

const topics = createTopics();
const cam = deviceId('cam-1');

test('presence, a request and a transfer survive a restart of the broker', async t => {
	t.timeout(150_000);
	let broker = await startBroker({listen: 'mqtt://127.0.0.1:0', remoteCoordinator: true});
	const connect = (party: DeviceId, will?: () => Will) =>
		connectMqtt({
			broker: broker.url,
			clientId: topics.clientId(party, `t${randomBytes(4).toString('hex')}`),
			backoffMs: {first: 50, longest: 200},
			...(will && {will}),
		});
	const {softwareVersion, profile, emulated, engines, datasets, codecs} = sampleBodies.birth;
	const presence = createPresence({
		topics,
		device: cam,
		installation: 'm',
		incarnation: 1,
		facts: () => ({softwareVersion, profile, emulated, engines, datasets, codecs, state: 'idle', run: ''}),
		times: {settleMs: 100},
	});
	const center = await connect(coordinatorId);
	const agent = await connect(cam, presence.will);

	const log: string[] = [];
	const watch = await watchPresence({
		transport: center,
		topics,
		self: coordinatorId,
		onJoin: birth => log.push(`+${birth.device}`),
		onLeave: (birth, reason) => log.push(`-${birth.device} ${reason.kind}`),
	});
	await presence.announce(agent);
	await until('joined', () => log.length === 1);

	const data = randomBytes(30_000_000);
	const received = Buffer.alloc(data.length);
	let chunks = 0;
	const [sender, receiver] = [
		await createTensorLink(center, coordinatorId, {topics}),
		await createTensorLink(agent, cam, {topics}),
	];
	receiver.onTransfer(() => ({
		chunk(_, offset, bytes) {
			received.set(bytes, offset);
			chunks++;
			if (chunks === 10) {
				void broker.close();
			}
		},
		done() {},
		abort: because => t.fail(because),
	}));
	const purpose = {kind: 'weights', run: runId('r'), round: 1} as const;
	const sent = sender.send(cam, {id: 'w', purpose, data}, {stallMs: 20_000});
	await until('the broker is gone', () => center.status === 'offline' && agent.status === 'offline');

	const messengers = await Promise.all([
		createMessengerLater(center, coordinatorId),
		createMessengerLater(agent, cam),
		(async () => {
			await new Promise(resolve => setTimeout(resolve, 300));
			broker = await startBroker({listen: broker.url, remoteCoordinator: true});
		})(),
	]);
	const [asking, answering] = messengers;
	answering.serve(() => ({kind: 'ack'}));
	const reply = asking.request(cam, {kind: 'ping'}, {expect: ['ack'], deadlineMs: 60_000});

	await sent;
	t.true(received.equals(data));
	t.is(chunks, Math.ceil(data.length / (256 * 1024)));
	t.is((await reply).body.kind, 'ack');
	await until('the device is there again', () => log.length >= 3);
	t.deepEqual(log, ['+cam-1', '-cam-1 replaced', '+cam-1']);
	await presence.leave('done');
	await until('left', () => log.at(-1) === '-cam-1 died');
	await watch.close();
	await Promise.all([center.close(), agent.close()]);
	await broker.close();
});

/** Subscribing waits for the connection to come back. */
const createMessengerLater = (transport: Parameters<typeof createMessenger>[0]['transport'], self: DeviceId) =>
	createMessenger({transport, self, topics});
