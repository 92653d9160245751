/** Datasets whose items lie in memory, in their stored type; batches are normalised while they are gathered. */
import {FplError} from '../../core/errors.js';
import {type Shape, sizeOf, type Tensor, tensor} from '../../core/tensor/tensor.js';
import type {Batch} from '../engines/engine.js';
import type {Dataset, Features, Target} from './dataset.js';
import type {Normalisation} from './normalise.js';

/** One input of the model for all items, one after the other. */
export type Column =
	| {
			readonly name: string;
			/** Of one item; the first dimension counts channels where it is normalised. */
			readonly shape: Shape;
			readonly data: Uint8Array | Float32Array;
			/** Undefined: numbers are taken as they are. */
			readonly normalisation?: Normalisation;
	  }
	| {readonly name: string; readonly shape: Shape; readonly data: BigInt64Array};

export type Truth =
	| {readonly kind: 'classes'; readonly classes: number; readonly labels: Int32Array}
	/** `data` holds the values of all items, one after the other. */
	| {readonly kind: 'values'; readonly shape: Shape; readonly data: Float32Array};

interface Gather {
	readonly features: Features;
	readonly gather: (indices: ArrayLike<number>) => Tensor;
}

function gatherInts(name: string, shape: Shape, data: BigInt64Array): Gather {
	const size = sizeOf(shape);
	return {
		features: {name, dtype: 'int64', shape},
		gather(indices) {
			const out = new BigInt64Array(indices.length * size);
			for (let row = 0; row < indices.length; row++) {
				out.set(data.subarray(indices[row]! * size, (indices[row]! + 1) * size), row * size);
			}
			return tensor('int64', [indices.length, ...shape], out);
		},
	};
}

function gatherFloats(name: string, shape: Shape, data: Float32Array, constants: Normalisation | undefined): Gather {
	const size = sizeOf(shape);
	const plane = constants === undefined ? size : size / constants.mean.length;
	return {
		features: {name, dtype: 'float32', shape},
		gather(indices) {
			const out = new Float32Array(indices.length * size);
			for (let row = 0; row < indices.length; row++) {
				const start = indices[row]! * size;
				out.set(data.subarray(start, start + size), row * size);
			}
			if (constants !== undefined) {
				for (let start = 0, channel = 0; start < out.length; start += plane) {
					const [mean, factor] = [constants.mean[channel]!, 1 / constants.deviation[channel]!];
					for (let index = start; index < start + plane; index++) {
						out[index] = (out[index]! - mean) * factor;
					}
					channel = (channel + 1) % constants.mean.length;
				}
			}
			return tensor('float32', [indices.length, ...shape], out);
		},
	};
}

/** A byte has 256 values, so that normalising is a table look-up per channel. */
function gatherBytes(name: string, shape: Shape, data: Uint8Array, constants: Normalisation | undefined): Gather {
	const size = sizeOf(shape);
	const {mean, deviation} = constants ?? {mean: [0], deviation: [1]};
	const tables = mean.map((centre, channel) =>
		Float32Array.from({length: 256}, (_, value) => (value - centre) / deviation[channel]!),
	);
	const plane = size / tables.length;
	return {
		features: {name, dtype: 'float32', shape},
		gather(indices) {
			const out = new Float32Array(indices.length * size);
			let target = 0;
			for (let row = 0; row < indices.length; row++) {
				let source = indices[row]! * size;
				for (const table of tables) {
					for (const end = source + plane; source < end; source++) {
						out[target++] = table[data[source]!]!;
					}
				}
			}
			return tensor('float32', [indices.length, ...shape], out);
		},
	};
}

function gatherOf(column: Column): Gather {
	const {name, shape, data} = column;
	if (data instanceof BigInt64Array) {
		return gatherInts(name, shape, data);
	}
	const constants = 'normalisation' in column ? column.normalisation : undefined;
	return data instanceof Uint8Array
		? gatherBytes(name, shape, data, constants)
		: gatherFloats(name, shape, data, constants);
}

function gatherTargets(truth: Truth, indices: ArrayLike<number>): Tensor {
	if (truth.kind === 'classes') {
		const out = new BigInt64Array(indices.length);
		for (let row = 0; row < indices.length; row++) {
			out[row] = BigInt(truth.labels[indices[row]!]!);
		}
		return tensor('int64', [indices.length], out);
	}
	return gatherFloats('targets', truth.shape, truth.data, undefined).gather(indices);
}

/** @throws FplError `DATA_SHAPE` when an index is not one of 0 … items − 1. */
export function checkIndices(name: string, items: number, indices: ArrayLike<number>): void {
	for (let row = 0; row < indices.length; row++) {
		const index = indices[row]!;
		if (!(Number.isInteger(index) && index >= 0 && index < items)) {
			throw new FplError('DATA_SHAPE', {
				where: `dataset «${name}»`,
				expected: `item numbers from 0 to ${items - 1}`,
				got: String(index),
			});
		}
	}
}

/**
 * A dataset over arrays in memory.
 * @throws FplError `DATA_SHAPE` when columns or targets have different numbers of items, or a label is no class.
 */
export function memoryDataset(name: string, columns: readonly Column[], truth: Truth): Dataset {
	const items = truth.kind === 'classes' ? truth.labels.length : truth.data.length / sizeOf(truth.shape);
	for (const column of columns) {
		const count = column.data.length / sizeOf(column.shape);
		if (count !== items) {
			throw new FplError('DATA_SHAPE', {
				where: `dataset «${name}», features «${column.name}»`,
				expected: `as many items as targets (${items})`,
				got: `${count}`,
			});
		}
	}
	if (truth.kind === 'classes') {
		const item = truth.labels.findIndex(label => label < 0 || label >= truth.classes);
		if (item >= 0) {
			throw new FplError('DATA_SHAPE', {
				where: `dataset «${name}», label of item ${item}`,
				expected: `a class from 0 to ${truth.classes - 1}`,
				got: `${truth.labels[item]}`,
			});
		}
	}
	const gathers = columns.map(gatherOf);
	const target: Target =
		truth.kind === 'classes' ? {kind: 'classes', classes: truth.classes} : {kind: 'values', shape: truth.shape};
	return {
		name,
		items,
		features: gathers.map(({features}) => features),
		target,
		labels: truth.kind === 'classes' ? truth.labels : undefined,
		batch(indices): Batch {
			checkIndices(name, items, indices);
			return {
				inputs: Object.fromEntries(gathers.map(({features, gather}) => [features.name, gather(indices)])),
				targets: gatherTargets(truth, indices),
			};
		},
	};
}
