/**
 * A graph as it is executed while training, and as it is executed afterwards. In training, batch norm uses the statistics
 * of the batch and answers new running ones, and dropout multiplies by a mask that is fed. In inference, batch norm uses the
 * running statistics and dropout is gone.
 */
import {FplError} from '../../core/errors.js';
import type {Shape} from '../../core/tensor/tensor.js';
import {compositeDomain} from '../autodiff/composite.js';
import {type Graph, int, type Node, type ValueInfo} from '../graph.js';

/** A dropout mask to be fed. */
export interface Mask {
	/** Graph input. */
	readonly value: string;
	/** The Dropout node it stands for. */
	readonly node: string;
	readonly ratio: number;
	readonly shape: Shape;
}

export interface TrainingGraph {
	readonly graph: Graph;
	readonly masks: readonly Mask[];
	/** Buffer → the value that replaces it after this pass. */
	readonly buffers: ReadonlyMap<string, string>;
}

const isOnnx = (node: Node, op: string): boolean => node.domain === '' && node.op === op;

/** @param buffers names of the running statistics; a batch norm whose statistics are not among them stays as it is. */
export function trainingMode(graph: Graph, buffers: readonly string[]): TrainingGraph {
	const masks: Mask[] = [];
	const latest = new Map(buffers.map(name => [name, name]));
	const nodes = graph.nodes.map(node => {
		if (isOnnx(node, 'Dropout')) {
			const {replacement, mask} = masked(graph, node);
			masks.push(...(mask === undefined ? [] : [mask]));
			return replacement;
		}
		return isOnnx(node, 'BatchNormalization') ? withBatchStatistics(node, latest) : node;
	});
	const inputs = masks.map(({value, shape}): ValueInfo => ({name: value, dtype: 'float32', shape}));
	return {
		graph: {...graph, nodes, inputs: [...graph.inputs, ...inputs]},
		masks,
		buffers: new Map([...latest].filter(([name, value]) => name !== value)),
	};
}

/** Where one pair of statistics serves several nodes, each moves on what the one before it left. */
function withBatchStatistics(node: Node, latest: Map<string, string>): Node {
	const [x, scale, bias, mean, variance] = node.inputs as [string, string, string, string, string];
	const [oldMean, oldVariance] = [latest.get(mean), latest.get(variance)];
	if (oldMean === undefined || oldVariance === undefined) {
		return node;
	}
	const [y, newMean, newVariance] = [0, 1, 2].map(index => node.outputs[index] || `${node.name}:running${index}`);
	latest.set(mean, newMean!);
	latest.set(variance, newVariance!);
	const {training_mode: _, ...attributes} = node.attributes;
	return {
		...node,
		domain: compositeDomain,
		inputs: [x, scale, bias, oldMean, oldVariance],
		outputs: [y!, newMean!, newVariance!],
		attributes,
	};
}

function masked(graph: Graph, node: Node): {replacement: Node; mask?: Mask} {
	const [x, ratioInput = ''] = node.inputs as [string, string?];
	const [y, keptElements = ''] = node.outputs as [string, string?];
	const constant = graph.initializers.get(ratioInput);
	if (keptElements !== '' || (ratioInput !== '' && constant === undefined)) {
		throw new FplError('MODEL_GRADIENT', {
			where: `node «${node.name}» (Dropout) of «${graph.name}»`,
			problem: keptElements === '' ? 'its ratio is computed while the model runs' : 'its mask is read by the model',
		});
	}
	const ratio = constant === undefined ? 0.5 : Number(constant.data[0]);
	const plain: Node = {...node, op: 'Identity', inputs: [x], outputs: [y], attributes: {}};
	if (ratio === 0) {
		return {replacement: plain};
	}
	const mask: Mask = {value: `mask/${node.name}`, node: node.name, ratio, shape: shapeOf(graph, node, x)};
	return {replacement: {...plain, op: 'Mul', inputs: [x, mask.value]}, mask};
}

function shapeOf(graph: Graph, node: Node, value: string): Shape {
	const info = graph.values.get(value) ?? graph.inputs.find(({name}) => name === value);
	if (info?.shape?.every(dim => typeof dim === 'number') !== true) {
		throw new FplError('MODEL_SHAPE', {
			where: `node «${node.name}» (Dropout) of «${graph.name}»`,
			expected: 'an input of static shape',
			got: `[${info?.shape?.join(', ') ?? '…'}]`,
		});
	}
	return info.shape as Shape;
}

/** Ready to predict: dropout passes everything on, batch norm uses its running statistics. */
export function inferenceMode(graph: Graph): Graph {
	const nodes = graph.nodes.map((node): Node => {
		if (isOnnx(node, 'Dropout')) {
			return {
				...node,
				op: 'Identity',
				inputs: node.inputs.slice(0, 1),
				outputs: node.outputs.slice(0, 1),
				attributes: {},
			};
		}
		return isOnnx(node, 'BatchNormalization')
			? {...node, outputs: node.outputs.slice(0, 1), attributes: {...node.attributes, training_mode: int(0)}}
			: node;
	});
	return {...graph, nodes};
}
