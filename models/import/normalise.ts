/**
 * Brings an exported graph into the form that training starts from: inference mode (training mode is a matter of
 * differentiation), logits as outputs, and a tensor of its own for everything that trains on its own.
 */
import {FplError} from '../../core/errors.js';
import type {Graph, Loss, Node} from '../graph.js';
import {whereIs} from '../infer/context.js';
import {madeUp, movers} from './parameters.js';

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

/** Initial states of recurrent layers. */
const stateSlots: Readonly<Record<string, readonly number[]>> = {LSTM: [5, 6], GRU: [5], RNN: [5]};

/**
 * Takes away initial states that are made of nothing but zeros, which is what their absence means: exports for a fixed
 * batch hold them as tensors of that batch size. States under a name that a person gave stay, since they may be trained.
 */
export function withoutZeroStates(graph: Graph): Graph {
	const zeros = new Set<string>();
	for (const [name, {dtype, data}] of graph.initializers) {
		if (dtype === 'float32' && madeUp.test(name) && data.every(value => Number(value) === 0)) {
			zeros.add(name);
		}
	}
	const nodes = graph.nodes.map(node => {
		const [first = '', ...others] = node.inputs;
		const joins = node.op === 'Concat' ? others.every(name => zeros.has(name)) : true;
		if (node.domain === '' && movers.has(node.op) && node.op !== 'Cast' && zeros.has(first) && joins) {
			for (const name of node.outputs) {
				zeros.add(name);
			}
		}
		const slots = node.domain === '' && Object.hasOwn(stateSlots, node.op) ? stateSlots[node.op]! : [];
		if (!slots.some(slot => zeros.has(node.inputs[slot] ?? ''))) {
			return node;
		}
		const inputs = node.inputs.map((name, slot) => (slots.includes(slot) && zeros.has(name) ? '' : name));
		while (inputs.at(-1) === '') {
			inputs.pop();
		}
		return {...node, inputs};
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
