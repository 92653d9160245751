/** Whether data fit a model, said before the runtime says it in its own words. */
import {FplError} from '../../../core/errors.js';
import {type DType, describe, type Shape, sizeOf, type Tensor} from '../../../core/tensor/tensor.js';
import type {Dim} from '../../graph.js';

export interface Expected {
	readonly name: string;
	readonly dtype: DType;
	/** Names stand for any length; undefined for any shape. */
	readonly shape: readonly Dim[] | undefined;
}

const fits = (expected: readonly Dim[], shape: Shape): boolean =>
	expected.length === shape.length && expected.every((dim, axis) => typeof dim === 'string' || dim === shape[axis]);

/** @throws FplError `DATA_SHAPE` when the tensor is missing, of another type or shape, or lacks elements. */
export function checkInput(model: string, {name, dtype, shape}: Expected, given: Tensor | undefined): Tensor {
	const wanted = `${dtype}[${shape?.join(', ') ?? '…'}]`;
	if (
		given === undefined ||
		given.dtype !== dtype ||
		(shape !== undefined && !fits(shape, given.shape)) ||
		given.data.length !== sizeOf(given.shape)
	) {
		throw new FplError('DATA_SHAPE', {
			where: `«${name}» of «${model}»`,
			expected: wanted,
			got: given === undefined ? 'nothing' : `${describe(given)} with ${given.data.length} elements`,
		});
	}
	return given;
}

/** @throws FplError `DATA_SHAPE` for a class number outside 0 … classes − 1. */
export function checkClasses(model: string, {data}: Tensor, classes: number | undefined): void {
	if (classes === undefined) {
		return;
	}
	for (const value of data as BigInt64Array) {
		if (value < 0n || value >= classes) {
			throw new FplError('DATA_SHAPE', {
				where: `targets of «${model}»`,
				expected: `class numbers from 0 to ${classes - 1}`,
				got: `${value}`,
			});
		}
	}
}

/**
 * Remembers which length each name in a shape stood for.
 * @throws FplError `DATA_SHAPE` when inputs disagree about it.
 */
export function checkSymbols(model: string, {name, shape}: Expected, given: Shape, lengths: Map<string, number>): void {
	for (const [axis, dim] of (shape ?? []).entries()) {
		if (typeof dim === 'string') {
			const length = lengths.get(dim) ?? given[axis]!;
			if (length !== given[axis]) {
				throw new FplError('DATA_SHAPE', {
					where: `«${name}» of «${model}», axis ${axis}`,
					expected: `${length}, which is ${dim} in another input`,
					got: `${given[axis]}`,
				});
			}
			lengths.set(dim, length);
		}
	}
}
