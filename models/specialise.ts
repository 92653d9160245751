/**
 * A graph for one batch size: every symbolic dimension gets a number, every value a static shape, and what can be computed
 * in advance is. Gradient rules, cost and engines work on such graphs only.
 */
import {FplError} from '../core/errors.js';
import type {Dim, Graph, ValueInfo} from './graph.js';
import {whereIs} from './infer/context.js';
import {type Dims, isStatic, multiply, show} from './infer/dims.js';
import {prune} from './infer/fold/prune.js';
import {simplify} from './infer/fold/simplify.js';
import {type Analysis, analyse} from './infer.js';

/** Sizes by the name of a symbolic dimension, for instance `{N: 64}`. */
export type Sizes = Readonly<Record<string, number>>;

/** Replaces names by their sizes, in products (`16*N`) too. */
const sized = (dim: Dim, sizes: Sizes): Dim =>
	typeof dim === 'number'
		? dim
		: multiply(
				...dim.split('*').map(name => {
					const number = Number(name);
					return Object.hasOwn(sizes, name) ? sizes[name]! : Number.isSafeInteger(number) ? number : name;
				}),
			);

/**
 * The graph with numbers for its symbolic dimensions, otherwise as it was; inner types are forgotten.
 * @throws FplError `MODEL_SHAPE` when a dimension has no size.
 */
export function withSizes(graph: Graph, sizes: Sizes): Graph {
	for (const [name, size] of Object.entries(sizes)) {
		if (!Number.isSafeInteger(size) || size < 1) {
			throw new FplError('MODEL_SHAPE', {
				where: `dimension ${name} of «${graph.name}»`,
				expected: 'a whole number ≥ 1',
				got: `${size}`,
			});
		}
	}
	const inputs = graph.inputs.map((input): ValueInfo => {
		const shape: Dims | undefined = input.shape?.map(dim => sized(dim, sizes));
		if (!isStatic(shape)) {
			throw new FplError('MODEL_SHAPE', {
				where: `input «${input.name}» of «${graph.name}»`,
				problem: 'a dimension has no size',
				got: show(input.shape),
				fix: 'Give a size for every symbolic dimension',
			});
		}
		return {...input, shape};
	});
	return {...graph, inputs, values: new Map()};
}

function checkStatic(graph: Graph, types: Analysis['types']): void {
	for (const node of graph.nodes) {
		for (const name of node.outputs) {
			const info = types.get(name);
			if (info !== undefined && !isStatic(info.shape)) {
				throw new FplError('MODEL_SHAPE', {
					where: whereIs(node, graph.name),
					problem: `the shape of its output «${name}» depends on the data`,
					got: show(info.shape),
					fix: 'Export the model with fixed shapes apart from the batch',
				});
			}
		}
	}
}

/**
 * The graph for given sizes. Afterwards every value has a static shape, shapes and axes that operators take as inputs are
 * initializers, and dead, constant and idle nodes are gone. Nothing is derived from float initializers of rank ≥ 1, so
 * every trainable tensor stays where it was. Names of inputs, outputs and remaining values do not change.
 * @throws FplError `MODEL_SHAPE` when a dimension has no size or a shape depends on the data; otherwise as `infer`.
 */
export function specialise(graph: Graph, sizes: Sizes = {}): Graph {
	const concrete = withSizes(graph, sizes);
	const analysis = analyse(concrete);
	const result = prune(simplify(concrete, analysis));
	checkStatic(result, analysis.types);
	const values = new Map<string, ValueInfo>();
	for (const name of result.nodes.flatMap(({outputs}) => outputs)) {
		const info = analysis.types.get(name);
		if (info !== undefined) {
			values.set(name, info);
		}
	}
	const outputs = result.outputs.map(({name}) => outputType(result, analysis, name));
	return {...result, values, outputs};
}

function outputType(graph: Graph, {types}: Analysis, name: string): ValueInfo {
	const info = types.get(name);
	if (info === undefined) {
		throw new FplError('MODEL_INVALID', {where: `output «${name}» of «${graph.name}»`, problem: 'nothing makes it'});
	}
	return info;
}
