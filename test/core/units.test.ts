import test from 'ava';
import fc from 'fast-check';
import {FplError} from '../../core/errors.js';
import {
	bytes,
	type Dimension,
	energyOf,
	formatDuration,
	formatSi,
	megabitsPerSecond,
	parseQuantity,
	seconds,
	toMilliseconds,
	toSeconds,
	transferTime,
	watts,
} from '../../core/units.js';

const reads = test.macro({
	exec(t, dimension: Dimension, text: string, value: number) {
		t.is(parseQuantity(dimension, text, 'here'), value);
	},
	title: (_, dimension, text, value) => `${dimension} «${text}» is ${value} in the base unit`,
});

test(reads, 'rate', '40 Mbit/s', 5e6);
test(reads, 'rate', '1 Gbit/s', 1.25e8);
test(reads, 'rate', '  12.5kB/s ', 12_500);
test(reads, 'time', '4 ms', 0.004);
test(reads, 'time', '0.3 ms', 0.3e-3);
test(reads, 'time', '10 min', 600);
test(reads, 'energy', '36 kJ', 36_000);
test(reads, 'energy', '1 Wh', 3600);
test(reads, 'power', '2.7 W', 2.7);
test(reads, 'size', '512 MiB', 2 ** 29);
test(reads, 'size', '512 MB', 5.12e8);
test(reads, 'size', '1_000 kB', 1e6);
test(reads, 'money', '2.50 USD', 2.5);
test(reads, 'price', '0.10 USD/h', 0.1);
test(reads, 'price', '24 USD/d', 1);
test(reads, 'speed', '20 GFLOP/s', 2e10);
test(reads, 'speed', '2e1 GFLOPS', 2e10);

const refuses = test.macro({
	exec(t, dimension: Dimension, text: unknown) {
		const error = t.throws(() => parseQuantity(dimension, text, 'devices[0].link.up'), {instanceOf: FplError});
		t.is(error.code, 'CONFIG_VALUE');
		t.true(error.message.includes('devices[0].link.up'), error.message);
	},
	title: (_, dimension, text) => `${dimension} ${JSON.stringify(text) ?? String(text)} is refused`,
});

test(refuses, 'rate', '40');
test(refuses, 'rate', 40);
test(refuses, 'rate', '40 Mbps');
test(refuses, 'rate', '40 mbit/s');
test(refuses, 'rate', '-1 Mbit/s');
test(refuses, 'rate', 'NaN Mbit/s');
test(refuses, 'rate', '1e999 Mbit/s');
test(refuses, 'rate', '1.2.3 Mbit/s');
test(refuses, 'time', '4 constructor');
test(refuses, 'time', '4 toString');
test(refuses, 'time', '');
test(refuses, 'time', null);
test(refuses, 'time', undefined);
test(refuses, 'size', {value: 3});

test('whatever is written, a quantity is a finite number ≥ 0 or a CONFIG_VALUE', t => {
	const dimension = fc.constantFrom<Dimension>('rate', 'time', 'energy', 'power', 'size', 'speed');
	const text = fc.oneof(
		fc.anything(),
		fc.string(),
		fc.tuple(fc.double(), fc.string()).map(parts => parts.join(' ')),
	);
	t.notThrows(() =>
		fc.assert(
			fc.property(dimension, text, (name, written) => {
				try {
					const value = parseQuantity(name, written, 'here');
					return Number.isFinite(value) && value >= 0;
				} catch (error) {
					return error instanceof FplError && error.code === 'CONFIG_VALUE';
				}
			}),
		),
	);
});

test('network rates are decimal', t => {
	t.is(Number(megabitsPerSecond(40)), 5e6);
});

test('quantities cross units through named functions', t => {
	t.is(Number(transferTime(bytes(1e6), megabitsPerSecond(8))), 1);
	t.is(Number(energyOf(watts(2.5), seconds(4))), 10);
	t.is(Number(toMilliseconds(seconds(1.5))), 1500);
	t.is(Number(toSeconds(toMilliseconds(seconds(0.25)))), 0.25);
});

test('numbers are written with an SI prefix and three significant digits', t => {
	t.deepEqual(
		[0, 61_706, 999.4, 999.7, 1e6, 0.0123, 1.5e-9, 2.5e-6, 1e15, -4200].map(value => formatSi(value, 'B')),
		['0 B', '61.7 kB', '999 B', '1 kB', '1 MB', '12.3 mB', '1.5 nB', '2.5 µB', '1000 TB', '-4.2 kB'],
	);
});

test('durations are written for people', t => {
	t.deepEqual([0, 0.0123, 4.56, 59.4, 60, 185, 3599.7, 7620, 90_000].map(formatDuration), [
		'0 s',
		'12.3 ms',
		'4.56 s',
		'59.4 s',
		'1 min 00 s',
		'3 min 05 s',
		'1 h 00 min',
		'2 h 07 min',
		'25 h 00 min',
	]);
});
