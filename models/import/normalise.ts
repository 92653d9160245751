/**
 * Brings an exported graph into the form that training starts from: inference mode (training mode is a matter of
 * differentiation), logits as outputs, and a tensor of its own for everything that trains on its own.
 */
import {FplError} from '../../core/errors.js';
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Graph, Loss, Node} from '../graph.js';
import {whereIs} from '../infer/context.js';

/** Called with a sentence about something that was changed and that the user may want to know. */
export type Note = (sentence: string) => void;

const withoutAttribute = (node: Node, name: string): Node => ({
	...node,
	attributes: Object.fromEntries(Object.entries(node.attributes).filter(([key]) => key !== name)),
});

/** A batch norm that was exported in training mode has outputs for the new statistics, which nobody may read. */
function inferenceBatchNorm(node: Node, graph: Graph, read: ReadonlySet<string>): Node {
	if (node.outputs.slice(1).some(name => name !== '' && read.has(name))) {
		throw new FplError('MODEL_INVALID', {
			where: whereIs(node, graph.name),
			problem: 'the statistics that it computes are used elsewhere in the model',
			fix: 'Export the model in inference mode (model.eval())',
		});
	}
	return {...withoutAttribute(node, 'training_mode'), outputs: node.outputs.slice(0, 1)};
}

/** Batch norms and dropouts in inference mode. The dropout's ratio stays, since training needs it. */
export function toInference(graph: Graph): Graph {
	const read = new Set([...graph.nodes.flatMap(({inputs}) => inputs), ...graph.outputs.map(({name}) => name)]);
	const nodes = graph.nodes.map(node => {
		if (node.domain === '' && node.op === 'BatchNormalization' && 'training_mode' in node.attributes) {
			return inferenceBatchNorm(node, graph, read);
		}
		return node.domain === '' && node.op === 'Dropout' ? {...node, inputs: node.inputs.slice(0, 2)} : node;
	});
	return {...graph, nodes};
}

/** Which final activation belongs to which loss; the loss then expects what goes into it. */
const heads: Readonly<Record<string, {readonly loss: Loss; readonly says: string}>> = {
	Softmax: {loss: 'softmax-cross-entropy', says: 'class probabilities'},
	LogSoftmax: {loss: 'softmax-cross-entropy', says: 'logarithms of class probabilities'},
	Sigmoid: {loss: 'bce', says: 'probabilities'},
};

/**
 * Takes a final (log-)softmax or sigmoid away, so that the output are logits, which is what the losses expect. The output
 * keeps its name.
 */
export function stripHead(graph: Graph, note: Note): {graph: Graph; loss: Loss | undefined} {
	const [output] = graph.outputs;
	const head = graph.nodes.find(({outputs}) => outputs[0] === output?.name);
	const kind = head?.domain === '' && Object.hasOwn(heads, head.op) ? heads[head.op] : undefined;
	if (head === undefined || kind === undefined || output === undefined) {
		return {graph, loss: undefined};
	}
	const logits = head.inputs[0]!;
	const producer = graph.nodes.find(({outputs}) => outputs.includes(logits));
	const readElsewhere = graph.nodes.some(({inputs}) => inputs.includes(output.name));
	if (producer === undefined || readElsewhere || graph.outputs.some(({name}) => name === logits)) {
		return {graph, loss: kind.loss};
	}
	note(
		`The model ended in ${head.op}; it was taken off, since the loss ${kind.loss} expects logits, not ${kind.says}.`,
	);
	const rename = (name: string) => (name === logits ? output.name : name);
	const nodes = graph.nodes
		.filter(node => node !== head)
		.map(node => ({...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename)}));
	return {graph: {...graph, nodes}, loss: kind.loss};
}

/** What an operator's inputs are called in PyTorch, for naming copies. */
const slotNames: Readonly<Record<string, readonly string[]>> = {
	BatchNormalization: ['', 'weight', 'bias', 'running_mean', 'running_var'],
	LayerNormalization: ['', 'weight', 'bias'],
	InstanceNormalization: ['', 'weight', 'bias'],
	GroupNormalization: ['', 'weight', 'bias'],
	Conv: ['', 'weight', 'bias'],
	Gemm: ['', 'weight', 'bias'],
};

const isUniform = ({dtype, shape, data}: Tensor): boolean =>
	dtype === 'float32' && shape.length > 0 && data.length > 1 && data.every(value => value === data[0]);

/**
 * Gives every use of a uniformly filled float tensor (all ones, all zeros) its own copy. Exporters write equal tensors
 * once: a freshly initialised network then shares one tensor between scales, biases and running statistics that train
 * apart. Tensors that are really tied (an embedding and the output layer) are not uniform, and stay tied.
 * TorchScript leaves an Identity with the original's name for every copy that it saved; that name is given back.
 */
export function untie(graph: Graph, note: Note): Graph {
	const initializers = new Map(graph.initializers);
	const original = new Map<string, string>();
	const nodes: Node[] = [];
	for (const node of graph.nodes) {
		const [source = ''] = node.inputs;
		const tensor = initializers.get(source);
		if (node.op === 'Identity' && node.domain === '' && tensor !== undefined && isUniform(tensor)) {
			initializers.set(node.outputs[0]!, copyOf(tensor));
			original.set(node.outputs[0]!, source);
		} else {
			nodes.push(node);
		}
	}
	const used = new Set<string>();
	let copies = original.size;
	const free = (stem: string) => {
		let name = stem;
		for (let suffix = 2; initializers.has(name) || used.has(name); suffix++) {
			name = `${stem}_${suffix}`;
		}
		return name;
	};
	const untied = nodes.map(node => ({
		...node,
		inputs: node.inputs.map((name, slot) => {
			const tensor = initializers.get(name);
			if (tensor === undefined || !isUniform(tensor) || !used.has(name)) {
				used.add(name);
				return name;
			}
			const own = free(`${node.name}.${slotNames[node.op]?.[slot] ?? `input${slot}`}`);
			initializers.set(own, copyOf(tensor));
			used.add(own);
			copies += 1;
			return own;
		}),
	}));
	if (copies > 0) {
		note(`${copies} tensors were shared only because they were equal; they train apart now.`);
	}
	return {...graph, nodes: untied, initializers};
}

const copyOf = (tensor: Tensor): Tensor => ({...tensor, data: tensor.data.slice()}) as Tensor;
