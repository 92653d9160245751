/** Gradients of operators that cut tensors along their axes or put them together: Concat, Split, Slice, Pad. */
import {FplError} from '../../core/errors.js';
import {int64, type Shape} from '../../core/tensor/tensor.js';
import {int} from '../graph.js';
import {attribute, fromZero, integers, reshape, scalarLike, zerosOf} from './ops.js';
import {first} from './reshape.js';
import type {GradientRule, RuleContext} from './rule.js';

const numbers = (c: RuleContext, values: readonly number[]): string => c.constant(int64([values.length], [...values]));

/** Elements `start`, `start + 1` … `end − 1` of one axis. */
export const cut = (c: RuleContext, value: string, axis: number, start: number, end: number): string =>
	start === 0 && end === c.shape(value)[axis]
		? value
		: c.emit('Slice', [value, numbers(c, [start]), numbers(c, [end]), numbers(c, [axis])]);

/** The axis in reverse order. */
export const flip = (c: RuleContext, value: string, axis: number): string =>
	c.emit('Slice', [
		value,
		numbers(c, [-1]),
		numbers(c, [Number.MIN_SAFE_INTEGER]),
		numbers(c, [axis]),
		numbers(c, [-1]),
	]);

/** Zeros around the value: `before[axis]` and `after[axis]` of them. Negative numbers cut instead. */
export function pad(c: RuleContext, value: string, before: readonly number[], after: readonly number[]): string {
	const all = [...before, ...after];
	if (all.every(count => count === 0)) {
		return value;
	}
	if (all.every(count => count <= 0)) {
		const shape = c.shape(value);
		return c.emit('Slice', [
			value,
			numbers(
				c,
				before.map(count => -count),
			),
			numbers(
				c,
				shape.map((dim, axis) => dim + after[axis]!),
			),
			numbers(c, [...shape.keys()]),
		]);
	}
	return c.emit('Pad', [value, numbers(c, all), scalarLike(c, value, 0)]);
}

/** y = the inputs one after the other: dy is split where they met. */
const concat: GradientRule = (c, [dy]) => {
	const shapes = c.inputs.map(input => c.shape(input));
	const axis = fromZero(attribute(c.node, 'axis', 'int')!, shapes[0]!.length);
	if (c.inputs.length === 1) {
		return [dy];
	}
	const sizes = shapes.map(shape => shape[axis]!);
	return c.emitAll('Split', [dy!, numbers(c, sizes)], {axis: int(axis)}, {outputs: sizes.length});
};

/** A part that nobody used has gradient 0. */
const split: GradientRule = (c, gradients) => {
	const x = c.inputs[0]!;
	const axis = fromZero(attribute(c.node, 'axis', 'int') ?? 0, c.shape(x).length);
	const parts = gradients.map((dy, index) => dy ?? zerosOf(c, c.dtype(x), c.shape(c.output(index))));
	return first(c, parts.length === 1 ? parts[0]! : c.emit('Concat', parts, {axis: int(axis)}));
};

/**
 * y = x[start : end : step] by axis: dy is put back among zeros. A negative step is a positive one read backwards; a step
 * above 1 leaves step − 1 zeros after each element.
 */
const slice: GradientRule = (c, [dy]) => {
	const shape = c.shape(c.inputs[0]!);
	const axes = (integers(c, 3) ?? [...integers(c, 1)!.keys()]).map(axis => fromZero(axis, shape.length));
	const starts = integers(c, 1)!;
	const steps = integers(c, 4) ?? starts.map(() => 1);
	const before = shape.map(() => 0);
	const after = shape.map(() => 0);
	let dx = dy!;
	if (c.shape(dx).includes(0)) {
		return first(c, zerosOf(c, c.dtype(dx), shape));
	}
	for (const [index, axis] of axes.entries()) {
		const dim = shape[axis]!;
		const step = steps[index]!;
		const count = c.shape(dx)[axis]!;
		const [low, high] = step > 0 ? [0, dim] : [0, dim - 1];
		const start = Math.min(Math.max(starts[index]! < 0 ? starts[index]! + dim : starts[index]!, low), high);
		const lowest = step > 0 ? start : start + (count - 1) * step;
		if (step < 0) {
			dx = flip(c, dx, axis);
		}
		dx = spread(c, dx, axis, Math.abs(step));
		before[axis] = lowest;
		after[axis] = dim - lowest - c.shape(dx)[axis]!;
	}
	return first(c, pad(c, dx, before, after));
};

