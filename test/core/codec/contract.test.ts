/** What every codec promises, whatever its kind; then the error that each kind may make. */
import test from 'ava';
import fc from 'fast-check';
import {createEncoder} from '../../../core/codec/encoder.js';
import {channelsOf, oneChannel} from '../../../core/codec/formats/int8.js';
import {type CodecSpec, describeCodec} from '../../../core/codec/spec.js';
import {seededRandom} from '../../../core/random.js';
import {float32, int64, type Tensor, tensor, toNumbers} from '../../../core/tensor/tensor.js';
import {allSpecs, anyFloat, finite, roundTrip, tensors} from './specs.js';

/** Half of the smallest subnormal float32: what any result may be off by for being a float32. */
const tiny = 2 ** -150;

/** Largest error that one element may have. undefined: no bound for a single element. */
function boundsOf(spec: CodecSpec, {data, shape}: Tensor<'float32'>): (index: number) => number {
	switch (spec.kind) {
		case 'fp32':
			return () => 0;
		case 'fp16':
			return index =>
				Math.abs(data[index]!) > 65504
					? Math.abs(data[index]!) - 65504
					: Math.max(Math.abs(data[index]!) * 2 ** -11, 2 ** -25);
		case 'bf16':
			return index => Math.max(Math.abs(data[index]!) * 2 ** -8, 2 ** -134);
		case 'int8': {
			const {channels, inner} = spec.per === 'channel' ? channelsOf(shape, data.length) : oneChannel(data.length);
			const largest = new Float64Array(channels);
			const channelOf = (index: number) => Math.floor(index / inner) % channels;
			for (const [index, value] of data.entries()) {
				largest[channelOf(index)] = Math.max(largest[channelOf(index)]!, Math.abs(value));
			}
			const part = spec.rounding === 'nearest' ? 254 : 127;
			return index => (largest[channelOf(index)]! / part) * (1 + 1e-6) + tiny;
		}
		case 'top-k':
			// A value that is not sent is at most as large as the smallest one that is.
			return index => Math.abs(data[index]!);
		case 'qsgd': {
			return index => {
				const bucket = data.subarray(index - (index % 512), index - (index % 512) + 512);
				return (Math.hypot(...bucket) / spec.levels) * (1 + 1e-6) + tiny;
			};
		}
		default:
			return spec satisfies never;
	}
}

for (const [number, spec] of allSpecs.entries()) {
	const name = `${describeCodec(spec)} (${number})`;
	const fresh = () => createEncoder(spec, seededRandom(number));

	test(`${name}: finite tensors of any shape come back within the codec's error`, t => {
		fc.assert(
			fc.property(tensors(finite), given => {
				const result = roundTrip(fresh(), given);
				t.is(result.dtype, 'float32');
				t.deepEqual(result.shape, given.shape);
				const bound = boundsOf(spec, given);
				for (const [index, value] of given.data.entries()) {
					const error = Math.abs((result.data[index] as number) - value);
					if (!(error <= bound(index))) {
						t.fail(`${value} became ${result.data[index]}, ${error} off where ${bound(index)} is allowed`);
					}
				}
			}),
			{numRuns: 200},
		);
	});

	test(`${name}: values that are not finite stay so, and are counted`, t => {
		fc.assert(
			fc.property(tensors(anyFloat), given => {
				const encoder = fresh();
				const result = roundTrip(encoder, given);
				let expected = 0;
				for (const [index, value] of given.data.entries()) {
					if (!Number.isFinite(value)) {
						expected++;
						t.is(result.data[index], value);
					} else {
						t.true(Number.isFinite(result.data[index]));
					}
				}
				t.is(encoder.statistics.nonFinite, expected);
				const exact = spec.kind !== 'fp16' && spec.kind !== 'bf16';
				if (expected > 0 && exact) {
					t.deepEqual(result.data, given.data);
				}
				const uncompressed = expected > 0 && exact && spec.kind !== 'fp32' ? 1 : 0;
				// The norm of huge finite values may not be finite itself.
				t.true(encoder.statistics.uncompressed === uncompressed || (spec.kind === 'qsgd' && expected === 0));
			}),
			{numRuns: 100},
		);
	});

	test(`${name}: integers, truth values and halves lose nothing`, t => {
		const encoder = fresh();
		for (const given of [
			int64([2, 2], [0, 255, 3, 7]),
			int64([2], [-1, 127]),
			int64([1], [40_000]),
			int64([2], [-30_000, 5]),
			int64([1], [4e9]),
			int64([2], [-2e9, 2e9]),
			int64([2], [2 ** 40, -(2 ** 33)]),
			int64([0], []),
			tensor('int64', [2], BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)),
			tensor('uint64', [1], BigUint64Array.of(2n ** 64n - 1n)),
			tensor('int32', [3], Int32Array.of(-5, 0, 2 ** 31 - 1)),
			tensor('bool', [3], Uint8Array.of(0, 1, 1)),
			tensor('float64', [2], Float64Array.of(Math.PI, Number.NaN)),
			tensor('float16', [1], Uint16Array.of(0x7e01)),
			tensor('uint8', [], Uint8Array.of(9)),
		]) {
			t.deepEqual(roundTrip(encoder, given), given);
		}
		t.is(encoder.statistics.nonFinite, 0);
	});

	test(`${name}: the same seed makes the same bytes, and no tensor grows`, t => {
		fc.assert(
			fc.property(tensors(anyFloat), given => {
				const [one, other] = [fresh().encode('s', given), fresh().encode('s', given)];
				t.deepEqual(Buffer.from(one.data), Buffer.from(other.data));
				t.true(one.data.length <= given.data.byteLength);
			}),
			{numRuns: 50},
		);
	});

	test(`${name}: all zeros come back as zeros, and the input is left as it was`, t => {
		t.true(toNumbers(roundTrip(fresh(), float32([600], new Array(600).fill(0)))).every(value => value === 0));
		const given = float32(
			[3, 200],
			Array.from({length: 600}, (_, index) => Math.sin(index)),
		);
		const before = given.data.slice();
		const encoder = fresh();
		roundTrip(encoder, given);
		roundTrip(encoder, given);
		t.deepEqual(given.data, before);
	});
}

