import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {parseConfigText} from '../../../core/config/document.js';
import {libraryProfile, profileNames} from '../../../core/profile/library.js';
import {linkFrom, linkNames, linkPresets, presetOfMedium} from '../../../core/profile/links.js';
import {declaredProfile, media, parseProfile} from '../../../core/profile/schema.js';
import {formatSi} from '../../../core/units.js';
import {root} from '../../support/imports.js';

/** Dotted names of all numbers in a value. */
const numbersOf = (value: object, prefix = ''): string[] =>
	Object.entries(value).flatMap(([key, inner]) =>
		typeof inner === 'number'
			? [`${prefix}${key}`]
			: typeof inner === 'object' && inner !== null && key !== 'sources'
				? numbersOf(inner as object, `${prefix}${key}.`)
				: [],
	);

test('the built-in devices are these', t => {
	t.deepEqual(profileNames, [
		'raspberry-pi-zero-2w',
		'raspberry-pi-3b-plus',
		'raspberry-pi-4b',
		'raspberry-pi-5',
		'jetson-nano',
		'jetson-orin-nano',
		'mini-pc-n100',
		'laptop',
		'server-core',
	]);
});

for (const name of profileNames) {
	test(`every number of ${name} tells its source, and the profile is valid JSON`, t => {
		const profile = libraryProfile(name);
		t.is(profile.name, name);
		t.is(profile.origin, 'library');
		t.deepEqual(Object.keys(profile.sources).sort(), numbersOf(profile).sort());
		t.true(Object.values(profile.sources).every(source => source.length >= 10));
		t.deepEqual(parseProfile(JSON.parse(JSON.stringify(profile))), profile);
	});
}

test('a published figure is told apart from an estimate', t => {
	const {sources} = libraryProfile('raspberry-pi-4b');
	t.is(sources['busyWatts'], 'pidramble.com: 6.4 W at 400 % CPU');
	t.regex(sources['dispatchSeconds']!, /planning default, not measured$/u);
});

test('profiles are shared and cannot be changed', t => {
	t.is(libraryProfile('laptop'), libraryProfile('laptop'));
	t.true(Object.isFrozen(libraryProfile('laptop').link));
});

test('newer Raspberry Pis compute faster, and spend less energy on an operation', t => {
	const pis = (['raspberry-pi-zero-2w', 'raspberry-pi-3b-plus', 'raspberry-pi-4b', 'raspberry-pi-5'] as const).map(
		name => libraryProfile(name),
	);
	const speeds = pis.map(({speeds: {matmul}}) => matmul);
	t.deepEqual(
		speeds,
		[...speeds].sort((a, b) => a - b),
	);
	const [, three, four, five] = pis.map(({speeds: {matmul}, busyWatts}) => busyWatts / matmul);
	t.true(three! > four! && four! > five!);
});

test('an unknown profile is DEVICE_UNKNOWN with the nearest name, or all names', t => {
	t.throws(() => libraryProfile('raspberry-pi-4'), {
		code: 'DEVICE_UNKNOWN',
		message: /Did you mean «raspberry-pi-4b»\?/u,
	});
	t.throws(() => libraryProfile('abacus', 'fleet.yaml:3:5'), {
		code: 'DEVICE_UNKNOWN',
		message: /fleet\.yaml:3:5.*«abacus».*Known are.*«laptop»/u,
	});
	t.throws(() => libraryProfile('constructor'), {code: 'DEVICE_UNKNOWN'});
});

test('every medium has a preset of that medium, with a source for each number', t => {
	for (const medium of media) {
		t.is(linkPresets[presetOfMedium[medium]].medium, medium);
	}
	for (const name of linkNames) {
		const {link, sources} = linkFrom(linkPresets[name]);
		t.deepEqual(Object.keys(sources).sort(), numbersOf(link, 'link.').sort());
		t.true(link.upBytesPerSecond > 0 && link.downBytesPerSecond > 0);
	}
});

test('a byte costs least by wire, then Wi-Fi, then LTE, then LoRa', t => {
	const costs = (['ethernet-1g', 'ethernet-100m', 'wifi', 'lte', 'lora'] as const).map(
		name => linkFrom(linkPresets[name]).link.joulesPerByteUp,
	);
	t.deepEqual(
		costs,
		[...costs].sort((a, b) => a - b),
	);
});

test('docs/energy.md lists these devices and links with these numbers', t => {
	const page = readFileSync(path.join(root, 'docs/energy.md'), 'utf8').split('\n');
	const rows = page.filter(line => line.startsWith('| `'));
	const bits = (rate: number) => formatSi(rate * 8, 'bit/s');
	const devices = profileNames.map(name => {
		const {cores, speeds, idleWatts, busyWatts, link} = libraryProfile(name);
		const numbers = [
			formatSi(speeds.matmul, 'FLOP/s'),
			formatSi(speeds.memory, 'B/s'),
			`${idleWatts} W`,
			`${busyWatts} W`,
		];
		return `| \`${name}\` | ${cores} | ${numbers.join(' | ')} | ${link.medium}, ${bits(link.upBytesPerSecond)} |`;
	});
	const links = linkNames.map(name => {
		const {link} = linkFrom(linkPresets[name]);
		const energy = [formatSi(link.joulesPerByteUp, 'J/B'), formatSi(link.joulesPerByteDown, 'J/B')];
		const rates = [bits(link.upBytesPerSecond), bits(link.downBytesPerSecond), formatSi(link.latencySeconds, 's')];
		return `| \`${name}\` | ${[...rates, ...energy].join(' | ')} | ${link.activeWatts} W |`;
	});
	for (const row of [...devices, ...links]) {
		t.true(rows.includes(row), row);
	}
	t.is(rows.filter(row => row.split('|').length === 9).length, devices.length + links.length);
});

test('the fleet of docs/energy.md is valid', t => {
	const [, yaml] = /```yaml\n([\s\S]*?)```/u.exec(readFileSync(path.join(root, 'docs/energy.md'), 'utf8')) ?? [];
	const {value} = parseConfigText(yaml!, 'docs/energy.md');
	const [{id, profile, ...overrides}] = (value as {devices: [Record<string, unknown>]}).devices;
	t.is(id, 'cam-1');
	t.like(declaredProfile(String(profile), overrides), {dispatchSeconds: 20 * 1e-6, batteryJoules: 36_000});
});
