/** Data as a random-access collection of items; batches are gathered by index, so that shuffling costs nothing. */
import type {Shape} from '../../core/tensor/tensor.js';
import type {Batch} from '../engines/engine.js';

export interface Features {
	/** Name that the model's graph input of the same role is fed with; models with one input take the only one. */
	readonly name: string;
	readonly dtype: 'float32' | 'int64';
	/** Of one item, without the batch. */
	readonly shape: Shape;
}

export type Target =
	| {readonly kind: 'classes'; readonly classes: number}
	| {readonly kind: 'values'; readonly shape: Shape};

export interface Dataset {
	readonly name: string;
	/** Number of items. */
	readonly items: number;
	readonly features: readonly Features[];
	readonly target: Target;
	/** The class of each item, for partitioning; undefined for `values` targets. */
	readonly labels: Int32Array | undefined;
	/** Gathers the items at these indices into freshly allocated tensors. */
	batch(indices: ArrayLike<number>): Batch;
}

export interface Split {
	readonly train: Dataset;
	readonly test: Dataset;
}
