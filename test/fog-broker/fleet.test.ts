/** The devices that are here, and who is told of them. */
import test from 'ava';
import {systemClock} from '../../core/clock.js';
import {deviceId, type RunId, runId} from '../../core/ids.js';
import {silentLogger} from '../../core/log.js';
import {libraryProfile} from '../../core/profile/library.js';
import {createPresence} from '../../core/wire/presence/announce.js';
import {coordinatorId, createTopics} from '../../core/wire/topics.js';
import {MemoryBroker} from '../../core/wire/transports/memory-broker.js';
import {Fleet} from '../../fog-broker/fleet.js';
import {until} from '../contracts/transport.js';

const alive = setInterval(() => {}, 1000);
test.after.always(() => clearInterval(alive));

test('who follows the fleet is told when a device is done with a run, and with which', async t => {
	const broker = new MemoryBroker();
	const topics = createTopics();
	const fleet = await Fleet.watch({
		transport: broker.attach(),
		topics,
		self: coordinatorId,
		clock: systemClock,
		logger: silentLogger,
	});
	const told: string[] = [];
	fleet.follow({
		joined: ({device, run}) => told.push(`${device} joined ${run ?? 'idle'}`),
		left: device => told.push(`${device} left`),
		freed: (device, from) => told.push(`${device} freed of ${from}, idle: ${fleet.idle().join()}`),
	});
	let run: RunId | '' = runId('an-old-run');
	const device = deviceId('fog-1');
	const presence = createPresence({
		topics,
		device,
		installation: 'one',
		incarnation: 1,
		facts: () => ({
			softwareVersion: 'test',
			profile: JSON.stringify(libraryProfile('mini-pc-n100')),
			emulated: '',
			engines: ['onnxruntime'],
			datasets: [],
			codecs: [],
			state: run === '' ? 'idle' : 'busy',
			run,
		}),
		times: {settleMs: 30, probeMs: 40, probes: 2},
	});
	await presence.announce(broker.attach({will: presence.will}));
	await until('joined', () => told.length === 1);
	for (const next of [runId('another-run'), '', '', runId('a-third-run'), ''] as const) {
		run = next;
		presence.update();
		await until('understood', () => (fleet.find('fog-1')?.run ?? '') === next);
	}
	await presence.leave('the test is over');
	await until('left', () => told.at(-1) === 'fog-1 left');
	t.deepEqual(told, [
		'fog-1 joined an-old-run',
		'fog-1 freed of another-run, idle: fog-1',
		'fog-1 freed of a-third-run, idle: fog-1',
		'fog-1 left',
	]);
	await fleet.close();
});
