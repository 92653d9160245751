/**
 * What a plan with stages should compute, written down with plain trainers of whole models on one machine: which items are
 * drawn in which step, and what becomes of weights that are not the same everywhere.
 */
import type {Job, JobDocument} from '../../../core/plan/job.js';
import type {Plan} from '../../../core/plan/plan.js';
import {apportion, dealt} from '../../../core/plan/shares.js';
import type {DataTypeMap, Tensor} from '../../../core/tensor/tensor.js';
import {lrScale} from '../../../models/compile/schedule.js';
import {bind} from '../../../models/datasets/bind.js';
import type {Dataset} from '../../../models/datasets/dataset.js';
import {itemOrder} from '../../../models/datasets/draw.js';
import {openJobData} from '../../../models/datasets/job-data.js';
import {partition} from '../../../models/datasets/partition.js';
import {subset} from '../../../models/datasets/subset.js';
import {views} from '../../../models/datasets/views.js';
import type {Batch, Engine, Trainer, TrainerState} from '../../../models/engines/engine.js';
import type {Model} from '../../../models/graph.js';
import {importModel} from '../../../models/import/model.js';
import {alignViews, viewsOf} from '../../../models/junction/data.js';
import {isJoined} from '../../../models/junction/join.js';
import {arrange} from '../../../models/plans/arrange.js';
import {branchesOf, plannedModel} from '../../../models/plans/cut.js';
import {parseJob, type Weights} from '../one-machine.js';

interface Source {
	readonly data: Dataset;
	readonly order: ReturnType<typeof itemOrder>;
	/** Its part of a batch, relative to the others. */
	readonly share: number;
}

export interface PlanAlone {
	readonly job: Job;
	readonly plan: Plan;
	/** The model of the job, or the joined model of its branches. */
	readonly model: Model;
	/** Who owns data, in the order of the plan; aligned sources are one. */
	readonly sources: readonly Source[];
	trainer(): Promise<Trainer>;
}

/** @param bytes the model's file. */
export async function planAlone(
	engine: Engine,
	bytes: Uint8Array,
	document: JobDocument,
	plan: Plan,
): Promise<PlanAlone> {
	const job = parseJob(document);
	const {training, data} = job;
	const model = plannedModel(importModel(bytes), plan);
	const loss = training.loss ?? model.loss;
	const {train} = await openJobData(data, {environment: process.env});
	const {replicas} = plan.stages[0]!;
	const own = (dataset: Dataset, index: number, share: number): Source => ({
		data: dataset,
		order: itemOrder(dataset.items, training.seed, index),
		share,
	});
	let sources: readonly Source[];
	if (isJoined(model)) {
		const seen = views(train, data.views!).slice(0, replicas.length);
		sources = [own(alignViews(viewsOf(branchesOf(plan), seen), model, loss), 0, 1)];
	} else {
		if (data.partition.kind === 'local') {
			throw new Error('devices with data of their own are not copied here');
		}
		const divided = partition(train, data.partition, {devices: replicas.length, seed: training.seed});
		sources = divided.map((indices, index) =>
			own(bind(subset(train, indices), model, loss), index, replicas[index]!.share),
		);
	}
	return {
		job,
		plan,
		model,
		sources,
		trainer: () =>
			engine.trainer(model, {
				loss,
				optimizer: training.optimizer,
				seed: training.seed,
				...(training.clipNorm === undefined ? {} : {clipNorm: training.clipNorm}),
			}),
	};
}

function concat(parts: readonly Tensor[]): Tensor {
	const shape = [parts.reduce((sum, part) => sum + part.shape[0]!, 0), ...parts[0]!.shape.slice(1)];
	return parts[0]!.dtype === 'int64'
		? {
				dtype: 'int64',
				shape,
				data: BigInt64Array.from(parts.flatMap(({data}) => [...(data as DataTypeMap['int64'])])),
			}
		: {dtype: 'float32', shape, data: Float32Array.from(parts.flatMap(({data}) => [...(data as Float32Array)]))};
}

const stacked = (batches: readonly Batch[]): Batch => ({
	inputs: Object.fromEntries(
		Object.keys(batches[0]!.inputs).map(name => [name, concat(batches.map(({inputs}) => inputs[name]!))]),
	),
	targets: concat(batches.map(({targets}) => targets)),
});

/** Items that each source draws for each micro-batch: a source's part of the batch, dealt to the micro-batches. */
function countsOf({job, plan, sources}: PlanAlone): ReadonlyArray<readonly number[]> {
	const {batch} = job.training;
	const micros = Math.min(plan.pipeline.microBatches, batch);
	const totals = apportion(
		batch,
		sources.map(({share}) => share),
	);
	return Array.from({length: micros}, (_, micro) => dealt(totals, micros, micro));
}

/** What each source draws in a step, micro-batch by micro-batch. */
function drawsOf(alone: PlanAlone, step: number): ReadonlyArray<ReadonlyArray<Batch | undefined>> {
	const counts = countsOf(alone);
	const perStep = alone.sources.map((_, source) => counts.reduce((sum, count) => sum + count[source]!, 0));
	const done = perStep.map(count => count * step);
	return counts.map(count =>
		alone.sources.map(({data, order}, source) => {
			const items = count[source]!;
			const drawn = items > 0 ? data.batch(order(done[source]!, items)) : undefined;
			done[source]! += items;
			return drawn;
		}),
	);
}

