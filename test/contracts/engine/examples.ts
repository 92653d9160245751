/** Small models and batches that the parts of the contract share. */
import {float32, type Tensor} from '../../../core/tensor/tensor.js';
import type {Batch, Trainer, TrainerOptions} from '../../../models/engines/engine.js';
import {float, type Graph, int, type Model, type Node} from '../../../models/graph.js';
import type {Optimizer} from '../../../models/training.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {batchOf, filled} from '../../support/graphs/formula.js';

export const sgd = (lr: number, momentum = 0): Optimizer => ({
	kind: 'sgd',
	lr,
	momentum,
	nesterov: false,
	weightDecay: 0,
});

export const adam: Optimizer = {kind: 'adam', lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0};

export const options = (optimizer: Optimizer, more: Partial<TrainerOptions> = {}): TrainerOptions => ({
	loss: 'softmax-cross-entropy',
	optimizer,
	seed: 7,
	...more,
});

/** [N, 1, 8, 8] → [N, 10] without batch norm. */
export const plain = (): Model => filled(buildModel('mlp', {input: [1, 8, 8], hidden: [16, 12]}));

/** The same with dropout after both hidden layers. */
export const dropping = (): Model => filled(buildModel('mlp', {input: [1, 8, 8], hidden: [32, 24], dropout: 0.3}));

/** [N, 3, 16, 16] → [N, 10] with batch norms, which see sixteen values or more when N is at least four. */
export const normalised = (): Model => filled(buildModel('resnet18', {input: [3, 16, 16], width: 0.0625}), 'c');

export const batchFor = (model: Model, items: number, salt = ''): Batch => batchOf(model, {items, classes: 10, salt});

/** Items `from … to − 1` of a batch. */
export function part(batch: Batch, from: number, to: number): Batch {
	const rows = (t: Tensor): Tensor => {
		const width = t.data.length / t.shape[0]!;
		const data = t.data.slice(from * width, to * width);
		return {...t, shape: [to - from, ...t.shape.slice(1)], data} as Tensor;
	};
	return {
		inputs: Object.fromEntries(Object.entries(batch.inputs).map(([name, t]) => [name, rows(t)])),
		targets: rows(batch.targets),
	};
}

export const same = (a: Float32Array, b: Float32Array): boolean =>
	a.length === b.length && a.every((value, index) => Object.is(value, b[index]));

/** Whether a trainer's state is bit for bit what it was. */
export async function unchanged(trainer: Trainer, act: () => Promise<unknown>): Promise<boolean> {
	const before = await trainer.save();
	await act();
	const after = await trainer.save();
	return (
		same(before.parameters, after.parameters) &&
		same(before.buffers, after.buffers) &&
		before.slots.every((slot, index) => same(slot, after.slots[index]!)) &&
		before.updates === after.updates
	);
}

/** y = x · w (+ what `extra` adds), x [N, 2], w [2, 2]; `spare` is a parameter that reaches nothing. */
export function tiny(extra: readonly Node[] = [], output = 'y'): Model {
	const graph: Graph = {
		name: 'tiny',
		nodes: [{name: 'product', op: 'MatMul', domain: '', inputs: ['x', 'w'], outputs: ['y'], attributes: {}}, ...extra],
		inputs: [{name: 'x', dtype: 'float32', shape: ['N', 2]}],
		outputs: [{name: output, dtype: 'float32', shape: ['N', 2]}],
		initializers: new Map([
			['w', float32([2, 2], [1, 2, 3, 4])],
			['spare', float32([3], [1, 2, 3])],
		]),
		values: new Map(),
		opsets: {'': 17},
	};
	return {name: 'tiny', graph, parameters: ['w', 'spare'], buffers: [], loss: 'mse'};
}

/** [N, 2] → two outputs, from two inputs: `sum` = a + b, `scaled` = LeakyRelu(a). */
export function twoByTwo(): Model {
	const graph: Graph = {
		name: 'two-by-two',
		nodes: [
			{name: 'sum', op: 'Add', domain: '', inputs: ['a', 'b'], outputs: ['sum'], attributes: {}},
			{
				name: 'leak',
				op: 'LeakyRelu',
				domain: '',
				inputs: ['a'],
				outputs: ['scaled'],
				attributes: {alpha: float(0.5)},
			},
			{
				name: 'best',
				op: 'ArgMax',
				domain: '',
				inputs: ['sum'],
				outputs: ['best'],
				attributes: {axis: int(1), keepdims: int(0)},
			},
		],
		inputs: [
			{name: 'a', dtype: 'float32', shape: ['N', 2]},
			{name: 'b', dtype: 'float32', shape: ['N', 2]},
		],
		outputs: [
			{name: 'sum', dtype: 'float32', shape: ['N', 2]},
			{name: 'scaled', dtype: 'float32', shape: ['N', 2]},
			{name: 'best', dtype: 'int64', shape: ['N']},
		],
		initializers: new Map(),
		values: new Map(),
		opsets: {'': 17},
	};
	return {name: 'two-by-two', graph, parameters: [], buffers: [], loss: 'mse'};
}