/** Puts step − 1 zeros between the elements of an axis. */
function spread(c: RuleContext, value: string, axis: number, step: number): string {
	if (step === 1) {
		return value;
	}
	const shape = c.shape(value);
	const column = reshape(c, value, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
	const none = [...shape, 0].fill(0);
	const stretched = pad(c, column, none, none.with(axis + 1, step - 1));
	const flat = reshape(c, stretched, shape.with(axis, shape[axis]! * step));
	return cut(c, flat, axis, 0, (shape[axis]! - 1) * step + 1);
}

/**
 * Constant padding: the inside of dy. Reflection and repetition of the edge: what was copied outwards is folded back onto
 * the elements it came from, axis by axis.
 */
const padded: GradientRule = (c, [dy]) => {
	const shape = c.shape(c.inputs[0]!);
	const rank = shape.length;
	const pads = attribute(c.node, 'pads', 'ints') ?? integers(c, 1)!;
	const axes = (integers(c, 3) ?? [...shape.keys()]).map(axis => fromZero(axis, rank));
	const before = shape.map((_, axis) => (axes.includes(axis) ? pads[axes.indexOf(axis)]! : 0));
	const after = shape.map((_, axis) => (axes.includes(axis) ? pads[axes.indexOf(axis) + axes.length]! : 0));
	const mode = attribute(c.node, 'mode', 'string') ?? 'constant';
	if (mode === 'constant') {
		return first(
			c,
			pad(
				c,
				dy!,
				before.map(count => -count),
				after.map(count => -count),
			),
		);
	}
	if (mode === 'wrap' || [...before, ...after].some(count => count < 0)) {
		throw new FplError('MODEL_GRADIENT', {
			where: `node «${c.node.name}» (Pad)`,
			problem: 'this kind of padding has no gradient rule',
			got: mode === 'wrap' ? 'mode wrap' : `mode ${mode} with negative pads`,
		});
	}
	let dx = dy!;
	for (const axis of axes) {
		dx = folded(c, dx, axis, before[axis]!, after[axis]!, mode === 'reflect');
	}
	return first(c, dx);
};

function folded(c: RuleContext, dy: string, axis: number, before: number, after: number, reflect: boolean): string {
	const padded = c.shape(dy);
	const dim = padded[axis]! - before - after;
	const inside = cut(c, dy, axis, before, before + dim);
	const place = (part: string, at: number): string => {
		const none: Shape = padded.map(() => 0);
		return pad(c, part, none.with(axis, at), none.with(axis, dim - at - c.shape(part)[axis]!));
	};
	const fold = (part: string): string =>
		reflect ? flip(c, part, axis) : c.emit('ReduceSum', [part, numbers(c, [axis])], {keepdims: int(1)});
	const parts = [inside];
	if (before > 0) {
		// Reflection copied elements 1 … before; repetition element 0.
		parts.push(place(fold(cut(c, dy, axis, 0, before)), reflect ? 1 : 0));
	}
	if (after > 0) {
		const tail = fold(cut(c, dy, axis, before + dim, padded[axis]!));
		parts.push(place(tail, reflect ? dim - 1 - after : dim - 1));
	}
	return parts.reduce((total, part) => c.emit('Add', [total, part]));
}

export const slicing = {
	Concat: concat,
	Split: split,
	Slice: slice,
	Pad: padded,
} satisfies Record<string, GradientRule>;
