/** What `fpl run` hands over: read and checked before anybody is asked, so that mistakes show at once. */
import path from 'node:path';
import {readConfig} from '../core/config/config.js';
import {type ConfigDocument, readConfigFile} from '../core/config/document.js';
import {FplError, isFplError} from '../core/errors.js';
import {type RunId, runId} from '../core/ids.js';
import type {RunUpdate} from '../core/ledger/run-update.js';
import {checkPlan} from '../core/plan/check.js';
import {jobSchema} from '../core/plan/job.js';
import {planSchema} from '../core/plan/plan.js';
import type {Client} from './client.js';

export type Submission =
	| {readonly kind: 'resume'; readonly run: RunId}
	| {
			readonly kind: 'job';
			/** JSON texts. */
			readonly job: string;
			readonly plan: string;
			readonly model: {readonly name: string; readonly bytes: Uint8Array} | undefined;
			/** What was predicted of the plan (`predictionJson`). */
			readonly prediction?: string | undefined;
	  };

export interface Submitted {
	readonly run: RunId;
	/** Number of the first update to follow. */
	readonly from: number;
}

/** Paths in a job are relative to its file; the coordinator and the agents may run elsewhere on this machine. */
function absolutePaths(document: ConfigDocument, file: string): unknown {
	const value = structuredClone(document.value) as {data?: {path?: unknown}} | null;
	if (typeof value?.data?.path === 'string') {
		value.data.path = path.resolve(path.dirname(file), value.data.path);
	}
	return value;
}

/**
 * A model's file as one piece, however it was exported: what lies beside it («model.onnx.data») is taken in. Reading it here
 * finds its faults before it is sent.
 */
export async function readModel(
	model: string,
	jobFile: string,
): Promise<{name: string; bytes: Uint8Array} | undefined> {
	if (!model.endsWith('.onnx')) {
		return undefined;
	}
	const file = path.resolve(path.dirname(jobFile), model);
	const {exportModel, importModel} = await import('../models/import/model.js');
	// What had to be assumed about a model from elsewhere: whoever hands it over should know.
	const note = (text: string) => process.stderr.write(`fpl: ${path.basename(file)}: ${text}\n`);
	return {name: path.basename(file), bytes: exportModel(importModel(file, {note}))};
}

/** @throws FplError `USAGE`, `CONFIG_FILE`, `CONFIG_KEY`, `JOB_INVALID`, `PLAN_INVALID`, and those of `importModel`. */
export async function readSubmission(
	file: string | undefined,
	{plan, resume}: {readonly plan?: string; readonly resume?: string},
): Promise<Submission> {
	if (resume !== undefined) {
		if (file !== undefined || plan !== undefined) {
			throw new FplError('USAGE', {
				where: '--resume',
				expected: 'neither a job nor a plan, since the run has its own',
				got: `«${file ?? plan}»`,
			});
		}
		return {kind: 'resume', run: runId(resume, '--resume')};
	}
	if (file === undefined) {
		throw new FplError('USAGE', {expected: 'a job file, or --resume RUN', got: 'neither'});
	}
	const document = await readConfigFile(file);
	const job = readConfig(jobSchema, {document, code: 'JOB_INVALID'});
	const planDocument = plan === undefined ? undefined : await readConfigFile(plan);
	if (planDocument) {
		checkPlan(readConfig(planSchema, {document: planDocument, code: 'PLAN_INVALID'}));
	}
	return {
		kind: 'job',
		job: JSON.stringify(absolutePaths(document, file)),
		plan: planDocument ? JSON.stringify(planDocument.value) : '',
		model: await readModel(job.model, file),
	};
}

/** Goes on with a run. What its earlier attempts told is not told again, except how a run that is done ended. */
async function resumeRun(client: Client, run: RunId): Promise<Submitted> {
	let told: string[] = [];
	try {
		told = Buffer.from(await client.fetch(run, 'events'))
			.toString()
			.split('\n')
			.filter(Boolean);
	} catch (error) {
		if (!isFplError(error, 'RUN_UNFINISHED')) {
			throw error;
		}
	}
	const last = told.at(-1) === undefined ? undefined : (JSON.parse(told.at(-1)!) as RunUpdate);
	await client.ask({kind: 'submit', job: '', plan: '', resume: run, modelDigest: ''}, 'accepted');
	return {run, from: last?.kind === 'ended' && last.state === 'done' ? told.length - 1 : told.length};
}

/** @throws FplError of the coordinator: `MODEL_UNKNOWN`, `DATA_SHAPE`, `RUN_UNKNOWN` … */
export async function submit(client: Client, submission: Submission): Promise<Submitted> {
	if (submission.kind === 'resume') {
		return resumeRun(client, submission.run);
	}
	const {job, plan, model, prediction} = submission;
	const modelDigest = model === undefined ? '' : await client.upload(model.name, model.bytes);
	const accepted = await client.ask(
		{kind: 'submit', job, plan, resume: '', modelDigest, ...(prediction === undefined ? {} : {prediction})},
		'accepted',
	);
	return {run: runId(accepted.run), from: 0};
}
