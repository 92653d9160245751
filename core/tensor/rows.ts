/** Tensors as lists of items along their first axis. */
import {FplError} from '../errors.js';
import {arrayTypes, describe, type Shape, sizeOf, type Tensor, type TypedArray, tensor} from './tensor.js';

const like = (one: Tensor, shape: Shape, data: TypedArray): Tensor => tensor(one.dtype, shape, data as never) as Tensor;

const itemShape = ({shape}: Tensor): Shape => shape.slice(1);

/** Items `start … start + count − 1`, as a view of the same memory. */
export function rowsIn(whole: Tensor, start: number, count: number): Tensor {
	const [items] = whole.shape;
	if (items === undefined || start < 0 || start + count > items) {
		throw new FplError('TENSOR_INVALID', {
			expected: `items ${start} to ${start + count - 1}`,
			got: describe(whole),
		});
	}
	if (start === 0 && count === items) {
		return whole;
	}
	const size = sizeOf(itemShape(whole));
	return like(whole, [count, ...itemShape(whole)], whole.data.subarray(start * size, (start + count) * size));
}

/** The items of all pieces, one after the other. @throws FplError `TENSOR_INVALID` when items differ in shape or dtype. */
export function stackRows(pieces: readonly [Tensor, ...Tensor[]]): Tensor {
	const [first, ...others] = pieces;
	if (others.length === 0) {
		return first;
	}
	const odd = others.find(
		other => other.dtype !== first.dtype || String(itemShape(other)) !== String(itemShape(first)),
	);
	if (odd) {
		throw new FplError('TENSOR_INVALID', {
			problem: 'tensors of different shape cannot be stacked',
			expected: `items like those of ${describe(first)}`,
			got: describe(odd),
		});
	}
	const items = pieces.reduce((sum, {shape}) => sum + shape[0]!, 0);
	const data = new arrayTypes[first.dtype](items * sizeOf(itemShape(first)));
	let offset = 0;
	for (const piece of pieces) {
		(data as Float32Array).set(piece.data as Float32Array, offset);
		offset += piece.data.length;
	}
	return like(first, [items, ...itemShape(first)], data);
}

/** Adds `b` to `a` in place. @throws FplError `TENSOR_INVALID` when their shapes differ. */
export function addInto(a: Tensor<'float32'>, b: Tensor<'float32'>): void {
	if (String(a.shape) !== String(b.shape)) {
		throw new FplError('TENSOR_INVALID', {expected: describe(a), got: describe(b)});
	}
	for (let index = 0; index < a.data.length; index++) {
		a.data[index]! += b.data[index]!;
	}
}
