/**
 * Getting ready for a run, as a list of named steps: read the assignment, fetch the model, check it, open the data, take this
 * device's part, build the trainer. A step that fails names itself.
 */
import {createHash} from 'node:crypto';
import {z} from 'zod';
import {workSums} from '../core/cost/pass-times.js';
import {asFplError, FplError} from '../core/errors.js';
import type {Logger} from '../core/log.js';
import {type Job, jobSchema, partitionSchema} from '../core/plan/job.js';
import {isDataParallel, type Plan, planSchema} from '../core/plan/plan.js';
import type {Views} from '../core/plan/views.js';
import {hashString} from '../core/random.js';
import type {BodyOf} from '../core/wire/bodies.js';
import {slotCount} from '../models/compile/optimizer.js';
import {bind} from '../models/datasets/bind.js';
import type {Dataset, Split} from '../models/datasets/dataset.js';
import {itemOrder} from '../models/datasets/draw.js';
import {openJobData} from '../models/datasets/job-data.js';
import type {Places} from '../models/datasets/locate.js';
import {partition} from '../models/datasets/partition.js';
import {subset} from '../models/datasets/subset.js';
import {views} from '../models/datasets/views.js';
import type {Engine, Trainer} from '../models/engines/engine.js';
import type {Model} from '../models/graph.js';
import {importModel} from '../models/import/model.js';
import {workOfUnits} from '../models/plans/costs.js';
import type {Optimizer} from '../models/training.js';
import {type InferenceWorkspace, openInference} from './inference/workspace.js';
import type {Workload} from './meter.js';
import type {ModelCache} from './model-cache.js';
import {openStages, type StageWorkspace} from './stages/workspace.js';

/** Everything an agent holds for one run: the whole model of a run of one stage, or its parts of a plan to train or to use. */
export type Workspace = RoundWorkspace | StageWorkspace | InferenceWorkspace;

export interface RoundWorkspace {
	readonly kind: 'rounds';
	/** Training items of its own. */
	readonly items: number;
	readonly job: Job;
	readonly plan: Plan;
	readonly model: Model;
	readonly data: Dataset;
	readonly order: ReturnType<typeof itemOrder>;
	readonly trainer: Trainer;
	/** What gradients of so many items in so many batches ask of a device, and as many updates where it trains by itself. */
	readonly workload: (items: number, batches: number, updates: number) => Workload;
	close(): Promise<void>;
}

export interface StagingContext {
	/** This device. */
	readonly device: string;
	readonly engine: (name: Job['engine']) => Promise<Engine>;
	readonly models: ModelCache;
	readonly places: Places;
	/** Where this device keeps datasets, by name; overrides the job's path. */
	readonly dataPaths: Readonly<Record<string, string>>;
	/** Waits for the model's transfer. */
	readonly receive: (transfer: string, deadlineMs: number) => Promise<Uint8Array>;
	readonly log: Logger;
}

const partSchema = z.intersection(
	partitionSchema,
	z.object({
		index: z.number().int().min(0),
		parts: z.number().int().min(1),
		/** Runs with stages: by replica of the first stage, which of the parts is its own; and the step to begin with. */
		origins: z.array(z.number().int().min(0)).default([]),
		step: z.number().int().min(0).default(0),
		/** Inference runs: how items are asked for, and the weights where they come apart from the model. */
		inference: z
			.object({
				batch: z.number().int().min(1),
				inFlight: z.number().int().min(1),
				from: z.number().int().min(0),
				weights: z.object({digest: z.string(), transfer: z.string()}).optional(),
			})
			.optional(),
	}),
);

/** Reads a JSON text of the assignment; what is wrong in it is the coordinator's mistake, named by its place. */
function read<T>(schema: z.ZodType<T>, text: string, where: string): T {
	try {
		return schema.parse(JSON.parse(text));
	} catch (error) {
		throw new FplError('WIRE_INVALID', {where: `assignment, ${where}`, problem: 'it cannot be read'}, {cause: error});
	}
}

async function fetchModel(
	{modelDigest, modelTransfer, deadlineMs}: Pick<BodyOf<'assign'>, 'modelDigest' | 'modelTransfer' | 'deadlineMs'>,
	{models, receive, log}: StagingContext,
): Promise<Uint8Array> {
	const kept = await models.find(modelDigest);
	if (kept) {
		return kept;
	}
	const bytes = await receive(modelTransfer, deadlineMs);
	const digest = createHash('sha256').update(bytes).digest('hex');
	if (digest !== modelDigest) {
		throw new FplError('MODEL_FILE', {where: 'model of the run', expected: `SHA-256 ${modelDigest}`, got: digest});
	}
	try {
		await models.put(digest, bytes);
	} catch (error) {
		// It only saves the next transfer.
		log.warn(`the model is not kept: ${asFplError(error).message}`);
	}
	return bytes;
}

