/**
 * The drawn datasets can be learnt by the models they are for, and are not too easy: measured with few steps, so the
 * figures are below what longer training reaches.
 */
import test, {type ExecutionContext} from 'ava';
import {bind} from '../../../models/datasets/bind.js';
import type {Dataset, Split} from '../../../models/datasets/dataset.js';
import {type DatasetSpec, openDataset} from '../../../models/datasets/open.js';
import {batches, inOrder} from '../../../models/datasets/subset.js';
import {views} from '../../../models/datasets/views.js';
import {onnxruntimeEngine} from '../../../models/engines/onnxruntime/engine.js';
import type {Model} from '../../../models/graph.js';
import type {Optimizer} from '../../../models/training.js';
import {buildModel} from '../../../models/zoo/zoo.js';

const open = (spec: DatasetSpec) => openDataset(spec, {environment: {}});

const adam = (lr: number): Optimizer => ({kind: 'adam', lr, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0});
const sgd = (lr: number): Optimizer => ({kind: 'sgd', lr, momentum: 0.9, nesterov: false, weightDecay: 0});

/** Test accuracy after some epochs of batches of 64. */
async function accuracy(
	t: ExecutionContext,
	model: Model,
	split: Split,
	optimizer: Optimizer,
	epochs: number,
): Promise<number> {
	const engine = await onnxruntimeEngine({threads: 1});
	t.teardown(() => engine.close());
	const trainer = await engine.trainer(model, {loss: model.loss, optimizer, seed: 1});
	const [train, held] = [bind(split.train, model), bind(split.test, model)];
	for (let epoch = 0; epoch < epochs; epoch++) {
		for (const indices of batches(train.items, 64, 1, epoch, {dropLast: true})) {
			await trainer.step(train.batch(indices));
		}
	}
	let right = 0;
	for (const indices of inOrder(held.items, 250)) {
		right += (await trainer.evaluate(held.batch(indices))).correct ?? 0;
	}
	await trainer.close();
	return right / held.items;
}

test.serial('lenet5 learns drawn digits within 300 steps, a linear model does not', async t => {
	const split = await open({kind: 'digits', seed: 3, train: 6000, test: 1000});
	const lenet = await accuracy(t, buildModel('lenet5', {seed: 1}), split, sgd(0.02), 3);
	const linear = await accuracy(t, buildModel('mlp', {hidden: [], seed: 1}), split, sgd(0.01), 3);
	t.log({lenet, linear});
	t.true(lenet >= 0.95);
	t.true(linear < 0.92);
});

test.serial('sensor-cnn tells the faults apart with four sensors, and much worse with any single one', async t => {
	const split = await open({kind: 'vibration', seed: 3, train: 2000, test: 600});
	const four = await accuracy(t, buildModel('sensor-cnn', {seed: 1, width: 0.5}), split, adam(6e-3), 5);
	const [train, held] = [views(split.train, {kind: 'channels'}), views(split.test, {kind: 'channels'})];
	const single: number[] = [];
	for (const [channel, dataset] of train.entries()) {
		const one: Split = {train: dataset, test: held[channel] as Dataset};
		const model = buildModel('sensor-cnn', {seed: 1, width: 0.5, input: [1, 256]});
		single.push(await accuracy(t, model, one, adam(6e-3), 5));
	}
	t.log({four, single});
	t.true(four > 0.85);
	t.true(Math.max(...single) < four - 0.1);
});

test.serial('tiny-transformer learns the order of events', async t => {
	const split = await open({kind: 'tokens', seed: 3, train: 5000, test: 1000});
	const reached = await accuracy(t, buildModel('tiny-transformer', {seed: 1}), split, adam(3e-3), 2);
	t.log({reached});
	t.true(reached > 0.7);
});
