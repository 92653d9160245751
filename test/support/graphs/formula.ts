/** The numbers of `test/fixtures/zoo/make.py`, made once more: weights, inputs and targets by formula. */
import {hashString} from '../../../core/random.js';
import {type Shape, sizeOf, type Tensor, tensor} from '../../../core/tensor/tensor.js';
import type {Batch} from '../../../models/engines/engine.js';
import type {Model} from '../../../models/graph.js';

/** `count` numbers in [−1, 1): a hash of the name and the position (the finaliser of MurmurHash3). */
export function uniform(name: string, count: number): Float64Array {
	const seed = hashString(name);
	return Float64Array.from({length: count}, (_, index) => {
		let x = (Math.imul(index, 0x9e3779b9) + seed) >>> 0;
		x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
		x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
		return ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
	});
}

const mixed = /(^|\.)bn1\.|conv\.1\.1\.|features\.18\.1\./u;
const alive = /bn[23]\.|downsample\.1\.|conv\.0\.1\.|features\.0\.1\./u;
const linear = /conv\.[23]\./u;

/** Scale or shift of a norm; see there. */
function norm(name: string): (u: number) => number {
	const scale = name.endsWith('weight');
	if (mixed.test(name)) {
		return scale ? u => 0.5 + 0.1 * u : u => (u < 0 ? 1.2 : -1.2) + 0.1 * u;
	}
	if (alive.test(name)) {
		return scale ? u => 0.4 + 0.1 * u : u => 1 + 0.1 * u;
	}
	if (linear.test(name)) {
		return scale ? u => 0.3 + 0.1 * u : u => 0.1 * u;
	}
	return scale ? u => 1 + 0.2 * u : u => 0.1 * u;
}

/** A weight or running statistic of the zoo. */
export function fill(salt: string, name: string, shape: Shape): Tensor<'float32'> {
	const u = uniform(`${salt}:${name}`, sizeOf(shape));
	const as = (f: (value: number) => number) => tensor('float32', shape, Float32Array.from(u, f));
	if (name.endsWith('running_var')) {
		return as(value => 1 + 0.5 * value);
	}
	if (shape.length === 1) {
		return as(norm(name));
	}
	if (name.startsWith('gru.')) {
		const bound = name === 'gru.B' ? 0.1 : 1 / Math.sqrt(shape.at(-1)!);
		return as(value => value * bound);
	}
	return as(value => value * Math.sqrt(3 / sizeOf(shape.slice(1))));
}

/** The model with all parameters and buffers by formula. */
export function filled(model: Model, salt = ''): Model {
	const initializers = new Map(model.graph.initializers);
	for (const name of [...model.parameters, ...model.buffers]) {
		initializers.set(name, fill(salt, name, initializers.get(name)!.shape));
	}
	return {...model, graph: {...model.graph, initializers}};
}

/** Where a tensor of this size is sampled. */
export const positions = (name: string, size: number, count: number): number[] =>
	Array.from(uniform(`at ${name}`, count), u => Math.min(size - 1, Math.floor(((u + 1) / 2) * size)));

/** One of `count` values, evenly. */
const pick = (u: number, count: number) => BigInt(Math.floor(((u + 1) / 2) * count));

/** Shape of the model's only input for so many items. */
const inputShape = ({graph}: Model, items: number): Shape => [
	items,
	...graph.inputs[0]!.shape!.slice(1).map(dim => Number(dim)),
];

export interface FormulaOptions {
	readonly salt?: string;
	readonly items: number;
	readonly classes: number;
	/** For token inputs. */
	readonly vocabulary?: number;
}

/** A batch for a classifier with one input. */
export function batchOf(model: Model, {salt = '', items, classes, vocabulary = 2}: FormulaOptions): Batch {
	const [{name, dtype}] = model.graph.inputs as [(typeof model.graph.inputs)[number]];
	const shape = inputShape(model, items);
	const u = uniform(`${salt}:input`, sizeOf(shape));
	const input =
		dtype === 'int64'
			? tensor(
					'int64',
					shape,
					BigInt64Array.from({length: u.length}, (_, index) => pick(u[index]!, vocabulary)),
				)
			: tensor(
					'float32',
					shape,
					Float32Array.from(u, value => 1.7 * value),
				);
	const t = uniform(`${salt}:target`, items);
	const targets = tensor(
		'int64',
		[items],
		BigInt64Array.from({length: items}, (_, index) => pick(t[index]!, classes)),
	);
	return {inputs: {[name]: input}, targets};
}

/** Targets in [0, 1) for mse and bce. */
export const valuesOf = (shape: Shape, salt = ''): Tensor<'float32'> =>
	tensor(
		'float32',
		shape,
		Float32Array.from(uniform(`${salt}:values`, sizeOf(shape)), u => (u + 1) / 2),
	);