type Part = z.output<typeof partSchema>;

async function openSplit(job: Job, {dataPaths, places}: StagingContext): Promise<Split> {
	const own = dataPaths[job.data.dataset];
	return openJobData(own === undefined ? job.data : {...job.data, path: own}, places);
}

/** All test items, of aligned sources in one view of them. */
async function openTest(index: number, job: Job, context: StagingContext): Promise<Dataset> {
	const {test} = await openSplit(job, context);
	return job.data.views ? viewOf(test, job.data.views, index) : test;
}

/** One part of the training data; of aligned sources, one view of all of them. */
async function openPart(part: Part, index: number, job: Job, context: StagingContext): Promise<Dataset> {
	const {train} = await openSplit(job, context);
	if (job.data.views) {
		return viewOf(train, job.data.views, index);
	}
	if (part.kind === 'local') {
		return train;
	}
	const indices = partition(train, part, {devices: part.parts, seed: job.training.seed})[index];
	if (!indices || indices.length === 0) {
		throw new FplError('DATA_SHAPE', {
			where: `dataset «${train.name}», part ${index + 1} of ${part.parts}`,
			expected: 'at least one item',
			got: '0',
		});
	}
	return subset(train, indices);
}

function viewOf(data: Dataset, kind: Views, index: number): Dataset {
	const all = views(data, kind);
	const view = all[index];
	if (!view) {
		throw new FplError('DATA_SHAPE', {
			where: `views of «${data.name}»`,
			expected: `at most ${all.length} sources, one for each view`,
			got: `source ${index + 1}`,
		});
	}
	return view;
}

/** Replicas drop different units: with the same ones their mean would be that of one mask. */
const dropoutSeed = (seed: number, replica: number): number =>
	replica === 0 ? seed : hashString(`dropout/${seed}/${replica}`) & 0x7fff_ffff;

/** @throws FplError whose `where` begins with the step that failed. */
export async function stage(assign: BodyOf<'assign'>, context: StagingContext): Promise<Workspace> {
	const job = read(jobSchema, assign.job, 'job');
	const plan = read(planSchema, assign.plan, 'plan');
	const model = importModel(await fetchModel(assign, context));
	const part = read(partSchema, assign.partition, 'partition');
	const engine = await context.engine(job.engine);
	if (part.inference) {
		const {weights, ...asked} = part.inference;
		const trained =
			weights &&
			(await fetchModel(
				{modelDigest: weights.digest, modelTransfer: weights.transfer, deadlineMs: assign.deadlineMs},
				context,
			));
		return openInference({
			...asked,
			device: context.device,
			job,
			plan,
			model,
			digest: `${assign.modelDigest} ${weights?.digest ?? ''}`,
			trained: trained && importModel(trained),
			engine,
			open: replica => openTest(part.origins[replica] ?? replica, job, context),
		});
	}
	if (!isDataParallel(plan)) {
		return openStages({
			device: context.device,
			job,
			plan,
			model,
			modelDigest: assign.modelDigest,
			engine,
			step: part.step,
			open: replica => openPart(part, part.origins[replica] ?? replica, job, context),
			origin: replica => part.origins[replica] ?? replica,
		});
	}
	const loss = job.training.loss ?? model.loss;
	const data = bind(await openPart(part, part.index, job, context), model, loss);
	const trainer = await engine.trainer(model, {
		loss,
		optimizer: job.training.optimizer,
		seed: dropoutSeed(job.training.seed, assign.replica),
		...(job.training.clipNorm === undefined ? {} : {clipNorm: job.training.clipNorm}),
	});
	return {
		kind: 'rounds',
		items: data.items,
		job,
		plan,
		model,
		data,
		order: itemOrder(data.items, job.training.seed, assign.replica),
		trainer,
		workload: wholeWork(model, job.training.optimizer),
		close: () => trainer.close(),
	};
}

function wholeWork(model: Model, optimizer: Optimizer): RoundWorkspace['workload'] {
	const units = workOfUnits(model);
	const sums = workSums(units, slotCount(optimizer));
	const last = units.length - 1;
	return (items, batches, updates) => {
		const work = sums.pass('learn', 0, last, items, batches);
		const {memory = {flops: 0, bytes: 0, calls: 0}} = work;
		const update = sums.update(0, last).memory!;
		return {...work, memory: {...memory, bytes: memory.bytes + updates * update.bytes}};
	};
}
