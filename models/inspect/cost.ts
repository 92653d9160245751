/**
 * What a forward pass costs, counted per node. An elementary operation on one number counts as one, a multiply-add as two,
 * an exponential or another function of the mathematics library as one. Costs are counts, not times: a device's profile
 * turns them into seconds, with a speed per class of operators.
 */
import {type OpClass, opClasses} from '../../core/profile/profile.js';
import {bytesPerElement, sizeOf} from '../../core/tensor/tensor.js';
import type {Graph, Model, Node, ValueInfo} from '../graph.js';
import {isStatic} from '../infer/dims.js';
import {typesOf} from '../infer.js';
import {type Sizes, specialise} from '../specialise.js';
import {classOf, type Operands, operationsOf} from './operations.js';

export interface NodeCost {
	readonly node: string;
	readonly op: string;
	readonly opClass: OpClass;
	/** Forward, for the whole batch. */
	readonly flops: number;
	/** Bytes read and written, weights included; 0 for nodes that only change a shape. */
	readonly bytes: number;
	/** Elements that the node makes: what a backward pass may have to keep. */
	readonly activationElements: number;
	/** Bytes of the outputs, in their dtypes. */
	readonly activationBytes: number;
	/** Names of the trained initializers that it reads. */
	readonly parameters: readonly string[];
}

export interface Cost {
	readonly flops: number;
	readonly flopsByClass: Readonly<Record<OpClass, number>>;
	readonly bytes: number;
	readonly bytesByClass: Readonly<Record<OpClass, number>>;
	/** Operator calls. */
	readonly calls: number;
	readonly activationElements: number;
	readonly activationBytes: number;
	/** Trained numbers, each tensor once. */
	readonly parameters: number;
	readonly parameterBytes: number;
}

export interface ModelCost {
	/** The batch that was counted. */
	readonly batch: number;
	readonly nodes: readonly NodeCost[];
	readonly total: Cost;
}

const bytesOfInfo = ({dtype, shape}: ValueInfo): number =>
	isStatic(shape) ? sizeOf(shape) * bytesPerElement(dtype) : 0;

function costOfNode(node: Node, type: (name: string) => ValueInfo | undefined, trained: ReadonlySet<string>): NodeCost {
	const infos = (names: readonly string[]) => names.map(name => (name === '' ? undefined : type(name)));
	const inputs = infos(node.inputs);
	const outputs = infos(node.outputs).filter(info => info !== undefined);
	const operands: Operands = {
		inputs: inputs.map(info => (isStatic(info?.shape) ? info.shape : [])),
		outputs: outputs.map(({shape}) => (isStatic(shape) ? shape : [])),
	};
	const {flops, moves} = operationsOf(node, operands);
	const written = outputs.reduce((sum, info) => sum + bytesOfInfo(info), 0);
	const read = inputs.reduce((sum, info) => sum + (info === undefined ? 0 : bytesOfInfo(info)), 0);
	return {
		node: node.name,
		op: node.op,
		opClass: classOf(node, operands),
		flops,
		bytes: moves === 'nothing' ? 0 : moves === 'outputs' ? 2 * written : read + written,
		activationElements: operands.outputs.reduce((sum, shape) => sum + sizeOf(shape), 0),
		activationBytes: written,
		parameters: [...new Set(node.inputs.filter(name => trained.has(name)))],
	};
}

const perClass = (nodes: readonly NodeCost[], what: (cost: NodeCost) => number): Record<OpClass, number> => {
	const sums = Object.fromEntries(opClasses.map(name => [name, 0])) as Record<OpClass, number>;
	for (const cost of nodes) {
		sums[cost.opClass] += what(cost);
	}
	return sums;
};

/** Sums over nodes; parameters that several of them read count once. */
export function sumOf(graph: Graph, nodes: readonly NodeCost[]): Cost {
	const sum = (what: (cost: NodeCost) => number) => nodes.reduce((total, cost) => total + what(cost), 0);
	const names = new Set(nodes.flatMap(({parameters}) => parameters));
	const tensors = [...names].map(name => graph.initializers.get(name)!);
	return {
		flops: sum(cost => cost.flops),
		flopsByClass: perClass(nodes, cost => cost.flops),
		bytes: sum(cost => cost.bytes),
		bytesByClass: perClass(nodes, cost => cost.bytes),
		calls: nodes.length,
		activationElements: sum(cost => cost.activationElements),
		activationBytes: sum(cost => cost.activationBytes),
		parameters: tensors.reduce((total, {data}) => total + data.length, 0),
		parameterBytes: tensors.reduce((total, {data}) => total + data.byteLength, 0),
	};
}

/**
 * Costs of a static graph (see `specialise`), in the order of its nodes.
 * @param trained names of the initializers that count as parameters.
 */
export function costsOf(graph: Graph, trained: readonly string[]): readonly NodeCost[] {
	const type = typesOf(graph);
	const names = new Set(trained);
	return graph.nodes.map(node => costOfNode(node, type, names));
}

/**
 * The forward cost of a model.
 * @param sizes of its symbolic dimensions; by default a batch of one, so that costs are per item.
 */
export function costOf(model: Model, sizes: Sizes = {N: 1}): ModelCost {
	const graph = specialise(model.graph, sizes);
	const nodes = costsOf(graph, model.parameters);
	return {batch: sizes['N'] ?? 1, nodes, total: sumOf(graph, nodes)};
}
