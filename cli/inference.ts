/** What `fpl infer` hands over: read and checked before anybody is asked, so that mistakes show at once. */
import path from 'node:path';
import {readConfig} from '../core/config/config.js';
import {readConfigFile} from '../core/config/document.js';
import {FplError} from '../core/errors.js';
import {type RunId, runId} from '../core/ids.js';
import {checkPlan} from '../core/plan/check.js';
import type {InferenceOptionsDocument} from '../core/plan/inference.js';
import type {JobDocument} from '../core/plan/job.js';
import {planSchema} from '../core/plan/plan.js';
import type {SchemeKind} from '../core/plan/scheme-options.js';
import {isZooName} from '../models/zoo/zoo.js';
import type {Client} from './client.js';
import {readModel} from './submission.js';

export interface InferOptions {
	readonly plan?: string;
	readonly scheme?: SchemeKind;
	readonly dataset?: string;
	readonly limit?: number;
	readonly batch: number;
	readonly inFlight: number;
	readonly values?: boolean;
	/** File for the predictions. */
	readonly out?: string;
}

export interface InferenceWish {
	/** The training run, or empty. */
	readonly run: RunId | '';
	/** JSON texts. */
	readonly job: string;
	readonly plan: string;
	readonly options: string;
	readonly model: {readonly name: string; readonly bytes: Uint8Array} | undefined;
}

function optionsOf({scheme, dataset, limit, batch, inFlight, values, out}: InferOptions): InferenceOptionsDocument {
	return {
		batch,
		inFlight,
		keep: out !== undefined,
		...(scheme === undefined ? {} : {scheme}),
		...(dataset === undefined ? {} : {dataset}),
		...(limit === undefined ? {} : {limit}),
		...(values ? {give: 'values' as const} : {}),
	};
}

/**
 * @param subject a run, a model of the zoo, or an ONNX file.
 * @throws FplError `USAGE`, `CONFIG_FILE`, `PLAN_INVALID`, and those of reading a model.
 */
export async function readInference(subject: string, given: InferOptions): Promise<InferenceWish> {
	const {plan, scheme, dataset} = given;
	if (plan !== undefined && scheme !== undefined) {
		throw new FplError('USAGE', {expected: 'a plan, or a scheme to make one by', got: 'both'});
	}
	const document = plan === undefined ? undefined : await readConfigFile(plan);
	if (document) {
		checkPlan(readConfig(planSchema, {document, code: 'PLAN_INVALID'}));
	}
	const common = {plan: document ? JSON.stringify(document.value) : '', options: JSON.stringify(optionsOf(given))};
	const file = subject.endsWith('.onnx');
	if (!file && !isZooName(subject)) {
		return {...common, run: runId(subject, 'run'), job: '', model: undefined};
	}
	if (dataset === undefined) {
		throw new FplError('USAGE', {
			where: subject,
			expected: 'the data that a model is to be used on, with «--dataset»',
			got: 'none',
		});
	}
	const job: JobDocument = {version: 1, model: subject, data: {dataset}};
	return {...common, run: '', job: JSON.stringify(job), model: await readModel(subject, path.resolve('job.yaml'))};
}

/** @throws FplError of the coordinator: `RUN_UNKNOWN`, `PLAN_INVALID`, `DATA_SHAPE` … */
export async function submitInference(client: Client, {model, ...wish}: InferenceWish): Promise<RunId> {
	const modelDigest = model === undefined ? '' : await client.upload(model.name, model.bytes);
	const {run} = await client.ask({kind: 'infer', ...wish, modelDigest}, 'accepted');
	return runId(run);
}
