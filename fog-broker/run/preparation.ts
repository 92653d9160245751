/** What a run needs before any device is asked: the model, its file, and the test data; every mistake in a job shows here. */
import {createHash} from 'node:crypto';
import {FplError, isFplError} from '../../core/errors.js';
import type {Job} from '../../core/plan/job.js';
import type {Views} from '../../core/plan/views.js';
import {bind} from '../../models/datasets/bind.js';
import type {Dataset, Split} from '../../models/datasets/dataset.js';
import {openJobData} from '../../models/datasets/job-data.js';
import {views} from '../../models/datasets/views.js';
import type {TrainerOptions} from '../../models/engines/engine.js';
import type {Model} from '../../models/graph.js';
import {exportModel, importModel} from '../../models/import/model.js';
import {buildModel, isZooName} from '../../models/zoo/zoo.js';

export interface Preparation {
	readonly model: Model;
	/** The model as an ONNX file, and its SHA-256 in hex. */
	readonly bytes: Uint8Array;
	readonly digest: string;
	readonly trainer: TrainerOptions;
	/** As it is read; undefined where the fog broker does not have the data. */
	readonly test: Dataset | undefined;
	/** Items of the training set; undefined where the fog broker does not have the data. */
	readonly items: number | undefined;
	/** Why there are no test data. */
	readonly withoutTest: string | undefined;
}

/** What the sources see of a dataset: all of it, or each its own view. */
export const viewed = (data: Dataset, kind: Views | undefined): readonly Dataset[] =>
	kind === undefined ? [data] : views(data, kind);

/** The model that a job names: given as a file, or built for the shape and classes of the data. */
function modelOf({model, training, data}: Job, split: Split | undefined, given: Uint8Array | undefined): Model {
	if (given) {
		return importModel(given);
	}
	if (!isZooName(model) && model.endsWith('.onnx')) {
		throw new FplError('MODEL_UNKNOWN', {where: model, problem: 'the file was not sent with the job'});
	}
	const {seed} = training;
	const [feature] = split ? viewed(split.train, data.views)[0]!.features : [];
	const target = split?.train.target;
	return buildModel(model, {
		seed,
		...(feature === undefined ? {} : {input: feature.shape}),
		...(target?.kind === 'classes' ? {classes: target.classes} : {}),
	});
}

export const trainerOptions = ({training}: Job, model: Model): TrainerOptions => ({
	loss: training.loss ?? model.loss,
	optimizer: training.optimizer,
	seed: training.seed,
	...(training.clipNorm === undefined ? {} : {clipNorm: training.clipNorm}),
});

/**
 * @param given an ONNX file that came with the job.
 * @throws FplError of the model or the data: `MODEL_UNKNOWN`, `MODEL_FILE`, `DATA_SHAPE`, … Data that are merely not here are
 * no error: they may be on the devices only.
 */
export async function prepare(job: Job, given: Uint8Array | undefined): Promise<Preparation> {
	let split: Split | undefined;
	let withoutTest: string | undefined;
	try {
		split = await openJobData(job.data, {environment: process.env});
	} catch (error) {
		if (!isFplError(error, 'DATA_FILE')) {
			throw error;
		}
		withoutTest = `accuracy is not measured: ${error.message}`;
	}
	const model = modelOf(job, split, given);
	const trainer = trainerOptions(job, model);
	for (const view of split ? viewed(split.train, job.data.views) : []) {
		bind(view, model, trainer.loss);
	}
	const bytes = exportModel(model);
	return {
		model,
		bytes,
		digest: createHash('sha256').update(bytes).digest('hex'),
		trainer,
		test: split?.test,
		items: split?.train.items,
		withoutTest,
	};
}
