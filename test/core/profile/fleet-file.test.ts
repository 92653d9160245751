import test from 'ava';
import {parseConfigText} from '../../../core/config/document.js';
import {readFleet} from '../../../core/profile/fleet-file.js';

const read = (devices: string) => readFleet(parseConfigText(`version: 1\ndevices:\n${devices}`, 'fleet.yaml'));

test('devices have their profile, what is written in its place, and their data', t => {
	const [cam, fog] = read(`
  - id: cam-1
    profile: raspberry-pi-4b
    memory: 2 GB
    link: { up: 40 Mbit/s, medium: wifi }
    data: { samples: 3000 }
  - { id: fog-1, profile: mini-pc-n100 }`);
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
	t.throws(() => read('  - { id: a b, profile: laptop }'), {message: /device id/u});
});
