/**
 * What junctions are worth: joined models of every kind, trained in one process, beside a model that sees one view only and one
 * that sees everything. Prints CSV; asserts nothing.
 *
 * node dist/bench/junction/main.js [--tasks vibration,occupancy] [--seeds 1,2,3] [--kinds mean,scalar] [--threads 1]
 */
import {parseArgs} from 'node:util';
import {isFplError} from '../../core/errors.js';
import {junctionKinds} from '../../core/plan/plan.js';
import {bind} from '../../models/datasets/bind.js';
import type {Split} from '../../models/datasets/dataset.js';
import {batches, inOrder} from '../../models/datasets/subset.js';
import type {Engine} from '../../models/engines/engine.js';
import {onnxruntimeEngine} from '../../models/engines/onnxruntime/engine.js';
import type {Model} from '../../models/graph.js';
import {alignViews, viewsOf} from '../../models/junction/data.js';
import {joinBranches} from '../../models/junction/join.js';
import {layoutOf} from '../../models/layout.js';
import {type Task, tasks, viewsOfSplit} from './tasks.js';

const {values} = parseArgs({
	options: {
		tasks: {type: 'string', default: tasks.map(({name}) => name).join(',')},
		seeds: {type: 'string', default: '1,2,3'},
		kinds: {type: 'string', default: junctionKinds.join(',')},
		threads: {type: 'string', default: '1'},
	},
});
const batch = 64;

interface Row {
	readonly task: string;
	readonly contender: string;
	readonly cut: string;
	readonly seed: number;
	readonly parameters: number;
	readonly accuracy: number;
	readonly stepMs: number;
}

const columns = ['task', 'contender', 'cut', 'seed', 'parameters', 'accuracy', 'stepMs'] as const;
const print = (row: Row) => console.log(columns.map(key => row[key]).join(','));

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** Test accuracy, and the median time of a step. The split is bound to the model already. */
async function train(
	engine: Engine,
	model: Model,
	{train: data, test}: Split,
	{optimizer, epochs}: Task,
	seed: number,
) {
	const trainer = await engine.trainer(model, {loss: model.loss, optimizer, seed});
	const times: number[] = [];
	for (let epoch = 0; epoch < epochs; epoch++) {
		for (const indices of batches(data.items, batch, seed, epoch, {dropLast: true})) {
			times.push((await trainer.step(data.batch(indices))).computeMs);
		}
	}
	let right = 0;
	for (const indices of inOrder(test.items, 500)) {
		right += (await trainer.evaluate(test.batch(indices))).correct ?? 0;
	}
	await trainer.close();
	const {length} = layoutOf(model.graph, model.parameters);
	return {
		parameters: length,
		accuracy: Number((right / test.items).toFixed(4)),
		stepMs: Number(median(times).toFixed(3)),
	};
}

const bound = (split: Split, model: Model): Split => ({train: bind(split.train, model), test: bind(split.test, model)});

async function compare(engine: Engine, task: Task, seed: number): Promise<void> {
	const split = await task.open(seed, {environment: process.env});
	const seen = viewsOfSplit(split, task.views);
	const branches = seen.map((_, index) => `source-${index + 1}`);
	const row = {task: task.name, cut: '', seed};
	const whole = task.whole(seed);
	print({...row, contender: 'whole', ...(await train(engine, whole, bound(split, whole), task, seed))});
	const base = task.model(seed);
	for (const [index, view] of seen.entries()) {
		print({
			...row,
			contender: `only ${branches[index]}`,
			...(await train(engine, base, bound(view, base), task, seed)),
		});
	}
	for (const junction of junctionKinds.filter(kind => values.kinds.split(',').includes(kind))) {
		for (const cut of task.cuts.filter(name => junction !== 'dense' || !task.wide.includes(name))) {
			try {
				const joined = joinBranches(base, {cut, branches, junction});
				const part = (which: 'train' | 'test') =>
					alignViews(
						viewsOf(
							branches,
							seen.map(view => view[which]),
						),
						joined,
					);
				const data = {train: part('train'), test: part('test')};
				print({...row, contender: junction, cut, ...(await train(engine, joined, data, task, seed))});
			} catch (error) {
				if (!isFplError(error, 'MODEL_CUT')) {
					throw error;
				}
				console.error(error.message);
			}
		}
	}
}

console.log(columns.join(','));
const engine = await onnxruntimeEngine({threads: Number(values.threads)});
for (const task of tasks.filter(({name}) => values.tasks.split(',').includes(name))) {
	for (const seed of values.seeds.split(',').map(Number)) {
		await compare(engine, task, seed);
	}
}
await engine.close();
