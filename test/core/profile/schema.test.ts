import test from 'ava';
import fc from 'fast-check';
import {FplError} from '../../../core/errors.js';
import {libraryProfile} from '../../../core/profile/library.js';
import {declaredProfile, parseProfile} from '../../../core/profile/schema.js';

test('a profile without overrides is the built-in one', t => {
	t.deepEqual(declaredProfile('raspberry-pi-4b'), libraryProfile('raspberry-pi-4b'));
});

test('written values replace those of the library and say where they were written', t => {
	const profile = declaredProfile(
		'raspberry-pi-4b',
		{
			speeds: {matmul: '13.5 GFLOP/s', memory: '3 GB/s'},
			dispatch: '3 ms',
			cores: 2,
			memory: '2 GiB',
			idle: '2.5 W',
			busy: '5 W',
			battery: '36 kJ',
			price: '0.10 USD/h',
		},
		'fleet.yaml, devices[0]',
	);
	t.like(profile, {
		name: 'raspberry-pi-4b',
		dispatchSeconds: 0.003,
		cores: 2,
		memoryBytes: 2 ** 31,
		idleWatts: 2.5,
		busyWatts: 5,
		batteryJoules: 36_000,
		pricePerHour: 0.1,
		origin: 'declared',
	});
	t.is(profile.speeds.matmul, 13.5e9);
	t.is(profile.speeds.memory, 3e9);
	t.is(profile.speeds.convolution, libraryProfile('raspberry-pi-4b').speeds.convolution);
	t.is(profile.sources['speeds.matmul'], 'fleet.yaml, devices[0]');
	t.is(profile.sources['batteryJoules'], 'fleet.yaml, devices[0]');
	t.is(profile.sources['speeds.convolution'], libraryProfile('raspberry-pi-4b').sources['speeds.convolution']);
});

test('another medium brings its own energy and latency; written rates stay', t => {
	const {link, sources} = declaredProfile('raspberry-pi-4b', {
		link: {up: '40 Mbit/s', down: '80 Mbit/s', latency: '4 ms', medium: 'wifi'},
	});
	t.like(link, {medium: 'wifi', upBytesPerSecond: 5e6, downBytesPerSecond: 1e7, latencySeconds: 0.004});
	t.true(Math.abs(link.joulesPerByteUp - 60e-9) < 1e-15);
	t.is(sources['link.upBytesPerSecond'], 'device');
	t.regex(sources['link.joulesPerByteUp']!, /Raspberry Pi 4\/5/u);
});

test('the same medium keeps what is not written', t => {
	const base = libraryProfile('raspberry-pi-3b-plus');
	const {link} = declaredProfile('raspberry-pi-3b-plus', {link: {medium: 'ethernet', latency: '2 ms'}});
	t.deepEqual(link, {...base.link, latencySeconds: 0.002});
});

test('a link may be the name of a preset, or a preset with changes', t => {
	t.is(declaredProfile('laptop', {link: 'ethernet-100m'}).link.upBytesPerSecond, 94e6 / 8);
	const {link} = declaredProfile('laptop', {link: {preset: 'lte', up: '10 Mbit/s', energyUp: '4 µJ/B'}});
	t.like(link, {medium: 'lte', upBytesPerSecond: 1.25e6, joulesPerByteUp: 4e-6, activeWatts: 1.288});
});

const refused = test.macro({
	exec(t, written: unknown, code: FplError['code'], pattern: RegExp) {
		t.throws(() => declaredProfile('raspberry-pi-4b', written, 'devices[0]'), {
			instanceOf: FplError,
			code,
			message: pattern,
		});
	},
	title: (_, written) => `refused: ${JSON.stringify(written)}`,
});

