/** Smart plugs over MQTT: the contract for every make, and what their messages say. */
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {ManualClock} from '../../../core/clock.js';
import {openPlugMeter} from '../../../core/energy/plug.js';
import {type PlugKind, plugKinds, plugLayouts} from '../../../core/energy/plug-payloads.js';
import {MemoryBroker} from '../../../core/wire/transports/memory-broker.js';
import {meterContract} from '../../contracts/meter.js';

const fixture = (name: string): string =>
	readFileSync(path.resolve(import.meta.dirname, '../../../../test/fixtures/energy', name), 'utf8');

/** Messages come in later turns of the event loop. */
const arrive = async (): Promise<void> => {
	for (let turn = 0; turn < 3; turn++) {
		await new Promise(resolve => setImmediate(resolve));
	}
};

async function plugged(kind: PlugKind, name = 'desk') {
	const broker = new MemoryBroker();
	const clock = new ManualClock();
	const meter = await openPlugMeter(broker.attach(), {kind, topic: name, clock});
	const plug = broker.attach();
	return {
		meter,
		clock,
		async say(topic: string, text: string, retain = false) {
			await plug.publish(topic, Buffer.from(text), {retain});
			await arrive();
		},
	};
}

/** Topic and text by make; `wattHours` as a plug counts them. */
const says: Readonly<Record<PlugKind, (watts: unknown, wattHours: number) => readonly [topic: string, text: string]>> =
	{
		tasmota: (watts, wattHours) => [
			'tele/desk/SENSOR',
			JSON.stringify({Time: '2026-03-02T10:15:30', ENERGY: {Total: 12 + wattHours / 1000, Power: watts}}),
		],
		shelly1: watts => ['shellies/desk/relay/0/power', String(watts)],
		shelly2: (watts, wattHours) => [
			'desk/status/switch:0',
			JSON.stringify({id: 0, output: true, apower: watts, aenergy: {total: Number((3158.258 + wattHours).toFixed(3))}}),
		],
		zigbee2mqtt: watts => ['zigbee2mqtt/desk', JSON.stringify({state: 'ON', power: watts, energy: 1.42})],
	};

for (const kind of plugKinds) {
	meterContract(test, `plug ${kind}`, async () => {
		const {meter, clock, say} = await plugged(kind);
		let wattHours = 0;
		const tell = (watts: unknown) => say(...says[kind](watts, wattHours));
		return {
			meter,
			clock,
			paceMs: 10_000,
			holdMs: plugLayouts[kind].holdMs,
			// The second generation counts thousandths of a watt-hour.
			resolutionJoules: kind === 'shelly2' ? 3.6 : 0,
			async pass(watts, ms) {
				await clock.advance(ms);
				wattHours += (watts * ms) / 3.6e6;
				await tell(watts);
			},
			fail: async () => {},
			nonsense: {
				text: () => tell('NaN'),
				negative: () => tell(-5),
				absurd: () => tell(10_001),
			},
		};
	});
}

test('the recorded messages of each make are understood', t => {
	const {tasmota, shelly1, shelly2, zigbee2mqtt} = plugLayouts;
	t.deepEqual(tasmota.read(fixture('tasmota-sensor.json')), {watts: 6});
	t.deepEqual(tasmota.read(fixture('tasmota-status8.json')), {watts: 7});
	t.deepEqual(tasmota.read(fixture('tasmota-two-channels.json')), {watts: 7.5});
	t.deepEqual(shelly1.read(fixture('shelly1-power.txt')), {watts: 6.42});
	t.deepEqual(shelly2.read(fixture('shelly2-status.json')), {watts: 6.4, joules: 3158.258 * 3600});
	t.deepEqual(shelly2.read(fixture('shelly2-notify-power.json')), {watts: 8.1});
	t.deepEqual(shelly2.read(fixture('shelly2-notify-energy.json')), {joules: 3158.369 * 3600});
	t.deepEqual(shelly2.read(fixture('shelly2-notify-wifi.json')), {});
	t.deepEqual(zigbee2mqtt.read(fixture('zigbee2mqtt.json')), {watts: 6});
	t.deepEqual(zigbee2mqtt.read('{"state":"OFF"}'), {});
});

