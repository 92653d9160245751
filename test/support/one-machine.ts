/** What a distributed run should compute, written down with plain trainers on one machine. */
import {parseValue} from '../../core/config/config.js';
import {type Job, type JobDocument, jobSchema} from '../../core/plan/job.js';
import {apportion} from '../../core/plan/shares.js';
import type {DataTypeMap, Tensor} from '../../core/tensor/tensor.js';
import {lrScale} from '../../models/compile/schedule.js';
import {bind} from '../../models/datasets/bind.js';
import type {Dataset} from '../../models/datasets/dataset.js';
import {itemOrder} from '../../models/datasets/draw.js';
import {openJobData} from '../../models/datasets/job-data.js';
import {partition} from '../../models/datasets/partition.js';
import {subset} from '../../models/datasets/subset.js';
import type {Batch, Engine, Trainer} from '../../models/engines/engine.js';
import type {Model} from '../../models/graph.js';
import {importModel} from '../../models/import/model.js';

export interface Weights {
	readonly parameters: Float32Array;
	readonly buffers: Float32Array;
}

interface Part {
	readonly data: Dataset;
	readonly order: ReturnType<typeof itemOrder>;
}

export interface OneMachine {
	readonly job: Job;
	/** What each device owns, in the order of the plan. */
	readonly parts: readonly Part[];
	trainer(): Promise<Trainer>;
}

export const parseJob = (document: JobDocument): Job => parseValue(jobSchema, document as never, 'job', 'JOB_INVALID');

/** The data of a job divided among so many devices, and trainers of its model. */
export async function oneMachine(
	engine: Engine,
	bytes: Uint8Array,
	document: JobDocument,
	devices: number,
): Promise<OneMachine> {
	const job = parseJob(document);
	const {training, data} = job;
	const model: Model = importModel(bytes);
	const {train} = await openJobData(data, {environment: process.env});
	if (data.partition.kind === 'local') {
		throw new Error('devices with data of their own are not copied here');
	}
	const divided = partition(train, data.partition, {devices, seed: training.seed});
	return {
		job,
		parts: divided.map((indices, index) => {
			const own = bind(subset(train, indices), model);
			return {data: own, order: itemOrder(own.items, training.seed, index)};
		}),
		trainer: () =>
			engine.trainer(model, {
				loss: training.loss ?? model.loss,
				optimizer: training.optimizer,
				seed: training.seed,
				...(training.clipNorm === undefined ? {} : {clipNorm: training.clipNorm}),
			}),
	};
}

function concat(parts: readonly Tensor[]): Tensor {
	const [first] = parts;
	const items = parts.reduce((sum, {shape}) => sum + shape[0]!, 0);
	const shape = [items, ...first!.shape.slice(1)];
	if (first!.dtype === 'int64') {
		return {
			dtype: 'int64',
			shape,
			data: BigInt64Array.from(parts.flatMap(({data}) => [...(data as DataTypeMap['int64'])])),
		};
	}
	return {dtype: 'float32', shape, data: Float32Array.from(parts.flatMap(({data}) => [...(data as Float32Array)]))};
}

/** Batches of several devices as one. */
function joined(batches: readonly Batch[]): Batch {
	const [name] = Object.keys(batches[0]!.inputs);
	return {
		inputs: {[name!]: concat(batches.map(({inputs}) => inputs[name!]!))},
		targets: concat(batches.map(({targets}) => targets)),
	};
}

/** Rounds of D-SGD: an epoch has as many steps as it takes to see as many items as there are. */
export const stepsOf = ({job, parts}: OneMachine): number =>
	job.training.epochs * Math.ceil(parts.reduce((sum, {data}) => sum + data.items, 0) / job.training.batch);

/** Every step on the global batch: what the devices draw, one after the other. */
export async function globalBatches(machine: OneMachine, shares: readonly number[]): Promise<Weights> {
	const {job, parts} = machine;
	const counts = apportion(job.training.batch, shares);
	const steps = stepsOf(machine);
	const trainer = await machine.trainer();
	for (let step = 0; step < steps; step++) {
		const drawn = parts.map(({data, order}, index) => data.batch(order(step * counts[index]!, counts[index]!)));
		await trainer.step(joined(drawn), lrScale(job.training.schedule, step, steps));
	}
	const {parameters, buffers} = await trainer.save(['parameters', 'buffers']);
	await trainer.close();
	return {parameters, buffers};
}

/** Mean of vectors, weighted by items, in double precision. */
function weightedMean(vectors: readonly Float32Array[], weights: readonly number[]): Float32Array {
	const total = weights.reduce((a, b) => a + b, 0);
	return Float32Array.from(vectors[0]!, (_, at) =>
		vectors.reduce((sum, vector, index) => sum + (weights[index]! / total) * vector[at]!, 0),
	);
}

/**
 * Federated averaging as its paper has it (McMahan et al. 2017, algorithm 1, all clients in each round): every device trains
 * `localEpochs` epochs from the common weights with an optimiser of its own that begins afresh; the mean by items follows.
 */
export async function federatedAveraging(machine: OneMachine, rounds: number, localEpochs: number): Promise<Weights> {
	const {job, parts} = machine;
	const {batch, schedule} = job.training;
	const clients = await Promise.all(parts.map(() => machine.trainer()));
	const zeros = await clients[0]!.save();
	let weights: Weights = zeros;
	for (let round = 0; round < rounds; round++) {
		const after: Weights[] = [];
		for (const [index, {data, order}] of parts.entries()) {
			const client = clients[index]!;
			await client.load({...weights, slots: zeros.slots, updates: 0});
			const items = localEpochs * data.items;
			for (let done = 0; done < items; done += batch) {
				const drawn = order(round * items + done, Math.min(batch, items - done));
				await client.step(data.batch(drawn), lrScale(schedule, round, rounds));
			}
			after.push(await client.save(['parameters', 'buffers']));
		}
		const sizes = parts.map(({data}) => data.items);
		weights = {
			parameters: weightedMean(
				after.map(({parameters}) => parameters),
				sizes,
			),
			buffers: weightedMean(
				after.map(({buffers}) => buffers),
				sizes,
			),
		};
	}
	await Promise.all(clients.map(client => client.close()));
	return weights;
}

/** Largest difference relative to the largest value. */
export function relativeError(a: Float32Array, b: Float32Array): number {
	let difference = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
	let largest = 0;
	for (let index = 0; index < a.length; index++) {
		difference = Math.max(difference, Math.abs(a[index]! - b[index]!));
		largest = Math.max(largest, Math.abs(b[index]!));
	}
	return largest === 0 ? difference : difference / largest;
}
