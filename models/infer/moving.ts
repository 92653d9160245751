/** Operators that reshape, move, copy or pick elements without computing anything from them. */
import type {Dim} from '../graph.js';
import type {InferContext} from './context.js';
import {add, broadcast, type Dims, divide, multiply, show, unknownDim} from './dims.js';
import {agree, checkedDim, replaced, same, unknowns} from './rules.js';
import {type OperatorTable, op} from './signature.js';

/** 0 copies the input's dimension (unless `allowzero`), one −1 takes what is left. */
function reshape(context: InferContext): readonly (Dims | undefined)[] {
	const known = context.known(1);
	if (known === undefined) {
		const [rank] = context.ranked(1, 1);
		return [typeof rank === 'number' ? unknowns(checkedRank(context, rank)) : undefined];
	}
	const target = context.numbers(1);
	checkedRank(context, target.length);
	const shape = context.shape(0);
	const copies = context.int('allowzero', 0) === 0;
	const dims: Dim[] = target.map((dim, axis) => {
		const copied = dim === 0 && copies ? shape[axis] : dim;
		if (copied === undefined || (typeof copied === 'number' && (copied < -1 || !Number.isSafeInteger(copied)))) {
			context.fail({problem: 'the target shape is not usable', got: `${show(target)} for ${show(shape)}`});
		}
		return copied;
	});
	const open = dims.indexOf(-1);
	if (open !== dims.lastIndexOf(-1)) {
		context.fail({problem: 'two dimensions are −1', got: show(target)});
	}
	const rest = multiply(...dims.filter((_, axis) => axis !== open));
	const left = divide(multiply(...shape), rest);
	const fits =
		open >= 0 ? left !== undefined : rest === 0 ? multiply(...shape) === 0 : left === 1 || typeof left === 'string';
	if (!fits) {
		context.fail({problem: 'the elements do not fit the target shape', expected: show(target), got: show(shape)});
	}
	return [open < 0 ? dims : dims.with(open, left!)];
}

/** Higher ranks than any tool accepts are refused before anything is allocated by them. */
function checkedRank(context: InferContext, rank: number): number {
	if (rank > 32) {
		context.fail({problem: 'the rank is absurd', got: `${rank}`});
	}
	return rank;
}

function flatten(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const given = context.int('axis', 1);
	const axis = given === shape.length ? given : context.axis(given, shape.length);
	return [[multiply(...shape.slice(0, axis)), multiply(...shape.slice(axis))]];
}

function squeeze(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const axes = context.has(1) ? context.axes(context.numbers(1), shape.length) : undefined;
	for (const axis of axes ?? []) {
		agree(context, `axis ${axis}, which is squeezed,`, 1, shape[axis]!);
	}
	return [shape.filter((dim, axis) => (axes === undefined ? dim !== 1 : !axes.includes(axis)))];
}

function unsqueeze(context: InferContext): readonly Dims[] {
	const result = [...context.shape(0)];
	const wanted = context.numbers(1);
	for (const axis of context.axes(wanted, checkedRank(context, result.length + wanted.length))) {
		result.splice(axis, 0, 1);
	}
	return [result];
}

function transpose(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const permutation = context.ints('perm') ?? [...shape.keys()].reverse();
	if (permutation.length !== shape.length || context.axes(permutation, shape.length).length !== shape.length) {
		context.fail({problem: 'attribute «perm» does not fit', expected: `${shape.length} axes`, got: show(permutation)});
	}
	return [permutation.map(axis => shape[context.axis(axis, shape.length)]!)];
}

function concat(context: InferContext): readonly Dims[] {
	const given = context.attribute('axis', 'int');
	if (given === undefined) {
		context.fail({problem: 'attribute «axis» is missing'}, 'MODEL_INVALID');
	}
	const [first, ...rest] = context.node.inputs.map((_, index) => context.shape(index)) as [Dims, ...Dims[]];
	const axis = context.axis(given, first.length);
	let result = first;
	for (const shape of rest) {
		if (shape.length !== first.length) {
			context.fail({problem: 'the ranks differ', got: `${show(first)} and ${show(shape)}`});
		}
		result = result.map((dim, at) =>
			at === axis ? add(dim, shape[at]!) : agree(context, `axis ${at} of an input`, dim, shape[at]!),
		);
	}
	return [result];
}

