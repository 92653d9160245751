import test from 'ava';
import {parseConfigText} from '../../../core/config/document.js';
import {readFleet} from '../../../core/profile/fleet-file.js';

const read = (devices: string) => readFleet(parseConfigText(`version: 1\ndevices:\n${devices}`, 'fleet.yaml'));

test('devices have their profile, what is written in its place, and their data', t => {
	const {devices, broker, warnings} = read(`
  - id: cam-1
    profile: raspberry-pi-4b
    memory: 2 GB
    link: { up: 40 Mbit/s, medium: wifi }
    data: { samples: 3000 }
  - { id: fog-1, profile: mini-pc-n100 }`);
	const [cam, fog] = devices;
	t.is(broker, undefined);
	t.deepEqual(warnings, []);
	t.is(cam!.samples, 3000);
	t.is(cam!.profile.memoryBytes, 2e9);
	t.is(cam!.profile.link.upBytesPerSecond, 5e6);
	t.is(cam!.profile.sources['memoryBytes'], 'fleet.yaml');
	t.is(cam!.profile.origin, 'declared');
	t.is(fog!.samples, undefined);
	t.is(fog!.profile.origin, 'library');
});

test('mistakes are told with their line', t => {
	t.throws(() => read('  - { id: a, profile: raspberry-pi-4c }'), {message: /fleet\.yaml:3:\d+.*raspberry-pi-4b/u});
	t.throws(() => read('  - { id: a, profile: laptop }\n  - { id: a, profile: laptop }'), {
		message: /fleet\.yaml:4:\d+.*«a» is there already/u,
	});
	t.throws(() => read('  - { id: a, profile: laptop, memori: 2 GB }'), {message: /fleet\.yaml:3.*memory/u});
	t.throws(() => read('  - { id: a b, profile: laptop }'), {
		message: /fleet\.yaml:3:\d+, devices\[0\]\.id: expected a device id of 1–64 letters, digits, .* got «a b»/u,
	});
	t.throws(() => read('  - { id: a, profile: laptop, link: { up: 0 Mbit/s } }'), {
		message: /fleet\.yaml:3:\d+, devices\[0\]\.link\.up: expected from 1 bit\/s to .*, got «0 Mbit\/s»/u,
	});
	t.throws(() => read('  - { id: a, profile: raspberry-pi-4b, idle: 9 W }'), {
		message: /fleet\.yaml:3:\d+, devices\[0\]\.idle of «a»: .*got 6\.4 W\. Write down both «idle» and «busy»/u,
	});
	t.throws(() => read('  - { id: a, idle: 2 W }'), {
		message:
			/fleet\.yaml:3:\d+, .*nothing says what device «a» can do; expected a «profile», one of raspberry.*measures it/u,
	});
});

test('the broker may have a link of its own, with units', t => {
	const fleet = (link: string) =>
		readFleet(
			parseConfigText(`version: 1\nbroker: {link: ${link}}\ndevices:\n  - {id: a, profile: laptop}`, 'fleet.yaml'),
		);
	t.deepEqual(fleet('{up: 800 Mbit/s, down: 400 Mbit/s, latency: 0.5 ms}').broker, {
		upBytesPerSecond: 1e8,
		downBytesPerSecond: 5e7,
		latencySeconds: 5e-4,
	});
	t.is(fleet('{up: 1 Gbit/s, down: 1 Gbit/s}').broker?.latencySeconds, 0);
	t.throws(() => fleet('{up: 800, down: 400 Mbit/s}'), {
		message: /fleet\.yaml:2:\d+, broker\.link\.up.*its unit.*got 800/u,
	});
	t.throws(() => fleet('{up: 800 Mbit/s}'), {message: /broker\.link\.down/u});
	t.throws(() => fleet('{up: 0 Mbit/s, down: 1 Mbit/s}'), {message: /broker\.link\.up: expected from 1 bit/u});
});

test('a device on LoRa, or on another link that carries next to nothing, comes with a warning', t => {
	const {warnings} = read(`
  - {id: buoy, profile: raspberry-pi-zero-2w, link: lora}
  - {id: barn, profile: raspberry-pi-4b, link: {up: 100 kbit/s, down: 10 Mbit/s}}
  - {id: desk, profile: laptop}`);
	t.is(warnings.length, 2);
	t.regex(warnings[0]!, /«buoy» is on LoRa at 5\.47 kbit\/s: 1 MB takes 24 min 23 s on air, 40 h 37 min .*duty cycle/u);
	t.regex(warnings[1]!, /«barn» has a link of 100 kbit\/s: 1 MB takes 1 min 20 s/u);
});
