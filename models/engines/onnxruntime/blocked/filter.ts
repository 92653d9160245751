/**
 * Convolution weights in the order that blocked kernels read them, with B channels per block. Weights change with every
 * step, so this is part of every run; two passes over the weight cost far less than the convolution gains, except for very
 * small pictures (see `worthwhile`).
 */
import {int64, type Shape, sizeOf} from '../../../../core/tensor/tensor.js';
import {ints} from '../../../graph.js';
import {blockedDomain, type Rewriter} from './rewriter.js';

/** Swaps the last two axes of [rows, B, columns] by the kernel that is made for it. */
const swapped = (r: Rewriter, value: string, rows: number, columns: number): string =>
	r.emit('ReorderInput', [r.reshape(value, [rows, r.block, columns, 1])], {}, blockedDomain);

/** Zeros for the missing filters and channels of the last blocks. */
function filledUp(
	r: Rewriter,
	weight: string,
	[filters, channels, ...kernel]: Shape,
	to: readonly [number, number],
): string {
	if (filters === to[0] && channels === to[1]) {
		return weight;
	}
	const pads = [0, 0, ...kernel.map(() => 0), to[0] - filters!, to[1] - channels!, ...kernel.map(() => 0)];
	return r.emit('Pad', [weight, r.constant(int64([pads.length], pads))]);
}

/** [M, C, kh, kw] → [M/B, C/B, kh, kw, B channels, B filters]. @param shape both M and C are filled up to whole blocks. */
export function forwardFilter(r: Rewriter, weight: string, shape: Shape): string {
	const {block} = r;
	const [filters, channels, kh, kw] = [r.padded(shape[0]!), r.padded(shape[1]!), shape[2]!, shape[3]!];
	const taps = kh * kw;
	const full = filledUp(r, weight, shape, [filters, channels]);
	const filtersLast = swapped(r, full, filters / block, channels * taps);
	const ordered =
		taps === 1
			? filtersLast
			: r.emit('Transpose', [r.reshape(filtersLast, [(filters * channels) / block ** 2, block, taps, block])], {
					perm: ints([0, 2, 1, 3]),
				});
	return r.reshape(ordered, [filters, channels, kh, kw]);
}

/** [M, C, kh, kw] with C < B → [M/B, C, kh, kw, B filters], for data in plain form. */
export function firstFilter(r: Rewriter, weight: string, shape: Shape): string {
	const [, channels, kh, kw] = shape as [number, number, number, number];
	const filters = r.padded(shape[0]!);
	const full = filledUp(r, weight, shape, [filters, channels]);
	return r.reshape(swapped(r, full, filters / r.block, channels * kh * kw), [filters, channels, kh, kw]);
}

/**
 * The filter of the convolution that computes the input gradient: [M, C, kh, kw] → [C/B, M/B, kh, kw, B filters, B
 * channels], the window turned by half a circle.
 */
export function backwardFilter(r: Rewriter, weight: string, shape: Shape): string {
	const {block} = r;
	const [filters, channels, kh, kw] = [r.padded(shape[0]!), r.padded(shape[1]!), shape[2]!, shape[3]!];
	const taps = kh * kw;
	const full = filledUp(r, weight, shape, [filters, channels]);
	if (taps === 1) {
		const rows = r.reshape(full, [filters, channels / block, block]);
		return r.reshape(r.emit('Transpose', [rows], {perm: ints([1, 0, 2])}), [channels, filters, 1, 1]);
	}
	const channelsLast = swapped(r, full, (filters * channels) / block, taps);
	const order: number[] = [];
	for (let channel = 0; channel < channels / block; channel++) {
		for (let filter = 0; filter < filters; filter += block) {
			for (let tap = taps - 1; tap >= 0; tap--) {
				for (let inner = 0; inner < block; inner++) {
					order.push(((filter + inner) * (channels / block) + channel) * taps + tap);
				}
			}
		}
	}
	const rows = r.reshape(channelsLast, [order.length, block]);
	return r.reshape(r.emit('Gather', [rows, r.constant(int64([order.length], order))]), [channels, filters, kh, kw]);
}

/** [C, 1, kh, kw] → [C/B, kh, kw, B]. C is a whole number of blocks. */
export function depthwiseFilter(r: Rewriter, weight: string, shape: Shape, turned: boolean): string {
	const taps = sizeOf(shape.slice(2));
	const source = r.beforeReshape(weight);
	const sourceShape = r.shape(source);
	// dy as a filter: its blocked form has just this order.
	const own =
		sourceShape?.length === 4 &&
		sourceShape[1]! % r.block === 0 &&
		sizeOf(sourceShape.slice(2)) === taps &&
		source !== weight;
	const ordered = own ? r.blocked(source) : swapped(r, r.plain(weight), shape[0]! / r.block, taps);
	if (!turned || taps === 1) {
		return r.reshape(ordered, shape);
	}
	const backwards = r.constant(int64([taps], [...new Array(taps).keys()].reverse()));
	const rows = r.reshape(ordered, [shape[0]! / r.block, taps, r.block]);
	return r.reshape(r.emit('Gather', [rows, backwards], {axis: {kind: 'int', value: 1}}), shape);
}
