import test from 'ava';
import fc from 'fast-check';
import {parseConfigText} from '../../../core/config/document.js';
import {isFplError} from '../../../core/errors.js';
import {
	checkUnitTimes,
	fitLinear,
	passSeconds,
	readUnitTimes,
	secondsOf,
	type UnitTimes,
	unitTimesDocument,
	updateSeconds,
} from '../../../core/profile/unit-times.js';

const text = `
version: 1
model: tiny
device: raspberry-pi-4b
engine: onnxruntime-node 1.30.0, 4 threads
threads: 4
maxCrossing: 1
batch: [1, 8, 32]
measuredAt: 2026-11-21T09:30:00Z
overhead:
  forward: {call: 30 us, copy: 1 GB/s}
  backward: {call: 40 µs}
  update: 10 µs
units:
  - label: conv1
    forward: {fixed: 0.1 ms, perItem: 250 µs}
    backward: {fixed: 0.2 ms, perItem: 500 µs}
    update: 5 µs
  - label: fc
    forward: {fixed: 10 µs, perItem: 10 µs}
    backward: {fixed: 0 s, perItem: 20 µs}
    update: 0 s
`;

const read = (from: string): UnitTimes => readUnitTimes(parseConfigText(from, 'tiny.yaml'));

test('a profile file is read into seconds', t => {
	const times = read(text);
	t.is(times.units.length, 2);
	t.deepEqual(times.batch, [1, 8, 32]);
	t.true(Math.abs(updateSeconds(times, [0, 1]) - 15e-6) < 1e-12);
	t.true(Math.abs(times.units[0]!.forward.perItem - 250e-6) < 1e-15);
	t.true(
		Math.abs(passSeconds(times, {kind: 'forward', units: [0, 1], items: 8, bytes: 8000}) - (38e-6 + 2.1e-3 + 90e-6)) <
			1e-12,
	);
	t.true(Math.abs(passSeconds(times, {kind: 'backward', units: [1, 1], items: 1, bytes: 1e9}) - 60e-6) < 1e-12);
});

test('a file without overheads has none', t => {
	const bare = text.replace(/overhead:[\s\S]*?units:/u, 'units:');
	t.deepEqual(read(bare).overhead, {
		forward: {perPass: 0, perByte: 0},
		backward: {perPass: 0, perByte: 0},
		update: 0,
	});
});

const refused = (from: string, place: RegExp, says: RegExp) => (t: import('ava').ExecutionContext) => {
	const error = t.throws(() => read(from));
	t.true(isFplError(error, 'CONFIG_VALUE') || isFplError(error, 'CONFIG_KEY'), String(error));
	t.regex(error!.message, place);
	t.regex(error!.message, says);
};

test(
	'a time without its unit is refused with its place',
	refused(text.replace('250 µs', '250'), /tiny\.yaml:16:\d+, units\[0\]\.forward\.perItem/u, /its unit.*got 250/u),
);
test(
	'a negative time is refused with its place',
	refused(text.replace('0.2 ms', '-0.2 ms'), /tiny\.yaml:17:\d+, units\[0\]\.backward\.fixed/u, /«-0\.2 ms»/u),
);
test('a time that is no number is refused', refused(text.replace('0.2 ms', '.nan'), /backward\.fixed/u, /got/u));
test('an infinite time is refused', refused(text.replace('0.2 ms', '1e999 s'), /backward\.fixed/u, /1e999/u));
test('a unit that is there twice is refused', refused(text.replace('label: fc', 'label: conv1'), /:19:/u, /already/u));
test(
	'an unknown key is refused with the nearest one',
	refused(text.replace('maxCrossing', 'maxCrosing'), /tiny/u, /maxCrossing/u),
);
test('batches out of order are refused', refused(text.replace('[1, 8, 32]', '[8, 1]'), /batch/u, /ascending/u));

test('times of another number of units are refused', t => {
	const times = read(text);
	t.notThrows(() => checkUnitTimes(times, ['conv1', 'fc'], 'tiny.yaml'));
	const number = t.throws(() => checkUnitTimes(times, ['conv1', 'relu', 'fc'], 'tiny.yaml'));
	t.true(isFplError(number, 'CONFIG_VALUE'));
	t.regex(number!.message, /tiny\.yaml, units: expected the 3 units .*got 2 units/u);
	const other = t.throws(() => checkUnitTimes(times, ['conv1', 'fc1'], 'tiny.yaml'));
	t.regex(other!.message, /units\[1\]\.label: expected «fc1», got «fc»/u);
});

test('what is written is read again, to five digits', t => {
	const times = read(text);
	const document = unitTimesDocument(times);
	t.is(document.units[0]!.forward.perItem, '250 µs');
	t.deepEqual(unitTimesDocument(read(JSON.stringify(document))), document);
	const odd: UnitTimes = {
		...times,
		units: [{...times.units[0]!, forward: {fixed: 1.234567e-9, perItem: 12.34567}, update: 1.23456789e-3}],
	};
	const again = read(JSON.stringify(unitTimesDocument(odd))).units[0]!;
	for (const [got, expected] of [
		[again.forward.fixed, 1.234567e-9],
		[again.forward.perItem, 12.34567],
		[again.update, 1.23456789e-3],
	] as const) {
		t.true(Math.abs(got / expected - 1) < 1e-4, `${got} and ${expected}`);
	}
});

test('points on a line give that line, and no part is ever negative', t => {
	fc.assert(
		fc.property(
			fc.double({min: 0, max: 1e-2, noNaN: true}),
			fc.double({min: 1e-7, max: 1e-2, noNaN: true}),
			fc.uniqueArray(fc.integer({min: 1, max: 256}), {minLength: 2, maxLength: 5}),
			(fixed, perItem, items) => {
				const line = fitLinear(items.map(n => [n, fixed + perItem * n]));
				for (const n of items) {
					// A part of less than a nanosecond is left out.
					const seconds = fixed + perItem * n;
					t.true(Math.abs(secondsOf(line, n) - seconds) < 1e-4 * seconds + 2e-9, `${fixed}, ${perItem}, ${items}`);
				}
			},
		),
	);
	fc.assert(
		fc.property(
			fc.array(fc.tuple(fc.integer({min: 1, max: 256}), fc.double({min: 0, max: 1, noNaN: true})), {
				minLength: 1,
				maxLength: 5,
			}),
			points => {
				const {fixed, perItem} = fitLinear(points);
				t.true(fixed >= 0 && perItem >= 0 && Number.isFinite(fixed + perItem));
			},
		),
	);
	t.deepEqual(fitLinear([[8, 0.5]]), {fixed: 0, perItem: 0.0625});
	t.deepEqual(fitLinear([[1, 0]]), {fixed: 0, perItem: 0});
	// 0.3 ns more for 30 items more: noise.
	t.deepEqual(
		fitLinear([
			[2, 1e-6],
			[32, 1.0003e-6],
		]).perItem,
		0,
	);
});
