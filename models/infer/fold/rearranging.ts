/** Compile-time evaluation of operators that only move elements: exact for every dtype, since no number is touched. */
import {arrayTypes, type DType, type Shape, sizeOf, type Tensor, toNumbers} from '../../../core/tensor/tensor.js';
import {sliceOf, slicesOf} from '../moving.js';
import {broadcastStrides, eachElement} from './arithmetic.js';
import type {Call, EvaluatorTable} from './call.js';

/** A tensor whose element at each coordinate is the source's element at `from(coordinates)`, or 0 where that is negative. */
function picked(
	{dtype, shape}: {readonly dtype: DType; readonly shape: Shape},
	source: Tensor,
	from: (coordinates: readonly number[]) => number,
): Tensor {
	const result = new arrayTypes[dtype](sizeOf(shape));
	eachElement(shape, (coordinates, flat) => {
		const at = from(coordinates);
		if (at >= 0) {
			result[flat] = source.data[at]!;
		}
	});
	return {dtype, shape, data: result} as Tensor;
}

const dot = (coordinates: readonly number[], strides: readonly number[], offset = 0): number =>
	coordinates.reduce((sum, coordinate, axis) => sum + coordinate * strides[axis]!, offset);

/** Row-major strides that count axes of size 1 too. */
function stridesOf(shape: Shape): number[] {
	const strides = new Array<number>(shape.length).fill(1);
	for (let axis = shape.length - 2; axis >= 0; axis--) {
		strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
	}
	return strides;
}

/** The same data under another shape. */
const reshaped = ({inputs: [input], outputs: [output]}: Call) => [{...input!, shape: output!.shape} as Tensor];

function transpose({context, inputs: [input], outputs: [output]}: Call) {
	const strides = stridesOf(input!.shape);
	const permutation = context.ints('perm') ?? [...strides.keys()].reverse();
	const moved = permutation.map(axis => strides[context.axis(axis, strides.length)]!);
	return [picked(output!, input!, coordinates => dot(coordinates, moved))];
}

function expand({inputs: [input], outputs: [output]}: Call) {
	const strides = broadcastStrides(input!.shape, output!.shape);
	return [picked(output!, input!, coordinates => dot(coordinates, strides))];
}

function tile({inputs: [input], outputs: [output]}: Call) {
	const {shape} = input!;
	const strides = stridesOf(shape);
	return [
		picked(output!, input!, coordinates =>
			dot(
				coordinates.map((at, axis) => at % shape[axis]!),
				strides,
			),
		),
	];
}

function slice({context, inputs: [input], outputs: [output]}: Call) {
	const {shape} = input!;
	const strides = stridesOf(shape);
	let offset = 0;
	const steps = [...strides];
	for (const {axis, start, end, step} of slicesOf(context, shape.length)) {
		offset += strides[axis]! * sliceOf(shape[axis]!, start, end, step).start;
		steps[axis] = strides[axis]! * step;
	}
	return [picked(output!, input!, coordinates => dot(coordinates, steps, offset))];
}

function split({context, inputs: [input], outputs}: Call) {
	const strides = stridesOf(input!.shape);
	const axis = context.axis(context.int('axis', 0), strides.length);
	let start = 0;
	return outputs.map(output => {
		const offset = start * strides[axis]!;
		start += output.shape[axis]!;
		return picked(output, input!, coordinates => dot(coordinates, strides, offset));
	});
}

function concat({context, inputs, outputs: [output]}: Call) {
	const {dtype, shape} = output!;
	const axis = context.axis(context.int('axis', 0), shape.length);
	const result = new arrayTypes[dtype](sizeOf(shape));
	const strides = stridesOf(shape);
	let start = 0;
	for (const input of inputs) {
		const offset = start * strides[axis]!;
		eachElement(input!.shape, (coordinates, flat) => {
			result[dot(coordinates, strides, offset)] = input!.data[flat]!;
		});
		start += input!.shape[axis]!;
	}
	return [{dtype, shape, data: result} as Tensor];
}

function gather({context, inputs: [data, indices], outputs: [output]}: Call) {
	const {shape} = data!;
	const axis = context.axis(context.int('axis', 0), shape.length);
	const size = shape[axis]!;
	const rows = toNumbers(indices!).map(row => (row < 0 ? row + size : row));
	if (rows.some(row => row < 0 || row >= size)) {
		context.fail({problem: 'an index is out of range', expected: `-${size} … ${size - 1}`});
	}
	const strides = stridesOf(shape);
	const rowStrides = stridesOf(indices!.shape);
	const width = rowStrides.length;
	return [
		picked(output!, data!, coordinates => {
			const row = rows[dot(coordinates.slice(axis, axis + width), rowStrides)]!;
			return dot([...coordinates.slice(0, axis), row, ...coordinates.slice(axis + width)], strides);
		}),
	];
}

function trilu({context, inputs: [input, k], outputs: [output]}: Call) {
	const upper = context.int('upper', 1) !== 0;
	const shift = k === undefined ? 0 : toNumbers(k)[0]!;
	const strides = stridesOf(input!.shape);
	return [
		picked(output!, input!, coordinates => {
			const distance = coordinates.at(-1)! - coordinates.at(-2)! - shift;
			return (upper ? distance >= 0 : distance <= 0) ? dot(coordinates, strides) : -1;
		}),
	];
}

export const rearranging: EvaluatorTable = {
	Identity: reshaped,
	Reshape: reshaped,
	Flatten: reshaped,
	Squeeze: reshaped,
	Unsqueeze: reshaped,
	Transpose: transpose,
	Expand: expand,
	Tile: tile,
	Slice: slice,
	Split: split,
	Concat: concat,
	Gather: gather,
	Trilu: trilu,
};
