/** Replaces what is known by initializers, and bridges what does nothing. */
import {type Tensor, toNumbers} from '../../../core/tensor/tensor.js';
import type {Graph, Node} from '../../graph.js';
import type {Analysis} from '../../infer.js';
import {type Facts, isNoop} from './noops.js';

/** Optional inputs that mean zero when they are absent: initial states of recurrent layers, biases. */
const zeroByDefault: Readonly<Record<string, readonly number[]>> = {
	LSTM: [3, 5, 6],
	GRU: [3, 5],
	RNN: [3, 5],
	Conv: [2],
	ConvTranspose: [2],
	Gemm: [2],
};

/** Exporters write out zero states and biases; without them there is less to compute and to differentiate. */
function withoutZeros(node: Node, known: Analysis['known']): Node {
	const slots = node.domain === '' && Object.hasOwn(zeroByDefault, node.op) ? zeroByDefault[node.op]! : [];
	if (slots.length === 0) {
		return node;
	}
	const inputs = node.inputs.map((name, index) => {
		const tensor = slots.includes(index) ? known.get(name) : undefined;
		return tensor !== undefined && toNumbers(tensor).every(value => value === 0) ? '' : name;
	});
	while (inputs.at(-1) === '') {
		inputs.pop();
	}
	return {...node, inputs};
}

/**
 * The graph with known values as initializers and idle nodes bridged. Works on symbolic shapes too, as far as they tell.
 * Types of values and outputs are left as they are.
 */
export function simplify(graph: Graph, {types, known}: Analysis): Graph {
	const alias = new Map<string, string>();
	const resolve = (name: string) => alias.get(name) ?? name;
	const facts: Facts = {
		shape: name => types.get(name)?.shape,
		dtype: name => types.get(name)?.dtype ?? '',
		known: name => known.get(name),
	};
	const initializers = new Map<string, Tensor>(graph.initializers);
	const outputs = new Set(graph.outputs.map(({name}) => name));
	const nodes: Node[] = [];
	for (const original of graph.nodes) {
		const results = original.outputs.map(name => (name === '' ? undefined : known.get(name)));
		if (results.every((result, index) => result !== undefined || original.outputs[index] === '')) {
			for (const [index, result] of results.entries()) {
				if (result !== undefined) {
					initializers.set(original.outputs[index]!, result);
				}
			}
			continue;
		}
		const node = withoutZeros({...original, inputs: original.inputs.map(resolve)}, known);
		const [output = ''] = node.outputs;
		if (!outputs.has(output) && isNoop(node, facts)) {
			alias.set(output, node.inputs[0]!);
		} else {
			nodes.push(node);
		}
	}
	return {...graph, nodes, initializers};
}
