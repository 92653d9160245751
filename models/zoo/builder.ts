/**
 * Builds ONNX graphs a node at a time. A value knows its shape per item, so that layers read their channel counts from
 * what they are given; parameters and buffers are listed in the order of their first use.
 */
import {FplError} from '../../core/errors.js';
import {type Random, seededRandom} from '../../core/random.js';
import {type DType, type Shape, type Tensor, tensor} from '../../core/tensor/tensor.js';
import {type Attributes, type Graph, type Model, type Node, ownOpsets, type ValueInfo} from '../graph.js';

/** A value of the graph under construction. */
export interface Value {
	readonly name: string;
	/** Of one item: without the batch, which is the first dimension and symbolic. */
	readonly shape: Shape;
}

export interface NodeOptions {
	/** `''` by default; `'com.microsoft'` for contributed operators. */
	readonly domain?: string;
	/** Output names where the node has several, or another than `<name>.out`; `''` for one that is not wanted. */
	readonly outputs?: readonly string[];
}

/** Draws the elements of a parameter; `size` is their number. */
export type Initialise = (random: Random, size: number) => Float32Array;

export interface GraphBuilder {
	/** A graph input with a symbolic first dimension `N`. */
	input(name: string, dtype: DType, shape: Shape): Value;
	/** Adds a node and answers the name of its first output that is wanted. Inputs are value names, `''` where absent. */
	node(name: string, op: string, inputs: readonly string[], attributes?: Attributes, options?: NodeOptions): string;
	/** A float32 tensor that training changes. Its numbers depend on the seed and its name only. */
	parameter(name: string, shape: Shape, initialise: Initialise): string;
	/** A float32 tensor that a forward pass in training mode replaces. */
	buffer(name: string, shape: Shape, fill: number): string;
	/** A tensor that stays. */
	constant(name: string, value: Tensor): string;
	/** Ends the graph; the output is named `logits`. */
	finish(output: Value): Model;
}

/** @param seed decides all initial parameters. */
export function graphBuilder(modelName: string, seed: number): GraphBuilder {
	const random = seededRandom(seed);
	const nodes: Node[] = [];
	const inputs: ValueInfo[] = [];
	const initializers = new Map<string, Tensor>();
	const parameters: string[] = [];
	const buffers: string[] = [];
	const taken = new Set<string>();

	const claim = (name: string) => {
		if (taken.has(name)) {
			throw new FplError('MODEL_INVALID', {where: modelName, problem: `the name «${name}» is used twice`});
		}
		taken.add(name);
		return name;
	};
	const initializer = (name: string, value: Tensor) => {
		initializers.set(claim(name), value);
		return name;
	};

	return {
		input(name, dtype, shape) {
			inputs.push({name: claim(name), dtype, shape: ['N', ...shape]});
			return {name, shape};
		},
		node(name, op, nodeInputs, attributes = {}, {domain = '', outputs = [`${name}.out`]} = {}) {
			for (const output of outputs) {
				if (output !== '') {
					claim(output);
				}
			}
			nodes.push({name: claim(name), op, domain, inputs: nodeInputs, outputs, attributes});
			return outputs.find(output => output !== '')!;
		},
		parameter(name, shape, initialise) {
			const size = shape.reduce((product, dim) => product * dim, 1);
			parameters.push(initializer(name, tensor('float32', shape, initialise(random.fork(name), size))));
			return name;
		},
		buffer(name, shape, fill) {
			const size = shape.reduce((product, dim) => product * dim, 1);
			buffers.push(initializer(name, tensor('float32', shape, new Float32Array(size).fill(fill))));
			return name;
		},
		constant: initializer,
		finish(output) {
			const last = nodes.at(-1)!;
			const renamed = last.outputs.map(name => (name === output.name ? 'logits' : name));
			const graph: Graph = {
				name: modelName,
				nodes: [...nodes.slice(0, -1), {...last, outputs: renamed}],
				inputs,
				outputs: [{name: 'logits', dtype: 'float32', shape: ['N', ...output.shape]}],
				initializers,
				values: new Map(),
				opsets: nodes.some(node => node.domain !== '') ? ownOpsets : {'': ownOpsets['']},
			};
			return {name: modelName, graph, parameters, buffers, loss: 'softmax-cross-entropy'};
		},
	};
}
