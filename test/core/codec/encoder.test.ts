/** What an encoder keeps: residuals of error feedback, within bounds, and its statistics. */
import test from 'ava';
import fc from 'fast-check';
import {decodeTensor} from '../../../core/codec/decoder.js';
import {createEncoder, type TensorEncoder} from '../../../core/codec/encoder.js';
import {largestPositions} from '../../../core/codec/formats/top-k.js';
import {codecSpec} from '../../../core/codec/spec.js';
import {seededRandom} from '../../../core/random.js';
import {float32, type Tensor} from '../../../core/tensor/tensor.js';
import {finite} from './specs.js';

const send = (encoder: TensorEncoder, stream: string, given: Tensor) =>
	decodeTensor(encoder.encode(stream, given), 1e6).data as Float32Array;

const normal = (size: number, seed: number) => {
	const random = seededRandom(seed);
	return float32(
		[size],
		Array.from({length: size}, () => random.normal()),
	);
};

const topK = (ratio: number, errorFeedback = true) => ({kind: 'top-k', ratio, errorFeedback}) as const;

test('top-k finds the largest magnitudes, the first among equals', t => {
	fc.assert(
		fc.property(
			fc.array(fc.oneof(finite, fc.integer({min: -3, max: 3})), {minLength: 1, maxLength: 300}),
			fc.double({min: 0.001, max: 1, noNaN: true}),
			(list, part) => {
				const values = Float32Array.from(list);
				const kept = Math.max(1, Math.floor(part * values.length));
				const sorted = [...values.keys()].sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b);
				const expected = sorted.slice(0, kept).sort((a, b) => a - b);
				t.deepEqual([...largestPositions(values, kept)], expected);
			},
		),
		{numRuns: 300},
	);
});

test('top-k sends the largest values exactly, and zeros for the others', t => {
	const given = normal(1000, 1);
	const result = send(createEncoder(topK(0.02), seededRandom(1)), 's', given);
	const threshold = [...given.data].map(Math.abs).sort((a, b) => b - a)[19]!;
	for (const [index, value] of given.data.entries()) {
		t.is(result[index], Math.abs(value) >= threshold ? value : 0);
	}
});

test('with error feedback the sum of what is sent follows the sum of what was given', t => {
	const size = 400;
	const steps = 200;
	const [sent, lossy, given] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
	const encoder = createEncoder(topK(0.05), seededRandom(1));
	const without = createEncoder(topK(0.05, false), seededRandom(1));
	const [drift, random] = [normal(size, 2).data, seededRandom(3)];
	for (let step = 0; step < steps; step++) {
		// A gradient that always points the same way, in noise.
		const gradient = float32(
			[size],
			Array.from(drift, value => value + random.normal()),
		);
		const [a, b] = [send(encoder, 'g', gradient), send(without, 'g', gradient)];
		for (let index = 0; index < size; index++) {
			given[index]! += gradient.data[index]!;
			sent[index]! += a[index]!;
			lossy[index]! += b[index]!;
		}
	}
	const distance = (to: Float64Array) =>
		Math.hypot(...given.map((value, index) => value - to[index]!)) / Math.hypot(...given);
	// What is owed does not grow with the number of steps; without feedback most of the sum is lost.
	t.true(distance(sent) < 0.15, `${distance(sent)}`);
	t.true(distance(lossy) > 0.6, `${distance(lossy)}`);
	// The residual, and nothing else, is what is missing: a step of zeros at ratio 1 would pay it all back.
	const before = Array.from(given, (value, index) => value - sent[index]!);
	for (let step = 0; step < 19; step++) {
		for (const [index, value] of send(encoder, 'g', float32([size], new Array(size).fill(0))).entries()) {
			before[index]! -= value;
		}
	}
	t.true(Math.hypot(...before) < 0.05 * Math.hypot(...given));
});

test('each stream has a residual of its own, which reset forgets', t => {
	const given = float32(
		[40],
		Array.from({length: 40}, (_, index) => 40 - index),
	);
	const encoder = createEncoder(topK(0.01), seededRandom(1));
	t.is(send(encoder, 'a', given)[0], 40);
	t.is(send(encoder, 'b', given)[0], 40);
	// The second of `a` owes twice 39.
	t.is(send(encoder, 'a', given)[1], 78);
	encoder.reset();
	t.is(send(encoder, 'a', given)[0], 40);
	t.is(send(encoder, 'b', given)[0], 40);
	t.is(encoder.statistics.residualsDropped, 0);
});

test('residuals are bounded in number and bytes: the stream not used for longest is forgotten', t => {
	const given = float32(
		[40],
		Array.from({length: 40}, (_, index) => 40 - index),
	);
	const few = createEncoder(topK(0.01), seededRandom(1), {maxStreams: 2, maxBytes: 1e6});
	for (const stream of ['a', 'b', 'a', 'c']) {
		send(few, stream, given);
	}
	t.is(few.statistics.residualsDropped, 1);
	t.is(send(few, 'b', given)[0], 40);
	const small = createEncoder(topK(0.01), seededRandom(1), {maxStreams: 100, maxBytes: 200});
	send(small, 'a', given);
	send(small, 'b', given);
	t.is(small.statistics.residualsDropped, 1);
	t.is(send(small, 'a', given)[0], 40);
	const none = createEncoder(topK(0.01), seededRandom(1), {maxStreams: 100, maxBytes: 100});
	send(none, 'a', given);
	t.is(send(none, 'a', given)[0], 40);
});

test('a tensor of another size, or one that is not finite, leaves no residual behind', t => {
	const encoder = createEncoder(topK(0.01), seededRandom(1));
	const given = (size: number) =>
		float32(
			[size],
			Array.from({length: size}, (_, index) => size - index),
		);
	send(encoder, 's', given(40));
	t.is(send(encoder, 's', given(30))[0], 30);
	t.is(encoder.statistics.residualsDropped, 1);
	const wild = float32([30], [Number.NaN, ...new Array(29).fill(1)]);
	t.deepEqual(send(encoder, 's', wild), wild.data);
	t.is(encoder.statistics.residualsDropped, 2);
	t.is(encoder.statistics.uncompressed, 1);
	t.is(send(encoder, 's', given(30))[0], 30);
});

test('a residual that overflows is dropped, and the tensor sent as it is', t => {
	const encoder = createEncoder(topK(0.01), seededRandom(1));
	const huge = float32([40], new Array(40).fill(3e38));
	t.is(send(encoder, 's', huge)[0], Math.fround(3e38));
	t.deepEqual(send(encoder, 's', huge), huge.data);
	const {uncompressed, residualsDropped, nonFinite} = encoder.statistics;
	t.deepEqual({uncompressed, residualsDropped, nonFinite}, {uncompressed: 1, residualsDropped: 1, nonFinite: 0});
});

test('statistics count tensors, elements and bytes', t => {
	const encoder = createEncoder(codecSpec.parse('int8'), seededRandom(1));
	encoder.encode('a', normal(1000, 1));
	encoder.encode('labels', {dtype: 'int64', shape: [100], data: new BigInt64Array(100)});
	t.deepEqual(encoder.statistics, {
		tensors: 2,
		elements: 1100,
		saturated: 0,
		nonFinite: 0,
		uncompressed: 0,
		residualsDropped: 0,
		bytesBefore: 4800,
		bytesAfter: 1004 + 100,
	});
});
