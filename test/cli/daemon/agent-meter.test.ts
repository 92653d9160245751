/** An agent's meter as its configuration asks for it: plugs at the fleet's broker or another one, batteries, emulation. */
import test from 'ava';
import {BatteryGauge, localMeter, meterSpecOf, plugMeter} from '../../../cli/daemon/agent-meter.js';
import {systemClock} from '../../../core/clock.js';
import {readConfig} from '../../../core/config/config.js';
import type {EnergyMeter} from '../../../core/energy/meter.js';
import {deviceId} from '../../../core/ids.js';
import {silentLogger} from '../../../core/log.js';
import {libraryProfile} from '../../../core/profile/library.js';
import {createTopics} from '../../../core/wire/topics.js';
import {connectMqtt} from '../../../core/wire/transports/mqtt-connect.js';
import {agentSchema} from '../../../edge-agent/config.js';
import {startBroker} from '../../../fog-broker/broker.js';
import {until} from '../../contracts/transport.js';

const topics = createTopics();
const context = {clock: systemClock, logger: silentLogger, signal: new AbortController().signal};
const cam = deviceId('cam-1');
const spec = {kind: 'plug', make: 'tasmota', topic: 'desk'} as const;

const configured = (env: Record<string, string>, flags = {}) => readConfig(agentSchema, {env, flags});

/** Waits until the meter has heard of a power. */
async function heard(meter: EnergyMeter): Promise<void> {
	let seconds = 0;
	await until('the plug', () => {
		void meter.read().then(reading => {
			seconds = reading.seconds;
		});
		return seconds > 0;
	});
}

test('an agent listens to a plug on the fleet’s broker, which the plug may use and the agent may not disturb', async t => {
	const broker = await startBroker({listen: 'mqtt://127.0.0.1:0', topics});
	t.teardown(() => broker.close());
	const agent = await connectMqtt({broker: broker.url, clientId: topics.clientId(cam, 'a1')});
	t.teardown(() => agent.close());
	const plug = await connectMqtt({broker: broker.url, clientId: 'tasmota_C59B5E'});
	t.teardown(() => plug.close());
	const meter = await plugMeter(spec, agent, {id: 'cam-1'}, context);
	t.regex((await meter.read()).silent!, /no message on tele\/desk\/SENSOR yet/u);
	await plug.publish('tele/desk/SENSOR', Buffer.from('{"ENERGY":{"Power":6}}'), {qos: 1});
	await heard(meter);
	t.is((await meter.read()).silent, undefined);
	await meter.close();
});

test('a plug on another broker is listened to there, under a name that is none of the fleet’s', async t => {
	const [fleet, home] = await Promise.all([
		startBroker({listen: 'mqtt://127.0.0.1:0', topics}),
		startBroker({listen: 'mqtt://127.0.0.1:0', topics}),
	]);
	t.teardown(() => Promise.all([fleet.close(), home.close()]));
	const agent = await connectMqtt({broker: fleet.url, clientId: topics.clientId(cam, 'a2')});
	t.teardown(() => agent.close());
	const meter = await plugMeter(spec, agent, {id: 'cam-1', meterBroker: home.url}, context);
	const plug = await connectMqtt({broker: home.url, clientId: 'tasmota_C59B5E'});
	t.teardown(() => plug.close());
	await plug.publish('stat/desk/STATUS8', Buffer.from('{"StatusSNS":{"ENERGY":{"Power":6}}}'), {qos: 1});
	await heard(meter);
	t.is(home.stats().clients, 2);
	await meter.close();
	await until('the end of its connection', () => home.stats().clients === 1);
	t.is(agent.status, 'online');
});

test('flags come before variables, and what is no meter is refused by name', t => {
	t.is(configured({FPL_METER: 'rapl', FPL_METER_BROKER: 'mqtt://home'}).meterBroker, 'mqtt://home');
	t.deepEqual(meterSpecOf(configured({FPL_METER: 'rapl'}, {meter: 'plug:shelly1:desk'})), {
		kind: 'plug',
		make: 'shelly1',
		topic: 'desk',
	});
	t.throws(() => configured({FPL_METER: 'plug:tapo:desk'}), {code: 'CONFIG_VALUE', message: /FPL_METER.*tasmota/u});
	t.throws(() => configured({}, {meter: 'rappl'}), {code: 'CONFIG_VALUE', message: /auto, none, rapl/u});
});

test('an emulated device takes no meter by itself, but one that is named', t => {
	t.deepEqual(meterSpecOf({meter: 'auto', emulate: 'raspberry-pi-5'}), {kind: 'none'});
	t.deepEqual(meterSpecOf({meter: 'rapl', emulate: 'raspberry-pi-5'}), {kind: 'rapl'});
	t.deepEqual(meterSpecOf({meter: 'auto', emulate: undefined}), {kind: 'auto'});
});

test('without a meter energy is modelled', async t => {
	t.is(await localMeter({kind: 'none'}, context), undefined);
});

test('a device without a battery has a profile without one', async t => {
	const gauge = new BatteryGauge();
	const profile = libraryProfile('raspberry-pi-5');
	const left = await gauge.read();
	const shown = gauge.inProfile(profile);
	t.is(shown.batteryJoules, left);
	t.is(shown.sources['batteryJoules'], left === undefined ? undefined : 'battery gauge of the device');
});
