/** Which convolutions become blocked ones, and how. */
import type {Shape} from '../../../../core/tensor/tensor.js';
import {int64, sizeOf} from '../../../../core/tensor/tensor.js';
import {attribute} from '../../../gradients/ops.js';
import {covered, reach, type Window, windowOf} from '../../../gradients/sliding/window.js';
import {int, ints, type Node} from '../../../graph.js';
import {backwardFilter, depthwiseFilter, firstFilter, forwardFilter} from './filter.js';
import {blockedDomain, type Rewriter} from './rewriter.js';

interface Convolution {
	readonly node: Node;
	readonly data: Shape;
	readonly weight: Shape;
	readonly result: Shape;
	readonly group: number;
	readonly window: Window;
}

/** Two spatial axes and static shapes: all that blocked kernels know. */
function described(r: Rewriter, node: Node): Convolution | undefined {
	const data = r.shape(node.inputs[0]!);
	const weight = r.shape(node.inputs[1]!);
	const result = r.shape(node.outputs[0]!);
	if (data?.length !== 4 || weight?.length !== 4 || result?.length !== 4) {
		return undefined;
	}
	const [large, small] = node.op === 'Conv' ? [data, result] : [result, data];
	return {
		node,
		data,
		weight,
		result,
		group: attribute(node, 'group', 'int') ?? 1,
		window: windowOf(node, large, small, weight.slice(2)),
	};
}

/**
 * Whether the blocked kernel saves more than reordering costs, measured on one core with AVX-512. For windows of one tap
 * turning the weights is cheap, but plain kernels are as fast unless there are very few positions per item. Otherwise a
 * blocked kernel saves about 2.7 ps per weight and position going forward, 7 ps going backward (where the plain way has to
 * add up overlapping windows), and turning a weight costs 0.5–1.3 ns, more when they do not fit the cache.
 */
function worthwhile({data, weight, result, node}: Convolution): boolean {
	const forward = node.op === 'Conv';
	const perItem = sizeOf((forward ? result : data).slice(2));
	const positions = perItem * data[0]!;
	if (sizeOf(weight.slice(2)) === 1) {
		return !forward || perItem < 16;
	}
	const weights = sizeOf(weight);
	if (!forward) {
		return positions > 100;
	}
	return positions > (weights < 300_000 ? 200 : weights < 1_000_000 ? 280 : 480);
}

function emitConv(
	r: Rewriter,
	{node, window}: Convolution,
	data: string,
	filter: string,
	group: number,
	options: {pads: readonly number[]; strides?: readonly number[]; bias?: string},
): void {
	const out = r.emit(
		'Conv',
		[data, filter, ...(options.bias === undefined ? [] : [options.bias])],
		{
			kernel_shape: ints(window.kernel),
			strides: ints(options.strides ?? [1, 1]),
			dilations: ints(window.dilations),
			pads: ints(options.pads),
			group: int(group),
		},
		blockedDomain,
	);
	r.setBlocked(node.outputs[0]!, out);
}

/** The bias, zeros for the filters that fill up the last block. */
function biasOf(r: Rewriter, {node, weight}: Convolution): {bias?: string} {
	const name = node.inputs[2] ?? '';
	if (name === '') {
		return {};
	}
	const missing = r.padded(weight[0]!) - weight[0]!;
	const bias = r.plain(name);
	return {bias: missing === 0 ? bias : r.emit('Pad', [bias, r.constant(int64([2], [0, missing]))])};
}

/** @returns whether the node was replaced. */
export function rewriteConv(r: Rewriter, node: Node): boolean {
	const convolution = described(r, node);
	if (convolution === undefined) {
		return false;
	}
	const {data, weight, group, window} = convolution;
	const [x, w] = node.inputs as [string, string];
	const {block} = r;
	const options = {pads: [...window.begin, ...window.end], strides: window.strides, ...biasOf(r, convolution)};
	if (group === 1) {
		if (weight[0]! < block || !worthwhile(convolution)) {
			return false;
		}
		if (data[1]! < block) {
			emitConv(r, convolution, r.plain(x), firstFilter(r, r.plain(w), weight), 1, options);
			return true;
		}
		if (data[1]! % 4 !== 0) {
			return false;
		}
		emitConv(r, convolution, r.blocked(x), forwardFilter(r, r.plain(w), weight), 1, options);
		return true;
	}
	if (isDepthwise(convolution, block)) {
		emitConv(r, convolution, r.blocked(x), depthwiseFilter(r, w, weight, false), group, options);
		return true;
	}
	return false;
}

const isDepthwise = ({data, weight, group}: Convolution, block: number): boolean =>
	group === data[1] && weight[0] === group && weight[1] === 1 && group % block === 0;

/**
 * A transposed convolution of stride 1 is a convolution with the weight turned by half a circle and its channel axes
 * exchanged.
 */
export function rewriteConvTranspose(r: Rewriter, node: Node): boolean {
	const convolution = described(r, node);
	if (convolution === undefined || (node.inputs[2] ?? '') !== '') {
		return false;
	}
	const {data, weight, group, window} = convolution;
	const [dy, w] = node.inputs as [string, string];
	const {block} = r;
	if (window.strides.some(stride => stride !== 1)) {
		return false;
	}
	const reaches = reach(window);
	const used = covered(window);
	const begin = window.begin.map((pad, axis) => reaches[axis]! - 1 - pad);
	const end = window.begin.map((pad, axis) => window.input[axis]! + pad - used[axis]! + reaches[axis]! - 1);
	if ([...begin, ...end].some(pad => pad < 0)) {
		return false;
	}
	const options = {pads: [...begin, ...end]};
	if (group === 1) {
		if (data[1]! < block || data[1]! % 4 !== 0 || weight[1]! < block || !worthwhile(convolution)) {
			return false;
		}
		emitConv(r, convolution, r.blocked(dy), backwardFilter(r, r.plain(w), weight), 1, options);
		return true;
	}
	if (isDepthwise(convolution, block)) {
		emitConv(r, convolution, r.blocked(dy), depthwiseFilter(r, w, weight, true), group, options);
		return true;
	}
	return false;
}
