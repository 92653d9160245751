/**
 * Makes operands of elementwise operators easy to broadcast. ONNX Runtime walks over runs of elements that need no
 * broadcasting; where trailing axes have length 1 the runs are short, and the walk costs more than the arithmetic:
 * - [96, 96, 1, 1] with a scalar of rank 0 takes 90 µs, with one of shape [1, 1, 1, 1] 1.3 µs: scalars get the rank of their
 *   partner;
 * - [128, 960, 2, 2] with [960, 1, 1] takes 1200 µs, with [960, 2, 2] 80 µs: a few trailing elements are repeated beforehand.
 * (Measured on one thread.)
 */
import {sizeOf, tensor} from '../../core/tensor/tensor.js';
import {Emitter} from '../autodiff/emitter.js';
import {expand, reshape} from '../gradients/ops.js';
import type {Graph, Node} from '../graph.js';

const broadcasting = new Set(['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Min', 'Max', 'Equal', 'Greater', 'Less', 'Where']);

/** Runs of more elements than this are long enough: repeating costs more than it saves. */
const longestRepeat = 64;

export function easyBroadcasts(graph: Graph): Graph {
	const emitter = new Emitter(graph.name, graph.opsets).include(graph, {nodes: false}).within('fpl/broadcast/');
	for (const node of graph.nodes) {
		emitter.add(
			node.domain === '' && broadcasting.has(node.op)
				? {...node, inputs: node.inputs.map(input => adapted(emitter, input, node))}
				: node,
		);
	}
	return emitter.finish(
		graph.inputs.map(({name}) => name),
		graph.outputs.map(({name}) => name),
	);
}

/** The operand in a form that broadcasts fast to the others of its node. */
function adapted(emitter: Emitter, input: string, {inputs}: Node): string {
	const shapes = inputs.map(name => emitter.shape(name));
	const shape = emitter.shape(input);
	const rank = Math.max(...shapes.map(({length}) => length));
	if (sizeOf(shape) === 1) {
		const hard = shapes.some(other => other.at(-1) === 1 && sizeOf(other) > 1);
		return hard && shape.length < rank ? reranked(emitter, input, rank) : input;
	}
	const trailing = shape.length - shape.findLastIndex(dim => dim !== 1) - 1;
	const tail = Array.from({length: trailing}, (_, index) =>
		Math.max(...shapes.map(other => other.at(index - trailing) ?? 1)),
	);
	const repeats = sizeOf(tail);
	const pays = repeats > 1 && repeats <= longestRepeat && emitter.dtype(input) === 'float32';
	return pays ? expand(emitter, input, [...shape.slice(0, shape.length - trailing), ...tail]) : input;
}

function reranked(emitter: Emitter, input: string, rank: number): string {
	const ones = new Array<number>(rank).fill(1);
	const known = emitter.known(input);
	return known === undefined
		? reshape(emitter, input, ones)
		: emitter.constant(tensor(known.dtype, ones, known.data as never));
}
