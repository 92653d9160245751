/** Parts of a dataset, and its batches in order. */
import {FplError} from '../../core/errors.js';
import type {Dataset} from './dataset.js';
import {itemOrder} from './draw.js';
import {checkIndices} from './memory.js';

/**
 * The items at these indices, renumbered from 0. An index may occur more than once.
 * @throws FplError `DATA_SHAPE` when an index is out of range.
 */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
	checkIndices(dataset.name, dataset.items, indices);
	const chosen = Uint32Array.from(indices);
	const labels = dataset.labels;
	return {
		...dataset,
		items: chosen.length,
		labels: labels === undefined ? undefined : Int32Array.from(chosen, index => labels[index]!),
		batch(wanted) {
			checkIndices(dataset.name, chosen.length, wanted);
			return dataset.batch(Uint32Array.from({length: wanted.length}, (_, row) => chosen[wanted[row]!]!));
		},
	};
}

/** The first items, at most `count`. */
export const take = (dataset: Dataset, count: number): Dataset =>
	count >= dataset.items
		? dataset
		: subset(
				dataset,
				Uint32Array.from({length: count}, (_, index) => index),
			);

export interface BatchOptions {
	/** Leaves out a last batch that is smaller than the others. Default: it is kept. */
	readonly dropLast?: boolean;
}

function checkBatch(batch: number): void {
	if (!Number.isInteger(batch) || batch < 1) {
		throw new FplError('CONFIG_VALUE', {where: 'batch size', expected: 'a whole number ≥ 1', got: String(batch)});
	}
}

function* slices(items: number, batch: number, dropLast: boolean): Generator<readonly [start: number, end: number]> {
	for (let start = 0; start < items; start += batch) {
		const end = Math.min(start + batch, items);
		if (end - start === batch || !dropLast) {
			yield [start, end];
		}
	}
}

/** Item numbers of one epoch in random order, batch by batch: the same for the same (items, seed, epoch). */
export function* batches(
	items: number,
	batch: number,
	seed: number,
	epoch: number,
	{dropLast = false}: BatchOptions = {},
): Generator<Uint32Array> {
	checkBatch(batch);
	if (items > 0) {
		const order = itemOrder(items, seed, 0);
		for (const [start, end] of slices(items, batch, dropLast)) {
			yield order(epoch * items + start, end - start);
		}
	}
}

/** Item numbers in their own order, batch by batch, for evaluation. */
export function* inOrder(items: number, batch: number): Generator<Uint32Array> {
	checkBatch(batch);
	for (const [start, end] of slices(items, batch, false)) {
		yield Uint32Array.from({length: end - start}, (_, index) => start + index);
	}
}
