/** Our wasm kernels against tfjs' plain JavaScript backend, forward and backward. */
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {packageLoaders, startBackend} from '../../../models/engines/tfjs/backend.js';
import type {TfTensor} from '../../../models/engines/tfjs/value.js';
import {uniform} from '../../support/graphs/formula.js';

/** Sums of up to 14,400 float32 products, added in different orders. */
const tolerance = 5e-6;

interface Case {
	readonly title: string;
	readonly shapes: readonly (readonly number[])[];
	readonly f: (...inputs: TfTensor[]) => TfTensor;
}

const four = (t: TfTensor | undefined) => t as tf.Tensor4D;
const conv = (strides: number | [number, number], pad: tf.backend_util.ExplicitPadding | 'valid' | 'same') =>
	((x: TfTensor, w: TfTensor) => tf.conv2d(four(x), four(w), strides, pad)) as Case['f'];
const depthwise = (strides: number, pad: 'valid' | 'same') =>
	((x: TfTensor, w: TfTensor) => tf.depthwiseConv2d(four(x), four(w), strides, pad)) as Case['f'];
const pool = (size: number, strides: number, pad: tf.backend_util.ExplicitPadding | 'valid' | 'same') =>
	((x: TfTensor) => tf.maxPool(four(x), size, strides, pad)) as Case['f'];
const lopsided: tf.backend_util.ExplicitPadding = [
	[0, 0],
	[1, 0],
	[0, 2],
	[0, 0],
];

const cases: readonly Case[] = [
	{
		title: 'convolution',
		shapes: [
			[2, 6, 5, 3],
			[3, 3, 3, 4],
		],
		f: conv(1, 'valid'),
	},
	{
		title: 'convolution with padding',
		shapes: [
			[2, 6, 5, 3],
			[3, 3, 3, 4],
		],
		f: conv(1, 'same'),
	},
	{
		title: 'convolution with strides that leave a rest',
		shapes: [
			[2, 8, 6, 3],
			[3, 3, 3, 4],
		],
		f: conv([3, 2], 'valid'),
	},
	{
		title: 'convolution with strides wider than the filter',
		shapes: [
			[2, 7, 7, 3],
			[1, 1, 3, 4],
		],
		f: conv(2, 'valid'),
	},
	{
		title: 'convolution with lopsided padding',
		shapes: [
			[1, 5, 5, 2],
			[2, 4, 2, 3],
		],
		f: conv(2, lopsided),
	},
	{
		title: 'convolution of many items',
		shapes: [
			[9, 40, 40, 8],
			[5, 5, 8, 2],
		],
		f: conv(1, 'same'),
	},
	{
		title: 'depthwise convolution',
		shapes: [
			[2, 6, 5, 3],
			[3, 3, 3, 1],
		],
		f: depthwise(1, 'same'),
	},
	{
		title: 'depthwise convolution with multiplier and stride',
		shapes: [
			[2, 7, 7, 3],
			[3, 3, 3, 2],
		],
		f: depthwise(2, 'same'),
	},
	{title: 'max-pool', shapes: [[2, 6, 6, 3]], f: pool(2, 2, 'valid')},
	{title: 'overlapping max-pool with padding', shapes: [[2, 7, 7, 3]], f: pool(3, 2, 'same')},
	{title: 'max-pool with lopsided padding', shapes: [[2, 5, 5, 3]], f: pool(3, 1, lopsided)},
	{
		title: 'max-pool of negative numbers',
		shapes: [[2, 6, 6, 3]],
		f: x => tf.maxPool(four(tf.sub(x, 5)), 2, 2, 'valid'),
	},
	{
		title: 'matrix product',
		shapes: [
			[5, 7],
			[7, 4],
		],
		f: (a, b) => tf.matMul(a, b),
	},
	{
		title: 'matrix product, left side transposed',
		shapes: [
			[7, 5],
			[7, 4],
		],
		f: (a, b) => tf.matMul(a, b, true),
	},
	{
		title: 'matrix product, right side transposed',
		shapes: [
			[5, 7],
			[4, 7],
		],
		f: (a, b) => tf.matMul(a, b, false, true),
	},
	{
		title: 'batched matrix product, both transposed',
		shapes: [
			[3, 7, 5],
			[3, 4, 7],
		],
		f: (a, b) => tf.matMul(a, b, true, true),
	},
	{
		title: 'gather with repeated indices',
		shapes: [[6, 4]],
		f: x => tf.gather(x, tf.tensor1d([0, 5, 5, 2, 0, 5], 'int32')),
	},
	{title: 'sum of everything', shapes: [[3, 4, 5]], f: x => tf.sum(x)},
	{title: 'sum over the first axes', shapes: [[3, 4, 5]], f: x => tf.sum(x, [0, 1])},
	{title: 'mean over the last axis', shapes: [[3, 4, 5]], f: x => tf.mean(x, -1, true)},
	{title: 'mean over the middle', shapes: [[3, 4, 5]], f: x => tf.mean(x, 1)},
	{title: 'sum over alternating axes', shapes: [[3, 4, 5, 2]], f: x => tf.sum(x, [0, 2])},
	{title: 'sum over an axis of one', shapes: [[3, 1, 5]], f: x => tf.sum(x, 1)},
];

test.before(async () => {
	await startBackend(1, 'wasm', packageLoaders);
	await startBackend(1, 'cpu', packageLoaders);
});

/** The value, and the gradients of a weighted sum of it. */
async function compute(backend: string, {shapes, f}: Case): Promise<Float32Array[]> {
	await tf.setBackend(backend);
	const inputs = shapes.map((shape, index) => {
		const size = shape.reduce((product, dim) => product * dim, 1);
		return tf.tensor(Float32Array.from(uniform(`input ${index}`, size)), [...shape]);
	});
	const y = f(...inputs);
	const dy = tf.tensor(Float32Array.from(uniform('dy', y.size)), y.shape);
	const results = [y, ...tf.grads(f)(inputs, dy)];
	return results.map(result => Float32Array.from(result.dataSync()));
}

for (const one of cases) {
	test.serial(`wasm agrees with plain JavaScript: ${one.title}`, async t => {
		const [wasm, cpu] = [await compute('wasm', one), await compute('cpu', one)];
		t.is(wasm.length, cpu.length);
		for (const [index, expected] of cpu.entries()) {
			const largest = Math.max(...expected.map(Math.abs));
			const error = Math.max(...expected.map((value, at) => Math.abs(value - wasm[index]![at]!)));
			t.true(largest > 0);
			t.true(error <= tolerance * Math.max(1, largest), `result ${index}: off by ${error} of ${largest}`);
		}
	});
}

test.serial('sums of whole numbers stay with the stock kernel', async t => {
	await tf.setBackend('wasm');
	t.deepEqual(
		[
			...tf
				.sum(
					tf.tensor2d(
						[
							[1, 2],
							[3, 4],
						],
						[2, 2],
						'int32',
					),
					0,
				)
				.dataSync(),
		],
		[4, 6],
	);
});

test.serial('means of many equal numbers are exact', async t => {
	await tf.setBackend('wasm');
	t.is(tf.mean(tf.fill([1 << 20], 0.1)).dataSync()[0], Math.fround(0.1));
});