const stochastic = allSpecs.filter(
	spec => spec.kind === 'qsgd' || (spec.kind === 'int8' && spec.rounding === 'stochastic'),
);
for (const [number, spec] of stochastic.entries()) {
	test(`${describeCodec(spec)} (${number}): the mean of many encodings is the input`, t => {
		const random = seededRandom(4);
		const given = float32(
			[2, 8],
			Array.from({length: 16}, () => random.normal()),
		);
		const padded = float32([2, 40], [...given.data, ...new Array(64).fill(0.25)]);
		const encoder = createEncoder(spec, random);
		const repeats = 4000;
		const sums = new Float64Array(padded.data.length);
		for (let repeat = 0; repeat < repeats; repeat++) {
			for (const [index, value] of (roundTrip(encoder, padded).data as Float32Array).entries()) {
				sums[index] = sums[index]! + value;
			}
		}
		// A step of the quantiser is at most this; chance on one element is at most half a step, on the mean 5 σ.
		const step =
			spec.kind === 'qsgd' ? Math.hypot(...padded.data) / spec.levels : Math.max(...padded.data.map(Math.abs)) / 127;
		const allowed = (5 * 0.5 * step) / Math.sqrt(repeats);
		for (const [index, value] of padded.data.entries()) {
			t.true(Math.abs(sums[index]! / repeats - value) < allowed, `${sums[index]! / repeats} for ${value}`);
		}
	});
}

test('the variance of qsgd stays within the bound of the paper', t => {
	const random = seededRandom(5);
	for (const levels of [1, 4, 20, 100]) {
		const encoder = createEncoder({kind: 'qsgd', levels}, random);
		const given = float32(
			[512],
			Array.from({length: 512}, () => random.normal()),
		);
		const squares = given.data.reduce((sum, value) => sum + value * value, 0);
		const repeats = 50;
		let errors = 0;
		for (let repeat = 0; repeat < repeats; repeat++) {
			const result = roundTrip(encoder, given).data as Float32Array;
			errors += result.reduce((sum, value, index) => sum + (value - given.data[index]!) ** 2, 0);
		}
		const bound = Math.min(512 / levels ** 2, Math.sqrt(512) / levels) * squares;
		t.true(errors / repeats < bound);
		// And it is noise of this order, not next to none: the bound is not met by sending everything.
		t.true(errors / repeats > bound / 100);
	}
});

test('a scalar is not made larger', t => {
	for (const spec of allSpecs) {
		const {format, data} = createEncoder(spec, seededRandom(1)).encode('loss', float32([], [0.125]));
		t.true(data.length <= 4);
		t.is(format, spec.kind === 'fp16' || spec.kind === 'bf16' ? spec.kind : 'raw');
	}
});
