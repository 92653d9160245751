/**
 * The gradient of a convolution's weight: for every tap t of the window
 *   dW[m, c, t] = Σ over items n and output positions p of dy[n, m, p] · x[n, c, p·stride + t·dilation − begin].
 *
 * ONNX has no operator for it, and a convolution with dy as its kernel is 2–4 times slower than matrix products, of which
 * there are several arrangements. Which is fastest depends on the shape; the rule in `arrangement` was measured with ONNX
 * Runtime 1.30 on one x86-64 core with AVX-512 (docs/performance.md).
 */

import {int64, sizeOf} from '../../../core/tensor/tensor.js';
import {int, ints} from '../../graph.js';
import {product} from '../linear.js';
import {reduceSum, reshape, transpose} from '../ops.js';
import type {RuleContext} from '../rule.js';
import {cut, pad} from '../slice.js';
import {covered, tapsOf, type Window} from './window.js';

/**
 * columns: all taps stacked into one matrix [C·taps, N·P], one product, no sum over the batch.
 * taps: a product per tap and item, then a sum over the items; moves less memory where P is large.
 * kernel: depthwise only, dy is the kernel of a convolution over x with one group per item and channel.
 */
type Arrangement = 'columns' | 'taps' | 'kernel';

function arrangement(positions: number, channelsPerGroup: number, filtersPerGroup: number): Arrangement {
	if (channelsPerGroup === 1 && filtersPerGroup === 1) {
		return 'kernel';
	}
	return positions <= 144 || channelsPerGroup < 16 ? 'columns' : 'taps';
}

/**
 * @param x data [N, C, …]; @param dy gradient of the result [N, M, …].
 * @returns a value with the elements of the weight [M, C/group, …] in their order, in some shape.
 */
export function weightGradient(c: RuleContext, x: string, dy: string, window: Window, group: number): string {
	const [, channels] = c.shape(x) as [number, number];
	const [, filters] = c.shape(dy) as [number, number];
	const positions = sizeOf(window.output);
	switch (arrangement(positions, channels / group, filters / group)) {
		case 'columns':
			return byColumns(c, x, dy, window, group);
		case 'taps':
			return byTaps(c, x, dy, window, group);
		case 'kernel':
			return byKernel(c, x, dy, window);
	}
}

/** The elements of padded data that tap `offset` meets, one per output position. */
function shifted(c: RuleContext, padded: string, window: Window, offset: readonly number[]): string {
	const shape = c.shape(padded);
	const rank = offset.length;
	const steps = window.strides.map((stride, axis) => (window.output[axis] === 1 ? 1 : stride));
	const ends = offset.map((start, axis) => start + (window.output[axis]! - 1) * steps[axis]! + 1);
	const whole = offset.every((start, axis) => start === 0 && ends[axis] === shape[axis + 2] && steps[axis] === 1);
	const numbers = (values: readonly number[]) => c.constant(int64([rank], values));
	return whole
		? padded
		: c.emit('Slice', [
				padded,
				numbers(offset),
				numbers(ends),
				numbers(offset.map((_, axis) => axis + 2)),
				numbers(steps),
			]);
}

/** Zeros around the data as the window has them, behind the data only as far as windows reach. */
function padded(c: RuleContext, x: string, window: Window): string {
	const behind = covered(window).map((length, axis) => length - window.begin[axis]! - window.input[axis]!);
	const after = behind.map(count => Math.max(count, 0));
	return pad(c, x, [0, 0, ...window.begin], [0, 0, ...after]);
}

/** [N, C, …] → [C, N, …], free where one of them is 1. */
function channelsFirst(c: RuleContext, value: string): string {
	const shape = c.shape(value);
	const [items, channels, ...rest] = shape as [number, number, ...number[]];
	return items === 1 || channels === 1
		? reshape(c, value, [channels, items, ...rest])
		: transpose(
				c,
				value,
				[1, 0, ...shape.keys()].filter((axis, index) => index < 2 || axis > 1),
			);
}

function byColumns(c: RuleContext, x: string, dy: string, window: Window, group: number): string {
	const [items, channels] = c.shape(x) as [number, number];
	const [, filters] = c.shape(dy) as [number, number];
	const columns = items * sizeOf(window.output);
	const data = padded(c, channelsFirst(c, x), window);
	const parts = tapsOf(window).map(tap => reshape(c, shifted(c, data, window, tap), [channels, 1, columns]));
	const stacked = parts.length === 1 ? parts[0]! : c.emit('Concat', parts, {axis: int(1)});
	const taps = parts.length;
	const gradient = channelsFirst(c, dy);
	return group === 1
		? times(c, reshape(c, gradient, [filters, columns]), reshape(c, stacked, [channels * taps, columns]))
		: times(
				c,
				reshape(c, gradient, [group, filters / group, columns]),
				reshape(c, stacked, [group, (channels / group) * taps, columns]),
			);
}

function byTaps(c: RuleContext, x: string, dy: string, window: Window, group: number): string {
	const [items, channels] = c.shape(x) as [number, number];
	const [, filters] = c.shape(dy) as [number, number];
	const positions = sizeOf(window.output);
	const groups = group === 1 ? [] : [group];
	const data = padded(c, x, window);
	const gradient = reshape(c, dy, [items, ...groups, filters / group, positions]);
	const parts = tapsOf(window).map(tap => {
		const part = reshape(c, shifted(c, data, window, tap), [items, ...groups, channels / group, positions]);
		const summed = reduceSum(c, times(c, gradient, part), [0]);
		return reshape(c, summed, [(filters * channels) / group, 1]);
	});
	return parts.length === 1 ? parts[0]! : c.emit('Concat', parts, {axis: int(1)});
}

/** One group per item and channel; strides and dilations change places. */
function byKernel(c: RuleContext, x: string, dy: string, window: Window): string {
	const [items, channels] = c.shape(x) as [number, number];
	const groups = items * channels;
	// The convolution must answer exactly one element per tap: what no window reaches is cut off, not padded.
	const behind = covered(window).map((length, axis) => length - window.begin[axis]! - window.input[axis]!);
	const data = behind.reduce(
		(value, count, axis) => (count < 0 ? cut(c, value, axis + 2, 0, window.input[axis]! + count) : value),
		x,
	);
	const products = c.emit(
		'Conv',
		[reshape(c, data, [1, groups, ...c.shape(data).slice(2)]), reshape(c, dy, [groups, 1, ...window.output])],
		{
			kernel_shape: ints(window.output),
			strides: ints(window.dilations),
			dilations: ints(window.strides),
			pads: ints([...window.begin, ...behind.map(count => Math.max(count, 0))]),
			group: int(groups),
		},
	);
	return reduceSum(c, reshape(c, products, [items, channels, ...window.kernel]), [0]);
}

/** a · bᵀ over leading batch axes. */
const times = (c: RuleContext, a: string, b: string): string =>
	product(c, {value: a, transposed: false}, {value: b, transposed: true});
