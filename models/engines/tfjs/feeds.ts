/** Checks what a caller feeds against what the graph declares. */
import {FplError} from '../../../core/errors.js';
import {describe, type Tensor} from '../../../core/tensor/tensor.js';
import type {Dim, Model} from '../../graph.js';
import type {Sizes} from '../../specialise.js';

const dimsText = (dims: readonly Dim[] | undefined) => (dims === undefined ? '' : `[${dims.join(', ')}]`);

/** Whether a shape is what the dimensions allow; lengths of symbolic ones are noted in `sizes` and must stay equal. */
function fits(dims: readonly Dim[] | undefined, shape: readonly number[], sizes: Record<string, number>): boolean {
	return (
		dims === undefined ||
		(dims.length === shape.length &&
			dims.every((dim, axis) => {
				const length = shape[axis]!;
				if (typeof dim === 'number') {
					return dim === length;
				}
				sizes[dim] ??= length;
				return sizes[dim] === length;
			}))
	);
}

/**
 * The lengths of the symbolic dimensions. Equal names must have equal lengths, over all inputs.
 * @throws FplError `DATA_SHAPE` when an input is missing, empty, or of another type or shape than the model declares.
 */
export function sizesOf(model: Model, inputs: Readonly<Record<string, Tensor>>): Sizes {
	const sizes: Record<string, number> = {};
	for (const {name, dtype, shape} of model.graph.inputs) {
		const given = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
		const ok = given !== undefined && given.dtype === dtype && given.data.length > 0 && fits(shape, given.shape, sizes);
		if (!ok) {
			throw new FplError('DATA_SHAPE', {
				where: `input «${name}» of «${model.name}»`,
				expected: `${dtype}${dimsText(shape)}`,
				got: given === undefined ? 'nothing' : describe(given),
			});
		}
	}
	return sizes;
}
