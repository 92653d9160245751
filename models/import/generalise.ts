/**
 * Removes shape arithmetic on the batch. An export computes the target of a reshape from the shape of something else,
 * often of an input far away; such a chain ties the end of the graph to its beginning, where a cut must have one crossing
 * tensor. With the graph specialised to two batch sizes it shows what depends on the batch: a target in which one number
 * does is the same as that number being −1.
 */
import {int64, type Tensor, toNumbers} from '../../core/tensor/tensor.js';
import type {Graph, Node} from '../graph.js';
import {specialise} from '../specialise.js';

/** Batch sizes that no other dimension is likely to be a multiple of. */
const probes = [61, 67] as const;

const equal = (a: Tensor, b: Tensor): boolean =>
	a.dtype === b.dtype &&
	a.shape.length === b.shape.length &&
	a.shape.every((dim, axis) => dim === b.shape[axis]) &&
	a.data.every((value, index) => Object.is(value, b.data[index]));

/** A target that serves any batch, or undefined where there is none. */
function commonTarget(node: Node, a: Tensor, b: Tensor): Tensor | undefined {
	const [one, two] = [toNumbers(a), toNumbers(b)];
	const varying = [...one.keys()].filter(index => one[index] !== two[index]);
	const [at] = varying;
	if (
		node.op !== 'Reshape' ||
		at === undefined ||
		varying.length !== 1 ||
		one.includes(-1) ||
		one.length !== two.length
	) {
		return undefined;
	}
	return int64([one.length], one.with(at, -1));
}

/** The same, when every reader of the tensor takes it as its target. */
function sharedTarget(nodes: readonly Node[], name: string, a: Tensor, b: Tensor): Tensor | undefined {
	const readers = nodes.filter(({inputs}) => inputs.includes(name));
	const asTarget = readers.every(({inputs}) => inputs[1] === name && inputs[0] !== name);
	const targets = readers.map(node => commonTarget(node, a, b));
	return asTarget && targets.every(target => target !== undefined) ? targets[0] : undefined;
}

/**
 * The graph without shape arithmetic, or as it was when some tensor really depends on the batch.
 * @param graph the batch is its only symbolic dimension.
 * @param batchName name of that dimension.
 */
export function withoutShapeArithmetic(graph: Graph, batchName: string): Graph {
	const [a, b] = probes.map(batch => specialise(graph, {[batchName]: batch})) as [Graph, Graph];
	const sameNodes =
		a.nodes.length === b.nodes.length &&
		a.nodes.every((node, index) => {
			const other = b.nodes[index]!;
			return node.name === other.name && node.inputs.every((name, slot) => name === other.inputs[slot]);
		});
	if (!sameNodes) {
		return graph;
	}
	const initializers = new Map<string, Tensor>();
	for (const [name, tensor] of a.initializers) {
		const other = b.initializers.get(name);
		const common = other === undefined || equal(tensor, other) ? tensor : sharedTarget(a.nodes, name, tensor, other);
		if (common === undefined) {
			return graph;
		}
		initializers.set(name, common);
	}
	return {...graph, nodes: a.nodes, initializers};
}
