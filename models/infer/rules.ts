/** Shape rules that many operators share. */
import type {Dim} from '../graph.js';
import type {InferContext} from './context.js';
import {broadcast, type Dims, show, unify, unknownDim} from './dims.js';
import type {ShapeRule} from './signature.js';

/** Every output is shaped like the first input. */
export const same: ShapeRule = context => context.node.outputs.map(() => context.shape(0));

/** Numpy's broadcasting over all inputs. */
export const broadcasting: ShapeRule = context => [broadcastInputs(context)];

export function broadcastInputs(context: InferContext): Dims {
	const present = [...context.node.inputs.keys()].filter(index => context.has(index));
	const shapes = present.map(index => context.shape(index));
	const result = broadcast(...shapes);
	if (result === undefined) {
		context.fail({problem: 'the inputs cannot be broadcast together', got: shapes.map(show).join(' and ')});
	}
	return result;
}

/** Output 0 is shaped like input 0, which every other input must fit without stretching it. */
export const unidirectional: ShapeRule = context => {
	const shape = context.shape(0);
	const result = broadcastInputs(context);
	if (result.length !== shape.length || result.some((dim, axis) => unify(dim, shape[axis]!) === undefined)) {
		context.fail({problem: 'an input does not fit the first one', expected: show(shape), got: show(result)});
	}
	return [shape];
};

/** Two views of one dimension must agree; answers what is known of it. */
export function agree(context: InferContext, what: string, a: Dim, b: Dim): Dim {
	const dim = unify(a, b);
	if (dim === undefined) {
		context.fail({problem: `${what} does not fit`, expected: `${a}`, got: `${b}`});
	}
	return dim;
}

/** `dims` with the given axis replaced. */
export const replaced = (dims: Dims, axis: number, dim: Dim): Dims => dims.with(axis, dim);

/** A dimension from a computed number; what is no whole number ≥ 0 is an error in the model. */
export function checkedDim(context: InferContext, what: string, value: number): number {
	if (!Number.isSafeInteger(value) || value < 0) {
		context.fail({problem: `${what} would be no whole number ≥ 0`, got: `${value}`});
	}
	return value;
}

export const unknowns = (rank: number): Dims => new Array<Dim>(rank).fill(unknownDim);