const present = (batches: ReadonlyArray<Batch | undefined>): Batch[] => batches.filter(batch => batch !== undefined);

/** The global batch of a step: micro-batch after micro-batch, in each the rows of the sources in order. */
export const globalBatch = (alone: PlanAlone, step: number): Batch => stacked(present(drawsOf(alone, step).flat()));

export const stepsTogether = ({job, sources}: PlanAlone): number =>
	job.training.epochs * Math.ceil(sources.reduce((sum, {data}) => sum + data.items, 0) / job.training.batch);

async function trainOn(
	alone: PlanAlone,
	steps: number,
	batchOf: (step: number) => Batch | Promise<Batch>,
): Promise<TrainerState> {
	const trainer = await alone.trainer();
	for (let step = 0; step < steps; step++) {
		await trainer.step(await batchOf(step), lrScale(alone.job.training.schedule, step, steps));
	}
	const state = await trainer.save();
	await trainer.close();
	return state;
}

/** Every step on the global batch. */
export const allTogether = (alone: PlanAlone): Promise<TrainerState> =>
	trainOn(alone, stepsTogether(alone), step => globalBatch(alone, step));

/**
 * Split learning as its paper has it (Gupta and Raskar 2018): one client after the other trains with the server for some
 * passes over its own data. Weights are handed over, so that all of it is one model that sees the clients' batches in turn.
 */
export function inTurn(alone: PlanAlone, localEpochs: number): Promise<TrainerState> {
	const {sources, job} = alone;
	const {batch, epochs} = job.training;
	const stepsOf = ({data}: Source) => Math.max(1, Math.ceil(data.items / batch));
	const steps = epochs * sources.reduce((sum, source) => sum + stepsOf(source), 0);
	const drawn = sources.map(() => 0);
	let client = 0;
	let left = localEpochs * stepsOf(sources[0]!);
	return trainOn(alone, steps, () => {
		if (left === 0) {
			client = (client + 1) % sources.length;
			left = localEpochs * stepsOf(sources[client]!);
		}
		left--;
		const {data, order} = sources[client]!;
		const indices = order(drawn[client]!, batch);
		drawn[client]! += batch;
		return data.batch(indices);
	});
}

/** Elements of the whole model's parameters that belong to the first stage. */
function ofFirstStage({model, plan}: PlanAlone, {parameters}: Pick<Trainer, 'parameters'>): (index: number) => boolean {
	const first = arrange(model, plan, '').part({stage: 0, replica: 0}).segment;
	const names = new Set(first.parameters);
	const inside = new Uint8Array(parameters.length);
	for (const {name, offset, length} of parameters.entries) {
		if (names.has(name)) {
			inside.fill(1, offset, offset + length);
		}
	}
	return index => inside[index] === 1;
}

const weightedMean = (vectors: readonly Float32Array[], weights: readonly number[]): Float32Array => {
	const total = weights.reduce((a, b) => a + b, 0);
	return Float32Array.from(vectors[0]!, (_, at) =>
		vectors.reduce((sum, vector, index) => sum + (weights[index]! / total) * vector[at]!, 0),
	);
};

/**
 * Sources with first stages of their own before one trunk: the trunk learns from all items, each first stage from the mean
 * over its own. `averageEvery` steps the first stages become their mean by items and begin with a fresh optimiser (SplitFed,
 * Thapa et al. 2022); undefined: never.
 * @param disturb changes the weights that training begins with.
 * @returns the whole model of each source.
 */
export async function ownFirstStages(
	alone: PlanAlone,
	averageEvery?: number,
	disturb: (parameters: Float32Array) => Float32Array = parameters => parameters,
): Promise<readonly Weights[]> {
	const {job, sources} = alone;
	const steps = stepsTogether(alone);
	const trainers = await Promise.all(sources.map(() => alone.trainer()));
	const begin = disturb((await trainers[0]!.save(['parameters'])).parameters);
	await Promise.all(trainers.map(trainer => trainer.load({parameters: begin})));
	const first = ofFirstStage(alone, trainers[0]!);
	for (let step = 0; step < steps; step++) {
		const draws = drawsOf(alone, step);
		const own = sources.map((_, source) => stacked(present(draws.map(micro => micro[source]))));
		const items = own.map(({targets}) => targets.shape[0]!);
		const gradients = await Promise.all(
			trainers.map(async (trainer, source) => (await trainer.gradient(own[source]!)).gradient),
		);
		const mean = weightedMean(gradients, items);
		const scale = lrScale(job.training.schedule, step, steps);
		for (const [source, trainer] of trainers.entries()) {
			const gradient = mean.map((value, index) => (first(index) ? gradients[source]![index]! : value));
			await trainer.apply(gradient, scale);
		}
		if (averageEvery !== undefined && (step + 1) % averageEvery === 0) {
			const states = await Promise.all(trainers.map(trainer => trainer.save()));
			const parameters = weightedMean(
				states.map(state => state.parameters),
				items,
			);
			await Promise.all(
				trainers.map((trainer, source) =>
					trainer.load({
						parameters,
						slots: states[source]!.slots.map(slot => slot.map((value, index) => (first(index) ? 0 : value))),
					}),
				),
			);
		}
	}
	const states = await Promise.all(trainers.map(trainer => trainer.save(['parameters', 'buffers'])));
	await Promise.all(trainers.map(trainer => trainer.close()));
	return states.map(({parameters, buffers}) => ({parameters, buffers}));
}
