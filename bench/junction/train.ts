/** Training in one process, for the contenders. */
import type {Split} from '../../models/datasets/dataset.js';
import {batches, inOrder} from '../../models/datasets/subset.js';
import type {Engine, Trainer} from '../../models/engines/engine.js';
import type {Model} from '../../models/graph.js';
import {alignViews, viewsOf} from '../../models/junction/data.js';
import type {JoinedModel} from '../../models/junction/join.js';
import type {Task} from './tasks.js';

const batch = 64;

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

export const newTrainer = (engine: Engine, model: Model, {optimizer}: Task, seed: number): Promise<Trainer> =>
	engine.trainer(model, {loss: model.loss, optimizer, seed});

/** Trains for some epochs. Answers the median time of a step inside the engine, in milliseconds. */
export async function trainOn(
	trainer: Trainer,
	{train}: Split,
	{epochs, first = 0, seed}: {readonly epochs: number; readonly first?: number; readonly seed: number},
): Promise<number> {
	const times: number[] = [];
	for (let epoch = first; epoch < first + epochs; epoch++) {
		for (const indices of batches(train.items, batch, seed, epoch, {dropLast: true})) {
			times.push((await trainer.step(train.batch(indices))).computeMs);
		}
	}
	return Number(median(times).toFixed(3));
}

/** Share of the test items that are predicted right. */
export async function accuracyOf(trainer: Trainer, {test}: Split): Promise<number> {
	let right = 0;
	for (const indices of inOrder(test.items, 500)) {
		right += (await trainer.evaluate(test.batch(indices))).correct ?? 0;
	}
	return Number((right / test.items).toFixed(4));
}

/** What the branches see, the first view for the first of all branches; the model may have lost some of them. */
export function aligned(seen: readonly Split[], all: readonly string[], model: JoinedModel): Split {
	const part = (which: 'train' | 'test') =>
		alignViews(
			viewsOf(
				all,
				seen.map(view => view[which]),
			),
			model,
		);
	return {train: part('train'), test: part('test')};
}
