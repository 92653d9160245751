/** Dropout masks, which are inputs of programs: the same numbers on every engine, every machine and every split of a batch. */
import {FplError} from '../../core/errors.js';
import {hashString} from '../../core/random.js';
import {type Shape, sizeOf, type Tensor, tensor} from '../../core/tensor/tensor.js';

export interface DropoutMaskOptions {
	/** Of the run. */
	readonly seed: number;
	/** Number of the optimiser update that the mask is for, from 1 (`TrainerState.updates + 1`). */
	readonly update: number;
	/** Name of the Dropout node in the model. */
	readonly node: string;
	/** Share of elements that are dropped, [0, 1). */
	readonly ratio: number;
	readonly shape: Shape;
	/**
	 * Where this mask begins in the mask of the whole batch, in elements: a replica whose share begins at item i of the
	 * batch passes i × elements per item, and gets the rows that a single machine would have had there. 0 by default.
	 */
	readonly offset?: number;
}

/** murmur3's finalizer: every bit of the input reaches every bit of the output (Appleby 2011). */
function mixed(word: number): number {
	let z = word ^ (word >>> 16);
	z = Math.imul(z, 0x85ebca6b);
	z ^= z >>> 13;
	z = Math.imul(z, 0xc2b2ae35);
	return (z ^ (z >>> 16)) >>> 0;
}

/**
 * 0 where an element is dropped, 1/(1 − ratio) where it stays. Element i depends on (seed, update, node, i) only.
 * @throws FplError `MODEL_INVALID` for a ratio outside [0, 1).
 */
export function dropoutMask({seed, update, node, ratio, shape, offset = 0}: DropoutMaskOptions): Tensor<'float32'> {
	if (!(ratio >= 0 && ratio < 1)) {
		throw new FplError('MODEL_INVALID', {where: `dropout «${node}»`, expected: 'a ratio in [0, 1)', got: `${ratio}`});
	}
	const keep = 1 / (1 - ratio);
	const dropBelow = ratio * 2 ** 32;
	const key = mixed(mixed(mixed(seed | 0) ^ update) ^ hashString(node));
	const mask = new Float32Array(sizeOf(shape));
	for (let index = 0; index < mask.length; index++) {
		// Weyl sequence in, hash out: a counter-based generator, so any part of the mask can be made by itself.
		mask[index] = mixed(key + Math.imul(index + offset, 0x9e3779b9)) < dropBelow ? 0 : keep;
	}
	return tensor('float32', shape, mask);
}

export interface DropoutPartOptions extends Omit<DropoutMaskOptions, 'offset'> {
	/** The axis of `shape` along which items lie, outermost where an axis counts more than items (`N*16`). */
	readonly axis: number;
	/** Items in this part, of `total`, `offset` of them before it. */
	readonly items: number;
	readonly offset: number;
	readonly total: number;
}

/**
 * The part of the whole batch's mask that belongs to some of its items.
 * @param options.shape that of the part.
 */
export function dropoutPart({axis, items, offset, total, ...options}: DropoutPartOptions): Tensor<'float32'> {
	const {shape} = options;
	const outer = sizeOf(shape.slice(0, axis));
	const perItem = sizeOf(shape.slice(axis)) / items;
	if (outer === 1) {
		return dropoutMask({...options, offset: offset * perItem});
	}
	const mask = new Float32Array(sizeOf(shape));
	for (let row = 0; row < outer; row++) {
		const part = dropoutMask({...options, shape: [items * perItem], offset: (row * total + offset) * perItem});
		mask.set(part.data, row * items * perItem);
	}
	return tensor('float32', shape, mask);
}
