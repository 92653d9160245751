import test, {type ExecutionContext} from 'ava';
import {isFplError} from '../../../../core/errors.js';
import {type DeviceId, deviceId} from '../../../../core/ids.js';
import {createPresence, type Presence} from '../../../../core/wire/presence/announce.js';
import {watchPresence} from '../../../../core/wire/presence/watch.js';
import {coordinatorId, createTopics} from '../../../../core/wire/topics.js';
import {MemoryBroker} from '../../../../core/wire/transports/memory-broker.js';
import type {MemoryTransport} from '../../../../core/wire/transports/memory-transport.js';
import {until} from '../../../contracts/transport.js';
import {sampleBodies} from '../samples.js';

const topics = createTopics();
const device = deviceId('cam-1');
/** Long enough for a busy machine, on which this process may stand still for a tenth of a second. */
const times = {settleMs: 100, probeMs: 200, probes: 2};
/** After that nobody is probed any more. */
const probedMs = 700;

// Timers of the clock do not keep the process alive, and there are no sockets here.
const alive = setInterval(() => {}, 1000);
test.after.always(() => clearInterval(alive));

interface Agent {
	readonly presence: Presence;
	readonly transport: MemoryTransport;
}

function agent(
	broker: MemoryBroker,
	installation: string,
	incarnation: number,
	{as = device, state = () => 'idle' as 'idle' | 'busy'}: {as?: DeviceId; state?: () => 'idle' | 'busy'} = {},
): Agent {
	const {softwareVersion, profile, emulated, engines, datasets, codecs} = sampleBodies.birth;
	const presence = createPresence({
		topics,
		device: as,
		installation,
		incarnation,
		facts: () => ({softwareVersion, profile, emulated, engines, datasets, codecs, state: state(), run: ''}),
		times,
	});
	return {presence, transport: broker.attach({will: presence.will})};
}

/** A watcher that writes down what it is told: «+cam-1 12», «-cam-1 12 died». */
async function watcher(broker: MemoryBroker) {
	const log: string[] = [];
	const transport = broker.attach();
	const watch = await watchPresence({
		transport,
		topics,
		self: coordinatorId,
		onJoin: birth => log.push(`+${birth.device} ${birth.incarnation}`),
		onUpdate: birth => log.push(`=${birth.device} ${birth.state}`),
		onLeave: (birth, reason) => log.push(`-${birth.device} ${birth.incarnation} ${reason.kind}`),
		probeMs: times.probeMs,
		probes: times.probes,
	});
	return {log, watch, transport};
}

const join = async ({presence, transport}: Agent) => presence.announce(transport);
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

test('a device joins, changes its state and leaves', async t => {
	const broker = new MemoryBroker();
	const {log, watch} = await watcher(broker);
	let state: 'idle' | 'busy' = 'idle';
	const one = agent(broker, 'm', 1, {state: () => state});
	await join(one);
	await until('joined', () => log.length === 1);
	state = 'busy';
	one.presence.update();
	await until('updated', () => log.length === 2);
	t.is(watch.present()[0]?.state, 'busy');
	await one.presence.leave('stopped');
	await one.transport.close();
	await until('left', () => log.length === 3);
	t.deepEqual(log, ['+cam-1 1', '=cam-1 busy', '-cam-1 1 died']);
	t.deepEqual(watch.present(), []);
	await watch.close();
});

test('a crash is seen through the will, and a watcher who comes later sees nobody', async t => {
	const broker = new MemoryBroker();
	const {log, watch} = await watcher(broker);
	const one = agent(broker, 'm', 1);
	await join(one);
	one.transport.kill();
	await until('left', () => log.length === 2);
	t.deepEqual(log, ['+cam-1 1', '-cam-1 1 died']);
	const late = await watcher(broker);
	await pause(probedMs);
	t.deepEqual(late.log, []);
	await Promise.all([watch.close(), late.watch.close()]);
});