function split(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const axis = context.axis(context.int('axis', 0), shape.length);
	const count = context.node.outputs.length;
	const total = shape[axis]!;
	if (context.has(1)) {
		const sizes = context.numbers(1).map(size => checkedDim(context, 'a part', size));
		if (sizes.length !== count) {
			context.fail({problem: 'the number of parts', expected: `${count}`, got: `${sizes.length}`});
		}
		agree(
			context,
			'the sum of the parts',
			total,
			sizes.reduce((sum, size) => sum + size, 0),
		);
		return sizes.map(size => replaced(shape, axis, size));
	}
	if (typeof total !== 'number') {
		return context.node.outputs.map(() => replaced(shape, axis, unknownDim));
	}
	const declared = context.int('num_outputs', count);
	if (declared !== count || (context.opset < 18 && total % count !== 0)) {
		context.fail({problem: `axis ${axis} cannot be split evenly`, expected: `${count} parts`, got: show(shape)});
	}
	// From opset 18 on, the last part may be smaller.
	const size = Math.ceil(total / count);
	return context.node.outputs.map((_, index) =>
		replaced(shape, axis, checkedDim(context, 'the last part', Math.min(size, total - size * index))),
	);
}

/** Where a slice of one axis starts, and how many elements it takes (ONNX Slice, the clamping rules). */
export function sliceOf(size: number, start: number, end: number, step: number): {start: number; length: number} {
	const from = start < 0 ? start + size : start;
	const to = end < 0 ? end + size : end;
	const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
	const [first, last] =
		step > 0 ? [clamp(from, 0, size), clamp(to, 0, size)] : [clamp(from, 0, size - 1), clamp(to, -1, size - 1)];
	return {start: first, length: size === 0 ? 0 : Math.max(0, Math.ceil((last - first) / step))};
}

/** Slice's starts, ends, axes and steps, checked. */
export function slicesOf(context: InferContext, rank: number) {
	const starts = context.numbers(1);
	const ends = context.numbers(2);
	const axes = context.has(3) ? context.numbers(3).map(axis => context.axis(axis, rank)) : [...starts.keys()];
	const steps = context.has(4) ? context.numbers(4) : starts.map(() => 1);
	if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
		context.fail({problem: 'starts, ends, axes and steps differ in length'});
	}
	if (steps.includes(0) || axes.some(axis => axis >= rank) || new Set(axes).size !== axes.length) {
		context.fail({
			problem: 'a step is 0, or an axis out of range or named twice',
			got: `${show(steps)}, ${show(axes)}`,
		});
	}
	return axes.map((axis, at) => ({axis, start: starts[at]!, end: ends[at]!, step: steps[at]!}));
}

function slice(context: InferContext): readonly Dims[] {
	const result = [...context.shape(0)];
	if ([1, 2, 3, 4].some(index => context.has(index) && context.known(index) === undefined)) {
		return [unknowns(result.length)];
	}
	for (const {axis, start, end, step} of slicesOf(context, result.length)) {
		const size = result[axis]!;
		const whole = start === 0 && step === 1 && end >= Number.MAX_SAFE_INTEGER;
		if (typeof size === 'number') {
			result[axis] = sliceOf(size, start, end, step).length;
		} else if (!whole) {
			result[axis] = unknownDim;
		}
	}
	return [result];
}

function expand(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const target = context.numbers(1);
	checkedRank(context, target.length);
	const result = broadcast(
		shape,
		target.map(dim => checkedDim(context, 'the target shape', dim)),
	);
	if (result === undefined) {
		context.fail({problem: 'the input cannot be expanded', expected: show(target), got: show(shape)});
	}
	return [result];
}