test(refused, {batery: '3 kJ'}, 'CONFIG_KEY', /devices\[0\], batery.*Did you mean «battery»/u);
test(refused, {link: {latncy: '3 ms'}}, 'CONFIG_KEY', /link\.latncy.*«latency»/u);
test(refused, {link: 'wify'}, 'CONFIG_VALUE', /Did you mean «wifi»/u);
test(
	refused,
	{link: {up: '0 Mbit/s'}},
	'CONFIG_VALUE',
	/devices\[0\], link\.up: expected from 1 bit\/s to 1000000 Gbit\/s, got «0 Mbit\/s»/u,
);
test(refused, {link: {up: '1e-300 bit/s'}}, 'CONFIG_VALUE', /link\.up: expected from 1 bit\/s.*got «1e-300 bit\/s»/u);
test(refused, {speeds: {matmul: '1e-300 FLOP/s'}}, 'CONFIG_VALUE', /speeds\.matmul: expected from 1 FLOP\/s/u);
test(refused, {speeds: {memory: '1e300 B/s'}}, 'CONFIG_VALUE', /speeds\.memory: .*to 1000000 Gbit\/s/u);
test(refused, {dispatch: '1e300 s'}, 'CONFIG_VALUE', /dispatch: expected from 0 s to 1 d/u);
test(refused, {memory: '1e300 B'}, 'CONFIG_VALUE', /memory: .*to 1000000 TB/u);
test(refused, {busy: '1e300 W'}, 'CONFIG_VALUE', /busy: .*to 1000 kW/u);
test(refused, {battery: '0 J'}, 'CONFIG_VALUE', /battery: expected from 1 mJ/u);
test(refused, {price: '1e300 USD/h'}, 'CONFIG_VALUE', /price: .*to 1000000 USD\/h/u);
test(refused, {link: {energyUp: '1e300 J/B'}}, 'CONFIG_VALUE', /link\.energyUp/u);
test(refused, {link: {up: '-1 Mbit/s'}}, 'CONFIG_VALUE', /link\.up/u);
test(refused, {link: {medium: 'pigeon'}}, 'CONFIG_VALUE', /link\.medium.*«ethernet»/u);
test(refused, {speeds: {matmul: 'NaN GFLOP/s'}}, 'CONFIG_VALUE', /speeds\.matmul/u);
test(refused, {speeds: {matmul: '5 kJ'}}, 'CONFIG_VALUE', /GFLOP\/s/u);
test(refused, {price: 0.1}, 'CONFIG_VALUE', /price: expected .*USD\/h.*got 0\.1/u);
test(refused, {price: '0.1 EUR/h'}, 'CONFIG_VALUE', /price.*«0\.1 EUR\/h»/u);
test(refused, {idle: 3}, 'CONFIG_VALUE', /idle: expected a number with its unit/u);
test(refused, {cores: 0}, 'CONFIG_VALUE', /cores.*at least 1/u);
test(refused, {cores: Number.NaN}, 'CONFIG_VALUE', /cores/u);
test(refused, {idle: '9 W'}, 'CONFIG_VALUE', /at least the idle power \(9 W\), got 6\.4 W\. Write down both/u);
test(refused, [], 'CONFIG_VALUE', /a mapping/u);

test('a full profile must be whole, finite and positive', t => {
	const whole = JSON.parse(JSON.stringify(libraryProfile('raspberry-pi-5'))) as Record<string, unknown>;
	t.notThrows(() => parseProfile(whole));
	for (const wrong of [
		{...whole, idleWatts: Number.NaN},
		{...whole, idleWatts: -1},
		{...whole, busyWatts: 1e300},
		{...whole, dispatchSeconds: 1e300},
		{...whole, memoryBytes: 1e-300},
		{...whole, memoryBytes: Number.POSITIVE_INFINITY},
		{...whole, cores: 1.5},
		{...whole, cores: undefined},
		{...whole, speeds: {...(whole['speeds'] as object), matmul: 0}},
		{...whole, origin: 'rumour'},
		{...whole, name: ''},
		{...whole, busyWatts: 0},
		{...whole, pricePerHour: -1},
		{
			...whole,
			scaling: [
				{threads: 2, speeds: whole['speeds']},
				{threads: 1, speeds: whole['speeds']},
			],
		},
		{...whole, scaling: [{threads: 1, speeds: {...(whole['speeds'] as object), matmul: Number.NaN}}]},
		{...whole, speeds: {...(whole['speeds'] as object), matmul: 1e-300}},
		{...whole, pairs: [{peer: 'b', latencySeconds: 1e-3, bytesPerSecond: 0}]},
		null,
		'raspberry-pi-5',
	]) {
		t.throws(() => parseProfile(wrong, 'birth message'), {code: 'CONFIG_VALUE', message: /birth message/u});
	}
	t.throws(() => parseProfile({...whole, more: 1}), {code: 'CONFIG_KEY'});
});

test('whatever comes, the answer is a profile or an FplError', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(fc.anything(), value => {
				for (const read of [parseProfile, (written: unknown) => declaredProfile('laptop', written)]) {
					try {
						read(value);
					} catch (error) {
						if (!(error instanceof FplError)) {
							return false;
						}
					}
				}
				return true;
			}),
		),
	);
});

test('with fewer cores a device is as fast as these are, unless its speeds are told', t => {
	const whole = libraryProfile('raspberry-pi-4b');
	const half = declaredProfile('raspberry-pi-4b', {cores: 2});
	t.is(half.speeds.convolution, whole.speeds.convolution / 2);
	t.is(half.busyWatts, (whole.busyWatts + whole.idleWatts) / 2);
	const told = declaredProfile('raspberry-pi-4b', {cores: 8, speeds: {matmul: '40 GFLOP/s'}, busy: '9 W'});
	t.like(told, {cores: 8, busyWatts: 9, speeds: {...whole.speeds, matmul: 40e9}});
	t.throws(() => declaredProfile('raspberry-pi-4b', {cores: 8}, 'fleet.yaml'), {
		message: /fleet\.yaml: .*more cores than «raspberry-pi-4b».*1 to 4.*got 8.*«speeds»/su,
	});
});
