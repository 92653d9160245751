/** Flat vectors: all parameters (or all buffers) of a model in one Float32Array, the form in which they travel. */
import {FplError} from '../core/errors.js';
import {sizeOf, type Tensor, tensor} from '../core/tensor/tensor.js';
import type {Graph, Layout, LayoutEntry, Model} from './graph.js';

/** @throws FplError `MODEL_INVALID` when a name is no float32 initializer of the graph. */
export function layoutOf(graph: Graph, names: readonly string[]): Layout {
	const entries: LayoutEntry[] = [];
	let offset = 0;
	for (const name of names) {
		const initializer = graph.initializers.get(name);
		if (initializer?.dtype !== 'float32') {
			throw new FplError('MODEL_INVALID', {
				where: `${graph.name}, initializer «${name}»`,
				expected: 'a float32 initializer',
				got: initializer?.dtype ?? 'none',
			});
		}
		const length = sizeOf(initializer.shape);
		entries.push({name, shape: initializer.shape, offset, length});
		offset += length;
	}
	return {entries, length: offset};
}

/** Copies the named initializers into one flat vector. */
export function flatten(graph: Graph, layout: Layout): Float32Array {
	const flat = new Float32Array(layout.length);
	for (const {name, offset} of layout.entries) {
		flat.set((graph.initializers.get(name) as Tensor<'float32'>).data, offset);
	}
	return flat;
}

/** The entry's tensor as a view into the flat vector; writing to one changes the other. */
export const viewOf = (flat: Float32Array, entry: LayoutEntry): Tensor<'float32'> =>
	tensor('float32', entry.shape, flat.subarray(entry.offset, entry.offset + entry.length));

/** The model with its parameters and buffers replaced by the contents of flat vectors (copied). */
export function withWeights(model: Model, parameters: Float32Array, buffers: Float32Array): Model {
	const initializers = new Map(model.graph.initializers);
	const put = (layout: Layout, flat: Float32Array) => {
		if (flat.length !== layout.length) {
			throw new FplError('MODEL_SHAPE', {
				where: `weights of «${model.name}»`,
				expected: `${layout.length} elements`,
				got: `${flat.length}`,
			});
		}
		for (const entry of layout.entries) {
			const view = viewOf(flat, entry);
			initializers.set(entry.name, tensor('float32', entry.shape, view.data.slice()));
		}
	};
	put(layoutOf(model.graph, model.parameters), parameters);
	put(layoutOf(model.graph, model.buffers), buffers);
	return {...model, graph: {...model.graph, initializers}};
}
