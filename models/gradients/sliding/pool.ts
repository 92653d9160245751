/** Gradients of poolings in any number of spatial axes, with strides, dilations, padding and ceil_mode. */
import {FplError} from '../../../core/errors.js';
import {int64, type Shape, sizeOf, tensor} from '../../../core/tensor/tensor.js';
import {int, ints} from '../../graph.js';
import {add, attribute, expand, filled, mul, reshape, shapeConstant} from '../ops.js';
import type {GradientRule, RuleContext} from '../rule.js';
import {covered, reach, type Window, windowOf} from './window.js';

/**
 * dy goes where the maximum came from. MaxUnpool puts values at the forward's Indices, but writes where it should add, so
 * it is right only for windows that do not share elements. Overlapping windows are therefore dealt out into classes
 * (every k-th window along each axis) within which none overlap; a class is unpooled by itself, and the classes are added.
 */
const maxPool: GradientRule = (c, [dy]) => {
	const x = c.inputs[0]!;
	if (attribute(c.node, 'storage_order', 'int') === 1) {
		throw new FplError('MODEL_GRADIENT', {
			where: `node «${c.node.name}» (MaxPool)`,
			problem: 'indices in column-major order have no gradient rule',
			fix: 'Export the model with storage_order 0',
		});
	}
	const window = windowOf(c.node, c.shape(x), c.shape(dy!));
	const reaches = reach(window);
	const classes = window.strides.map((stride, axis) =>
		Math.min(Math.ceil(reaches[axis]! / stride), window.output[axis]!),
	);
	const indices = c.output(1);
	const parts = corners(classes).map(start => {
		const every = (value: string) => strided(c, value, start, classes);
		return c.emit('MaxUnpool', [every(dy!), every(indices), shapeConstant(c, c.shape(x))], {
			// With an output shape given these only serve a check, which ceil_mode would fail.
			kernel_shape: ints(window.kernel.map(() => 1)),
			strides: ints(window.kernel.map(() => 1)),
		});
	});
	return [parts.reduce((sum, part) => add(c, sum, part))];
};

/** All points of a grid: [0, 0], [0, 1] … */
const corners = (sizes: readonly number[]): readonly (readonly number[])[] =>
	sizes.reduce<readonly (readonly number[])[]>(
		(points, size) => points.flatMap(point => Array.from({length: size}, (_, index) => [...point, index])),
		[[]],
	);

/** Elements start, start + step … along the spatial axes. */
function strided(c: RuleContext, value: string, start: readonly number[], step: readonly number[]): string {
	const ends = c.shape(value).slice(2);
	const numbers = (values: readonly number[]) => c.constant(int64([values.length], values));
	return step.every(size => size === 1)
		? value
		: c.emit('Slice', [value, numbers(start), numbers(ends), numbers(start.map((_, axis) => axis + 2)), numbers(step)]);
}

/**
 * Each element of a window gets the window's dy divided by the number of elements that were averaged: a transposed
 * convolution with ones, all items and channels as its batch.
 */
const averagePool: GradientRule = (c, [dy]) => {
	const x = c.inputs[0]!;
	const shape = c.shape(x);
	const window = windowOf(c.node, shape, c.shape(dy!));
	const shared = mul(c, dy!, weights(c, dy!, window));
	const [items, channels] = shape as [number, number];
	const image = (spatial: readonly number[]) => [items * channels, 1, ...spatial];
	const rest = covered(window).map(
		(length, axis) => window.input[axis]! + window.begin[axis]! + window.end[axis]! - length,
	);
	const spread = c.emit(
		'ConvTranspose',
		[reshape(c, shared, image(window.output)), c.constant(filled(c.dtype(dy!), [1, 1, ...window.kernel], 1))],
		{
			kernel_shape: ints(window.kernel),
			strides: ints(window.strides),
			dilations: ints(window.dilations),
			// With ceil_mode windows hang over the padded data: what falls outside is cut off like padding.
			pads: ints([...window.begin, ...window.end.map((pad, axis) => pad + Math.max(-rest[axis]!, 0))]),
			output_padding: ints(rest.map(count => Math.max(count, 0))),
		},
	);
	return [reshape(c, spread, shape)];
};

/** 1/count for each output position, [1, 1, …]. */
function weights(c: RuleContext, dy: string, window: Window): string {
	const includePad = attribute(c.node, 'count_include_pad', 'int') === 1;
	const perAxis = window.output.map((length, axis) =>
		Array.from({length}, (_, index) => {
			const start = index * window.strides[axis]! - window.begin[axis]!;
			const [low, high] = includePad
				? [-window.begin[axis]!, window.input[axis]! + window.end[axis]!]
				: [0, window.input[axis]!];
			const taps = Array.from({length: window.kernel[axis]!}, (_, tap) => start + tap * window.dilations[axis]!);
			return taps.filter(place => place >= low && place < high).length;
		}),
	);
	const counts = perAxis.reduce<readonly number[]>((all, axis) => all.flatMap(a => axis.map(b => a * b)), [1]);
	const uniform = counts.every(count => count === counts[0]);
	const shape: Shape = uniform ? [] : [1, 1, ...window.output];
	const values = uniform ? [1 / counts[0]!] : counts.map(count => 1 / count);
	return c.constant(
		c.dtype(dy) === 'float64'
			? tensor('float64', shape, Float64Array.from(values))
			: tensor('float32', shape, Float32Array.from(values)),
	);
}

/** Every element takes an equal part. */
const globalAveragePool: GradientRule = (c, [dy]) => {
	const shape = c.shape(c.inputs[0]!);
	return [expand(c, dy!, shape, 1 / sizeOf(shape.slice(2)))];
};

/** dy goes to the first element that is the maximum. */
const globalMaxPool: GradientRule = (c, [dy]) => {
	const x = c.inputs[0]!;
	const shape = c.shape(x);
	const [items, channels] = shape as [number, number];
	const length = sizeOf(shape.slice(2));
	const place = c.emit('ArgMax', [reshape(c, x, [items, channels, length])], {axis: int(2), keepdims: int(1)});
	const places = c.constant(int64([length], [...new Array(length).keys()]));
	const hit = c.emit('Cast', [c.emit('Equal', [place, places])], {to: int(c.dtype(x) === 'float64' ? 11 : 1)});
	return [reshape(c, mul(c, hit, reshape(c, dy!, [items, channels, 1])), shape)];
};

export const pooling = {
	MaxPool: maxPool,
	AveragePool: averagePool,
	GlobalAveragePool: globalAveragePool,
	GlobalMaxPool: globalMaxPool,
} satisfies Record<string, GradientRule>;
