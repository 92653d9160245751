/**
 * Exporters write equal tensors once. A freshly initialised network then shares one tensor between scales, biases and
 * running statistics, or between layers that were cloned, all of which train apart. This gives them their own copies.
 */
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Graph, Node} from '../graph.js';
import {scopeOf} from '../onnx/scope.js';
import type {Note} from './normalise.js';

/** What an operator's inputs are called in PyTorch, for naming copies. */
const slotNames: Readonly<Record<string, readonly string[]>> = {
	BatchNormalization: ['', 'weight', 'bias', 'running_mean', 'running_var'],
	LayerNormalization: ['', 'weight', 'bias'],
	InstanceNormalization: ['', 'weight', 'bias'],
	GroupNormalization: ['', 'weight', 'bias'],
	Conv: ['', 'weight', 'bias'],
	ConvTranspose: ['', 'weight', 'bias'],
	Gemm: ['', 'weight', 'bias'],
	MatMul: ['weight', 'weight'],
	Add: ['bias', 'bias'],
	PRelu: ['', 'weight'],
};

const isFloats = ({dtype, shape, data}: Tensor): boolean => dtype === 'float32' && shape.length > 0 && data.length > 1;

const isUniform = ({data}: Tensor): boolean => data.every(value => value === data[0]);

const copyOf = (tensor: Tensor): Tensor => ({...tensor, data: tensor.data.slice()}) as Tensor;

/**
 * Uses with the same key share a tensor, others do not.
 * - TorchScript leaves an Identity for what it only found equal, so what else it shares is tied in the model.
 * - dynamo tells the module of each node: one module, or different kinds of use (an embedding and the output layer), are
 *   tied; the same use in different modules are clones. Modules that were tied on purpose look the same: `keep` names them.
 * - Without such hints, only uniformly filled tensors (all ones, all zeros) are taken for equal by chance.
 */
function keyOf(node: Node, slot: number, uniform: boolean): string {
	const scope = scopeOf(node.name);
	const use = `${node.op} ${slot}`;
	if (uniform) {
		return `${use} ${scope === undefined ? node.name : scope.exporter === 'dynamo' ? scope.module : ''}`;
	}
	return scope?.exporter === 'dynamo' ? `${use} ${scope.module}` : use;
}

/** Every Identity of an initializer becomes an initializer of that name. */
function withoutIdentities(graph: Graph, keep: ReadonlySet<string>): {graph: Graph; copies: string[]} {
	const initializers = new Map(graph.initializers);
	const copies: string[] = [];
	const nodes = graph.nodes.filter(({op, domain, inputs, outputs}) => {
		const tensor = initializers.get(inputs[0] ?? '');
		const isCopy =
			op === 'Identity' && domain === '' && tensor !== undefined && isFloats(tensor) && !keep.has(inputs[0]!);
		if (isCopy) {
			initializers.set(outputs[0]!, copyOf(tensor));
			copies.push(outputs[0]!);
		}
		return !isCopy;
	});
	return {graph: {...graph, nodes, initializers}, copies};
}

/**
 * @param keep initializers that are shared on purpose.
 * @returns the same function of its inputs, in which what trains apart has a tensor of its own.
 */
export function untie(tied: Graph, keep: ReadonlySet<string>, note: Note): Graph {
	const {graph, copies} = withoutIdentities(tied, keep);
	const initializers = new Map(graph.initializers);
	/** By initializer: which copy serves uses with which key; and, of non-uniform ones, which kinds of use were seen. */
	const owners = new Map<string, Map<string, string>>();
	const nodes = graph.nodes.map(node => ({
		...node,
		inputs: node.inputs.map((name, slot) => {
			const tensor = graph.initializers.get(name);
			if (tensor === undefined || !isFloats(tensor) || keep.has(name)) {
				return name;
			}
			const uniform = isUniform(tensor);
			const key = keyOf(node, slot, uniform);
			const known = owners.get(name) ?? new Map<string, string>();
			owners.set(name, known);
			const use = `${node.op} ${slot}`;
			const first = known.size === 0 || (!uniform && ![...known.keys()].some(other => other.startsWith(`${use} `)));
			const own = known.get(key) ?? (first ? name : free(nameFor(node, slot), initializers));
			known.set(key, own);
			if (!initializers.has(own)) {
				initializers.set(own, copyOf(tensor));
				copies.push(own);
			}
			return own;
		}),
	}));
	if (copies.length > 0) {
		note(`${copies.length} tensors were shared only because they were equal; they train apart now: ${some(copies)}.`);
	}
	return {...graph, nodes, initializers};
}

const nameFor = (node: Node, slot: number): string =>
	`${scopeOf(node.name)?.module ?? node.name}.${slotNames[node.op]?.[slot] || `input${slot}`}`;

function free(stem: string, initializers: ReadonlyMap<string, Tensor>): string {
	let name = stem;
	for (let suffix = 2; initializers.has(name); suffix++) {
		name = `${stem}_${suffix}`;
	}
	return name;
}

const some = (names: readonly string[]): string =>
	names.length > 8 ? `${names.slice(0, 8).join(', ')}, …` : names.join(', ');