test('messages that are none are refused with what is wrong about them', t => {
	const {tasmota, shelly1, shelly2, zigbee2mqtt} = plugLayouts;
	t.throws(() => tasmota.read('{"Time":"2026-03-02T10:15:30","Switch1":"ON"}'), {message: /ENERGY\.Power/u});
	t.throws(() => tasmota.read('Online'), {message: /«Online», which is no JSON/u});
	t.throws(() => tasmota.read('{"ENERGY":{"Power":NaN}}'), {message: /no JSON/u});
	t.throws(() => shelly1.read('nan'), {message: /«nan» instead of watts/u});
	t.throws(() => shelly1.read(''), {message: /instead of watts/u});
	t.throws(() => shelly2.read('{"id":0,"output":true}'), {message: /no apower/u});
	t.throws(() => shelly2.read('[1]'), {message: /«\[1\]», which is no JSON object/u});
	for (const text of ['0x10', 'Infinity', '1e999', '6,4', '6.4 W']) {
		t.throws(() => shelly1.read(text), {message: /instead of watts/u}, text);
	}
	t.deepEqual(shelly1.read(' 1.5e1\n'), {watts: 15});
	t.throws(() => shelly2.read('{"apower":6,"aenergy":{"total":1e308}}'), {
		message: /aenergy\.total: expected at most 1e12 watt-hours, got 1e\+308/u,
	});
	t.throws(() => shelly2.read('{"apower":6,"aenergy":{"total":"many"}}'), {
		message: /expected watt-hours, got "many"/u,
	});
	t.throws(() => shelly2.read('{"method":"NotifyStatus","params":{"switch:0":7}}'), {message: /no JSON object/u});
	t.throws(() => zigbee2mqtt.read('{"power":"6 W"}'), {message: /power: expected watts, got "6 W"/u});
	t.throws(() => zigbee2mqtt.read('{"power":1e999}'), {message: /power: expected watts/u});
	t.throws(() => zigbee2mqtt.read('null'), {message: /«null», which is no JSON object/u});
});

test('a name means the usual topics of the make, anything with a slash is a topic', t => {
	const {tasmota, shelly1, shelly2, zigbee2mqtt} = plugLayouts;
	t.deepEqual(tasmota.topics('desk'), ['tele/desk/SENSOR', 'stat/desk/STATUS8', 'stat/desk/STATUS10']);
	t.deepEqual(tasmota.topics('lab/tele/desk/SENSOR').slice(0, 2), ['lab/tele/desk/SENSOR', 'lab/stat/desk/STATUS8']);
	t.deepEqual(tasmota.topics('lab/desk/power'), ['lab/desk/power']);
	t.deepEqual(shelly1.topics('shellyplug-s-C18B12'), ['shellies/shellyplug-s-C18B12/relay/0/power']);
	t.deepEqual(shelly1.topics('shellies/desk/relay/1'), ['shellies/desk/relay/1/power']);
	t.deepEqual(shelly2.topics('desk'), ['desk/status/switch:0', 'desk/events/rpc']);
	t.deepEqual(shelly2.topics('lab/desk/status/pm1:0'), ['lab/desk/status/pm1:0']);
	t.deepEqual(zigbee2mqtt.topics('desk'), ['zigbee2mqtt/desk']);
});

test('power in between the minutes is replaced by what the plug has counted', async t => {
	const {meter, clock, say} = await plugged('shelly2');
	const status = (watts: number, wattHours: number) =>
		say('desk/status/switch:0', JSON.stringify({id: 0, apower: watts, aenergy: {total: wattHours}}));
	await status(6, 100);
	await clock.advance(30_000);
	t.like(await meter.read(), {joules: 180, seconds: 30});
	// It was 6 W at the two moments, and more in between: the counter knows.
	await clock.advance(30_000);
	await status(6, 100.111);
	const {joules, seconds} = await meter.read();
	t.true(Math.abs(joules - 0.111 * 3600) < 1e-6, `${joules} J`);
	t.is(seconds, 60);
	await meter.close();
});

test('a counter that falls was reset, and a retained message may be hours old: neither counts', async t => {
	const {meter, clock, say} = await plugged('shelly2');
	const status = (watts: number, wattHours: number) =>
		say('desk/status/switch:0', JSON.stringify({id: 0, apower: watts, aenergy: {total: wattHours}}));
	await status(0, 100);
	await clock.advance(10_000);
	await status(0, 0);
	await clock.advance(10_000);
	await status(0, 0.01);
	t.true(Math.abs((await meter.read()).joules - 36) < 1e-6);
	await meter.close();

	const broker = new MemoryBroker();
	await broker.attach().publish('zigbee2mqtt/desk', Buffer.from('{"power":6}'), {retain: true});
	const late = await openPlugMeter(broker.attach(), {kind: 'zigbee2mqtt', topic: 'desk', clock});
	await arrive();
	await clock.advance(10_000);
	const reading = await late.read();
	t.like(reading, {joules: 0, seconds: 0});
	t.regex(reading.silent!, /no message on zigbee2mqtt\/desk yet/u);
	await late.close();
});

test('a message of absurd size is not even read', async t => {
	const {meter, say} = await plugged('zigbee2mqtt');
	await say('zigbee2mqtt/desk', JSON.stringify({power: 6, padding: 'x'.repeat(70_000)}));
	t.regex((await meter.read()).silent!, /70\d{3} bytes/u);
	await meter.close();
});
