/**
 * What junctions are worth: joined models of every kind, trained in one process, beside a model that sees one view only and one
 * that sees everything. Prints CSV; asserts nothing.
 *
 * node dist/bench/junction/main.js [--tasks vibration,occupancy] [--seeds 1,2,3] [--kinds mean,scalar] [--lose]
 *
 * With --lose: accuracy of the joined model, directly after each branch alone was lost, after another epoch without
 * it, and directly after it came back with its old weights; means over the branches.
 */
import {parseArgs} from 'node:util';
import {isFplError} from '../../core/errors.js';
import {junctionKinds} from '../../core/plan/plan.js';
import {bind} from '../../models/datasets/bind.js';
import type {Split} from '../../models/datasets/dataset.js';
import type {Engine} from '../../models/engines/engine.js';
import {onnxruntimeEngine} from '../../models/engines/onnxruntime/engine.js';
import type {Model} from '../../models/graph.js';
import {type JoinOptions, joinBranches} from '../../models/junction/join.js';
import {branchState, remapState} from '../../models/junction/remap.js';
import {layoutOf} from '../../models/layout.js';
import {type Task, tasks, viewsOfSplit} from './tasks.js';
import {accuracyOf, aligned, newTrainer, trainOn} from './train.js';

const {values} = parseArgs({
	options: {
		tasks: {type: 'string', default: tasks.map(({name}) => name).join(',')},
		seeds: {type: 'string', default: '1,2,3'},
		kinds: {type: 'string', default: junctionKinds.join(',')},
		threads: {type: 'string', default: '1'},
		lose: {type: 'boolean', default: false},
	},
});

async function measure(engine: Engine, model: Model, split: Split, task: Task, seed: number): Promise<string> {
	const trainer = await newTrainer(engine, model, task, seed);
	const stepMs = await trainOn(trainer, split, {epochs: task.epochs, seed});
	const accuracy = await accuracyOf(trainer, split);
	await trainer.close();
	return [layoutOf(model.graph, model.parameters).length, accuracy, stepMs].join();
}

/** Accuracy before; and, averaged over the branches: after the loss, after another epoch, after the return. */
async function lose(
	engine: Engine,
	base: Model,
	options: JoinOptions,
	seen: readonly Split[],
	task: Task,
	seed: number,
) {
	const {branches} = options;
	const whole = joinBranches(base, options);
	const data = aligned(seen, branches, whole);
	const trainer = await newTrainer(engine, whole, task, seed);
	await trainOn(trainer, data, {epochs: task.epochs, seed});
	const before = await accuracyOf(trainer, data);
	const state = await trainer.save();
	const sums = [0, 0, 0];
	for (const lost of branches) {
		const rest = joinBranches(base, {...options, branches: branches.filter(branch => branch !== lost)});
		const less = aligned(seen, branches, rest);
		const alone = await newTrainer(engine, rest, task, seed);
		await alone.load(remapState(whole, state, rest));
		const after = await accuracyOf(alone, less);
		await trainOn(alone, less, {epochs: 1, first: task.epochs, seed});
		const later = await accuracyOf(alone, less);
		const returning = new Map([[lost, branchState(whole, state, lost)]]);
		await trainer.load(remapState(rest, await alone.save(), whole, {returning}));
		const back = await accuracyOf(trainer, data);
		await alone.close();
		for (const [index, value] of [after, later, back].entries()) {
			sums[index]! += value / branches.length;
		}
	}
	await trainer.close();
	return [before, ...sums.map(value => value.toFixed(4))].join();
}

async function compare(engine: Engine, task: Task, seed: number): Promise<void> {
	const split = await task.open(seed, {environment: process.env});
	const seen = viewsOfSplit(split, task.views);
	const branches = seen.map((_, index) => `source-${index + 1}`);
	const print = (contender: string, cut: string, figures: string) =>
		console.log([task.name, contender, cut, seed, figures].join());
	const plain = async (name: string, model: Model, {train, test}: Split) => {
		const data = {train: bind(train, model), test: bind(test, model)};
		print(name, '', await measure(engine, model, data, task, seed));
	};
	const base = task.model(seed);
	if (!values.lose) {
		await plain('whole', task.whole(seed), split);
		for (const [index, view] of seen.entries()) {
			await plain(`only ${branches[index]}`, base, view);
		}
	}
	for (const junction of junctionKinds.filter(kind => values.kinds.split(',').includes(kind))) {
		for (const cut of task.cuts.filter(name => junction !== 'dense' || !task.wide.includes(name))) {
			try {
				const options = {cut, branches, junction};
				const joined = joinBranches(base, options);
				const figures = values.lose
					? lose(engine, base, options, seen, task, seed)
					: measure(engine, joined, aligned(seen, branches, joined), task, seed);
				print(junction, cut, await figures);
			} catch (error) {
				if (!isFplError(error, 'MODEL_CUT')) {
					throw error;
				}
				console.error(error.message);
			}
		}
	}
}

const figures = values.lose ? 'before,after loss,after another epoch,after return' : 'parameters,accuracy,stepMs';
console.log(`task,contender,cut,seed,${figures}`);
const engine = await onnxruntimeEngine({threads: Number(values.threads)});
for (const task of tasks.filter(({name}) => values.tasks.split(',').includes(name))) {
	for (const seed of values.seeds.split(',').map(Number)) {
		await compare(engine, task, seed);
	}
}
await engine.close();
