/** The geometry of operators that slide a window over the spatial axes of [N, C, …]: convolutions and poolings. */
import {FplError} from '../../../core/errors.js';
import type {Shape} from '../../../core/tensor/tensor.js';
import type {Node} from '../../graph.js';
import {attribute} from '../ops.js';

/** One entry per spatial axis in every list. */
export interface Window {
	readonly kernel: readonly number[];
	readonly strides: readonly number[];
	readonly dilations: readonly number[];
	/** Padding before and after the data, `auto_pad` resolved. */
	readonly begin: readonly number[];
	readonly end: readonly number[];
	/** Spatial sizes of the data and of the result. */
	readonly input: readonly number[];
	readonly output: readonly number[];
}

/** How far a window reaches along each axis: from its first element to the one after its last. */
export const reach = ({kernel, dilations}: Pick<Window, 'kernel' | 'dilations'>): readonly number[] =>
	kernel.map((size, axis) => (size - 1) * dilations[axis]! + 1);

/**
 * Where a window lies, from the node's attributes and the shapes of the data [N, C, …] and the result [N, M, …].
 * @param kernel sizes, where they are not an attribute but known from the weight.
 * @throws FplError `MODEL_INVALID` when a pooling has no kernel_shape.
 */
export function windowOf(node: Node, data: Shape, result: Shape, kernel?: readonly number[]): Window {
	const input = data.slice(2);
	const output = result.slice(2);
	const rank = input.length;
	const all = (value: number) => new Array<number>(rank).fill(value);
	const size = kernel ?? attribute(node, 'kernel_shape', 'ints');
	if (size === undefined) {
		throw new FplError('MODEL_INVALID', {where: `node «${node.name}» (${node.op})`, problem: 'no kernel_shape'});
	}
	const window = {
		kernel: size,
		strides: attribute(node, 'strides', 'ints') ?? all(1),
		dilations: attribute(node, 'dilations', 'ints') ?? all(1),
		input,
		output,
	};
	const mode = attribute(node, 'auto_pad', 'string') ?? 'NOTSET';
	if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
		const reaches = reach(window);
		const total = input.map((length, axis) =>
			Math.max((output[axis]! - 1) * window.strides[axis]! + reaches[axis]! - length, 0),
		);
		const small = total.map(pad => Math.floor(pad / 2));
		const large = total.map(pad => Math.ceil(pad / 2));
		return mode === 'SAME_UPPER' ? {...window, begin: small, end: large} : {...window, begin: large, end: small};
	}
	const pads = mode === 'VALID' ? undefined : attribute(node, 'pads', 'ints');
	return {...window, begin: pads?.slice(0, rank) ?? all(0), end: pads?.slice(rank) ?? all(0)};
}

/** The window's element offsets, the last axis fastest: [0, 0], [0, 1] … in elements of the padded data. */
export function tapsOf({kernel, dilations}: Pick<Window, 'kernel' | 'dilations'>): readonly (readonly number[])[] {
	return kernel.reduce<readonly (readonly number[])[]>(
		(taps, size, axis) =>
			taps.flatMap(tap => Array.from({length: size}, (_, index) => [...tap, index * dilations[axis]!])),
		[[]],
	);
}

/**
 * Length of padded data that all windows together cover; may be longer than the padded data (ceil_mode) or shorter (a
 * stride that leaves a rest).
 */
export const covered = (window: Window): readonly number[] => {
	const reaches = reach(window);
	return window.output.map((length, axis) => (length - 1) * window.strides[axis]! + reaches[axis]!);
};