function tile(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const repeats = context.numbers(1);
	if (repeats.length !== shape.length) {
		context.fail({problem: 'repeats does not fit', expected: `${shape.length} numbers`, got: show(repeats)});
	}
	return [shape.map((dim, axis) => multiply(dim, checkedDim(context, 'repeats', repeats[axis]!)))];
}

function pad(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	if (context.known(1) === undefined || (context.has(3) && context.known(3) === undefined)) {
		return [unknowns(shape.length)];
	}
	const pads = context.numbers(1);
	const axes = context.has(3) ? context.numbers(3).map(axis => context.axis(axis, shape.length)) : [...shape.keys()];
	if (pads.length !== 2 * axes.length) {
		context.fail({problem: 'pads does not fit', expected: `${2 * axes.length} numbers`, got: show(pads)});
	}
	const result = [...shape];
	for (const [at, axis] of axes.entries()) {
		const more = pads[at]! + pads[at + axes.length]!;
		const size = result[axis]!;
		result[axis] = typeof size === 'number' ? checkedDim(context, `axis ${axis}`, size + more) : add(size, more);
	}
	return [result];
}

function depthToSpace(context: InferContext): readonly Dims[] {
	const [batch, channels, height, width] = context.ranked(0, 4) as [Dim, Dim, Dim, Dim];
	const block = checkedDim(context, 'blocksize', context.int('blocksize', 0));
	return [[batch, divide(channels, block * block) ?? unknownDim, multiply(height, block), multiply(width, block)]];
}

function spaceToDepth(context: InferContext): readonly Dims[] {
	const [batch, channels, height, width] = context.ranked(0, 4) as [Dim, Dim, Dim, Dim];
	const block = checkedDim(context, 'blocksize', context.int('blocksize', 0));
	const shrunk = [height, width].map(size => divide(size, block) ?? unknownDim);
	return [[batch, multiply(channels, block * block), ...shrunk]];
}

function trilu(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	if (shape.length < 2) {
		context.fail({problem: 'a matrix is needed', got: show(shape)});
	}
	return [shape];
}

function shapeOf(context: InferContext): readonly Dims[] {
	const {length: rank} = context.shape(0);
	const {start, end} = shapeRange(context, rank);
	return [[Math.max(0, end - start)]];
}

/** The part of the shape that Shape answers (attributes start and end, clamped). */
export function shapeRange(context: InferContext, rank: number): {start: number; end: number} {
	const clamp = (value: number) => Math.min(Math.max(value < 0 ? value + rank : value, 0), rank);
	return {start: clamp(context.int('start', 0)), end: clamp(context.int('end', rank))};
}

const scalarShape = (): readonly Dims[] => [[]];

export const moving: OperatorTable = {
	Reshape: op('T int64 -> T', reshape, {allowzero: 'int'}),
	Flatten: op('T -> T', flatten, {axis: 'int'}),
	Squeeze: op('T int64? -> T', squeeze),
	Unsqueeze: op('T int64 -> T', unsqueeze),
	Transpose: op('T -> T', transpose, {perm: 'ints'}),
	Concat: op('T T* -> T', concat, {axis: 'int'}),
	Split: op('T int64? -> T T*', split, {axis: 'int', num_outputs: 'int'}),
	Slice: op('T I I I? I? -> T', slice),
	Expand: op('T int64 -> T', expand),
	Tile: op('T int64 -> T', tile),
	Pad: op('T int64 T? I? -> T', pad, {mode: 'string'}),
	DepthToSpace: op('T -> T', depthToSpace, {blocksize: 'int', mode: 'string'}),
	SpaceToDepth: op('T -> T', spaceToDepth, {blocksize: 'int'}),
	Trilu: op('T int64? -> T', trilu, {upper: 'int'}, {since: 14}),
	ReverseSequence: op('T int64 -> T', same, {batch_axis: 'int', time_axis: 'int'}),
	Shape: op('T -> int64', shapeOf, {start: 'int', end: 'int'}),
	Size: op('T -> int64', scalarShape),
};
