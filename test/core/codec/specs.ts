/** What the tests of codecs share: a spec of every kind, values of every sort, and a round trip. */
import fc from 'fast-check';
import {decodeBundle, encodeBundle} from '../../../core/codec/bundle.js';
import type {TensorEncoder} from '../../../core/codec/encoder.js';
import {type CodecSpec, codecSpec} from '../../../core/codec/spec.js';
import {sizeOf, type Tensor, tensor} from '../../../core/tensor/tensor.js';

const written = [
	'fp32',
	'fp16',
	'bf16',
	'int8',
	{kind: 'int8', rounding: 'stochastic'},
	{kind: 'int8', per: 'channel'},
	{kind: 'int8', per: 'channel', rounding: 'stochastic'},
	{kind: 'top-k', ratio: 0.1},
	{kind: 'top-k', ratio: 0.3, errorFeedback: false},
	{kind: 'top-k', ratio: 1},
	{kind: 'qsgd', levels: 1},
	{kind: 'qsgd', levels: 7},
	{kind: 'qsgd', levels: 1000},
];

export const allSpecs: readonly CodecSpec[] = written.map(one => codecSpec.parse(one));

/** Through a bundle and back. */
export const roundTrip = (encoder: TensorEncoder, given: Tensor): Tensor =>
	decodeBundle(encodeBundle([{name: 't', tensor: given}], encoder)).get('t')!;

/** Finite float32 values of every magnitude: ordinary, subnormal, huge, zero of both signs. */
export const finite = fc.oneof(
	{weight: 4, arbitrary: fc.float({min: -100, max: 100, noNaN: true})},
	{weight: 2, arbitrary: fc.float({noNaN: true, noDefaultInfinity: true})},
	fc.constantFrom(0, -0, 1e-45, -1e-45, 1e-40, 2 ** -14, 2 ** -25, 3.4028234663852886e38, 65504),
);

export const anyFloat = fc.oneof(
	{weight: 9, arbitrary: finite},
	fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);

const shapes = fc.array(fc.integer({min: 0, max: 9}), {maxLength: 4}).filter(shape => sizeOf(shape) <= 2000);

/** A float32 tensor of any shape, scalars and empty ones included. */
export const tensors = (values: fc.Arbitrary<number>): fc.Arbitrary<Tensor<'float32'>> =>
	shapes.chain(shape => {
		const size = sizeOf(shape);
		return fc
			.array(values, {minLength: size, maxLength: size})
			.map(data => tensor('float32', shape, Float32Array.from(data)));
	});
