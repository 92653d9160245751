/** binary16 and bfloat16 against NumPy and PyTorch (`test/fixtures/codec`), and what becomes of values they cannot say. */
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {createEncoder} from '../../../core/codec/encoder.js';
import {
	decodeBf16,
	decodeFp16,
	encodeBf16,
	encodeFp16,
	largestBf16,
	largestFp16,
} from '../../../core/codec/formats/half.js';
import {fromPattern, largestPattern, patternsOf} from '../../../core/codec/values.js';
import {seededRandom} from '../../../core/random.js';
import {tensor} from '../../../core/tensor/tensor.js';
import {root} from '../../support/imports.js';
import {roundTrip} from './specs.js';

const reference = readFileSync(path.join(root, 'test/fixtures/codec/halves.txt'), 'utf8')
	.trim()
	.split('\n')
	.map(line => line.split(' ') as [string, string, string]);

const words = (data: Uint8Array) => new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
const hex = (word: number) => word.toString(16).padStart(4, '0');

const kinds = [
	{name: 'fp16', column: 1, encode: encodeFp16, decode: decodeFp16, largest: largestFp16, finitePatterns: 0x7c00},
	{name: 'bf16', column: 2, encode: encodeBf16, decode: decodeBf16, largest: largestBf16, finitePatterns: 0x7f80},
] as const;

for (const {name, column, encode, decode, largest, finitePatterns} of kinds) {
	test(`${name} has the bits that the reference gives, one by one and among huge values`, t => {
		const rows = reference.filter(row => row[column] !== '-');
		t.true(rows.length > 1500);
		const patterns = Uint32Array.from(rows, ([pattern]) => Number.parseInt(pattern, 16));
		const values = new Float32Array(patterns.buffer);
		// The infinities among the values lead to the slower loop; without them the faster one is taken.
		const slow = words(encode(values, largestPattern(values)));
		const finite = values.filter(value => Number.isFinite(value));
		const fast = words(encode(finite, largestPattern(finite)));
		let next = 0;
		for (const [index, row] of rows.entries()) {
			t.is(hex(slow[index]!), row[column], row[0]);
			if (Number.isFinite(values[index]!)) {
				t.is(hex(fast[next++]!), row[column], row[0]);
			}
		}
		t.is(next, finite.length);
	});

	test(`every finite pattern of ${name} is read and written as itself, in ascending order`, t => {
		const all = Uint16Array.from({length: finitePatterns}, (_, index) => index);
		const values = decode(new Uint8Array(all.buffer), all.length);
		t.true(values.every((value, index) => index === 0 || value > values[index - 1]!));
		t.is(patternsOf(values)[finitePatterns - 1], largest);
		t.deepEqual(words(encode(values, largestPattern(values))), all);
		const negative = values.map(value => -value);
		t.deepEqual(
			words(encode(negative, largestPattern(negative))),
			all.map(word => word | 0x8000),
		);
	});

	test(`values beyond ${name} are clamped and counted, never infinite`, t => {
		const limit = fromPattern(largest);
		const above = fromPattern(largest + 1);
		const most = 3.4028234663852886e38;
		const encoder = createEncoder({kind: name}, seededRandom(1));
		const given = tensor('float32', [7], Float32Array.of(limit, -limit, above, -above, most, -most, 1));
		const expected = [limit, -limit, limit, -limit, limit, -limit, 1];
		t.deepEqual(Array.from(roundTrip(encoder, given).data as Float32Array), expected);
		t.is(encoder.statistics.saturated, 4);
		t.is(encoder.statistics.nonFinite, 0);
		const wild = tensor('float32', [3], Float32Array.of(Number.POSITIVE_INFINITY, Number.NaN, above));
		t.deepEqual(Array.from(roundTrip(encoder, wild).data as Float32Array), [
			Number.POSITIVE_INFINITY,
			Number.NaN,
			limit,
		]);
		t.is(encoder.statistics.saturated, 5);
		t.is(encoder.statistics.nonFinite, 2);
	});

	test(`${name} takes the nearest of its values`, t => {
		const all = Uint16Array.from({length: finitePatterns}, (_, index) => index);
		const table = decode(new Uint8Array(all.buffer), all.length);
		const limit = fromPattern(largest);
		fc.assert(
			fc.property(fc.float({min: -limit, max: limit, noNaN: true}), value => {
				const word = words(encode(Float32Array.of(value), largestPattern(Float32Array.of(value))))[0]! & 0x7fff;
				const error = Math.abs(table[word]! - Math.abs(value));
				for (const neighbour of [word - 1, word + 1]) {
					const other = table[neighbour];
					t.true(other === undefined || Math.abs(other - Math.abs(value)) >= error);
				}
			}),
			{numRuns: 500},
		);
	});
}

test('data at an odd address are read as well', t => {
	const values = Float32Array.of(1, -2, 0.5);
	for (const {encode, decode} of kinds) {
		const moved = new Uint8Array(7);
		moved.set(encode(values, largestPattern(values)), 1);
		t.deepEqual(decode(moved.subarray(1), 3), values);
	}
});