test('a restart of the same installation replaces the old session, whose late will changes nothing', async t => {
	const broker = new MemoryBroker();
	const {log, watch} = await watcher(broker);
	const old = agent(broker, 'm', 1);
	await join(old);
	const taken: unknown[] = [];
	old.presence.onTaken(error => taken.push(error));
	const fresh = agent(broker, 'm', 2);
	await join(fresh);
	await until('replaced', () => log.length === 3);
	old.transport.kill();
	await pause(20);
	t.deepEqual(log, ['+cam-1 1', '-cam-1 1 replaced', '+cam-1 2']);
	t.true(taken.length === 1 && isFplError(taken[0], 'ID_TAKEN'));
	const late = await watcher(broker);
	await until('the late watcher sees the new session', () => late.log.length === 1);
	t.deepEqual(late.log, ['+cam-1 2']);
	await Promise.all([watch.close(), late.watch.close()]);
});

test('a second installation with the same id is refused while the first is there, and let in afterwards', async t => {
	const broker = new MemoryBroker();
	const {log, watch} = await watcher(broker);
	const first = agent(broker, 'm', 1);
	await join(first);
	const second = agent(broker, 'other', 9);
	const error = await t.throwsAsync(join(second));
	t.true(isFplError(error, 'ID_TAKEN'));
	t.regex(error!.message, /cam-1: installation m is connected under this id/u);
	await second.transport.close();
	t.deepEqual(log, ['+cam-1 1']);
	first.transport.kill();
	const third = agent(broker, 'other', 10);
	await join(third);
	await until('the other one is in', () => log.length === 3);
	t.deepEqual(log, ['+cam-1 1', '-cam-1 1 died', '+cam-1 10']);
	await watch.close();
});

test('a birth whose will was lost is a ghost: its name can be taken, and watchers do not believe it', async t => {
	const broker = new MemoryBroker();
	const first = agent(broker, 'm', 1);
	await join(first);
	// The broker goes down and comes back with its retained messages, the device does not.
	broker.stop({keepRetained: true});
	broker.start();
	const {log, watch, transport} = await watcher(broker);
	await pause(probedMs);
	t.deepEqual(log, []);
	const second = agent(broker, 'other', 1);
	await join(second);
	await until('the new one', () => log.length === 1);
	t.deepEqual(log, ['+cam-1 1']);
	await watch.close();
	await transport.close();
});

test('after a restart of the broker without memory everybody is back, and the missing are noticed', async t => {
	const broker = new MemoryBroker();
	const {log, watch, transport} = await watcher(broker);
	const [one, two] = [agent(broker, 'm', 1), agent(broker, 'n', 2, {as: deviceId('cam-2')})];
	await join(one);
	await join(two);
	await until('both', () => log.length === 2);
	broker.stop();
	broker.start();
	transport.reconnect();
	one.transport.reconnect();
	await until('one is back, the other is missed', () => log.length >= 5);
	t.deepEqual(log.slice(2).sort(), ['+cam-1 1', '-cam-1 1 replaced', '-cam-2 2 silent']);
	t.deepEqual(
		watch.present().map(birth => birth.device),
		[device],
	);
	two.transport.reconnect();
	await until('the other is back', () => log.length === 6);
	t.is(log[5], '+cam-2 2');
	await watch.close();
});

test('two installations that start at the same moment do not both stay', async t => {
	const broker = new MemoryBroker();
	const contenders = [agent(broker, 'm', 1), agent(broker, 'n', 1)];
	let lost = 0;
	for (const {presence} of contenders) {
		presence.onTaken(() => lost++);
	}
	const results = await Promise.allSettled(contenders.map(join));
	await pause(probedMs);
	const refused = results.filter(result => result.status === 'rejected').length;
	t.is(refused + lost, 1);
});

async function never(t: ExecutionContext, log: readonly string[]) {
	const before = log.length;
	await pause(probedMs);
	t.is(log.length, before);
}

test('garbage on presence topics is ignored', async t => {
	const broker = new MemoryBroker();
	const {log, watch} = await watcher(broker);
	const stranger = broker.attach();
	await stranger.publish(topics.of(device, 'birth'), Buffer.from('garbage'), {retain: true});
	await stranger.publish(topics.of(device, 'death'), new Uint8Array(0), {retain: true});
	await stranger.publish('fpl/devices/a b/birth', Buffer.from('x'));
	await never(t, log);
	await join(agent(broker, 'm', 1));
	await until('a true birth', () => log.length === 1);
	await watch.close();
});
