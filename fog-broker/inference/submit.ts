/** From a client's wish for an inference run to its manifest: every mistake that can be seen without devices shows here. */
import {randomBytes} from 'node:crypto';
import {parseValue} from '../../core/config/config.js';
import {FplError} from '../../core/errors.js';
import {runId} from '../../core/ids.js';
import {checkPlan} from '../../core/plan/check.js';
import {type InferenceOptions, inferenceOptionsSchema} from '../../core/plan/inference.js';
import {type Job, jobSchema} from '../../core/plan/job.js';
import {type Plan, planSchema} from '../../core/plan/plan.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import type {Model} from '../../models/graph.js';
import {importModel} from '../../models/import/model.js';
import {checkPlanFor} from '../../models/plans/check.js';
import {plannedModel} from '../../models/plans/cut.js';
import {prepare} from '../run/preparation.js';
import type {Manifest, RunStore} from '../run/store.js';
import {forInference, outputOf} from './asked.js';
import {JoinedWeights, lostBranches} from './weights.js';

export interface InferenceSubmission {
	readonly manifest: Manifest;
	/** Files of the run's folder, by name. */
	readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface SubmitContext {
	readonly store: RunStore;
	/** Milliseconds since 1970. */
	readonly now: number;
	/** The file that the client sent before, if it did. */
	readonly given: Uint8Array | undefined;
}

type JobText = Manifest['job'];

function parseJson(text: string, where: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new FplError('WIRE_INVALID', {where, problem: 'it is no JSON'}, {cause: error});
	}
}

/** Data and scheme as they were asked for now. */
function changed(document: unknown, {dataset, scheme}: InferenceOptions): JobText {
	const job = structuredClone(document) as {data: {dataset: string; path?: string}; scheme?: unknown};
	if (dataset !== undefined && dataset !== job.data.dataset) {
		job.data = {...job.data, dataset};
		delete job.data.path;
	}
	if (scheme !== undefined) {
		job.scheme = {kind: scheme};
	}
	return job as JobText;
}

interface Origin {
	readonly document: unknown;
	readonly base: Uint8Array | undefined;
	readonly trained: Uint8Array | undefined;
	readonly plan: Plan | undefined;
	readonly of: string;
}

/** @throws FplError `RUN_UNKNOWN` when there is no such run, `RUN_UNFINISHED` when it has no trained model. */
async function originOf({run, job}: BodyOf<'infer'>, {store, given}: SubmitContext): Promise<Origin> {
	if (run === '') {
		return {document: parseJson(job, 'job'), base: given, trained: undefined, plan: undefined, of: ''};
	}
	const manifest = await store.get(run);
	if (manifest.inference) {
		throw new FplError('RUN_UNKNOWN', {
			where: run,
			problem: 'it is an inference run itself',
			expected: 'a run that has trained a model',
			...(manifest.inference.of === '' ? {} : {fix: `Give «${manifest.inference.of}», whose model it used.`}),
		});
	}
	const trained = await store.file(run, 'trained.onnx');
	const base = await store.file(run, 'model.onnx');
	return {document: manifest.job, base, trained, plan: manifest.plan, of: run};
}

/** A plan whose replicas keep weights of their own has several trained models. */
function checkOneModel(plan: Plan, of: string): void {
	const apart = [plan.synchronisation, ...plan.stages.flatMap(stage => stage.synchronisation ?? [])];
	if (apart.some(({every}) => every.kind === 'never')) {
		throw new FplError('PLAN_INVALID', {
			where: of,
			problem: 'its replicas keep weights of their own, so that there is not one trained model',
			fix: 'Give the file of one of them («trained@<device>.onnx» in the folder of the run) and a plan.',
		});
	}
}

/** @throws FplError of the options, the run, the job, the model, the data or the plan. */
export async function inferenceOf(body: BodyOf<'infer'>, context: SubmitContext): Promise<InferenceSubmission> {
	const options = parseValue(
		inferenceOptionsSchema,
		parseJson(body.options, 'options') as never,
		'options',
		'CONFIG_VALUE',
	);
	const origin = await originOf(body, context);
	const document = changed(origin.document, options);
	const job: Job = parseValue(jobSchema, document, 'job', 'JOB_INVALID');
	const before = origin.plan;
	const given =
		body.plan === ''
			? undefined
			: checkPlan(parseValue(planSchema, parseJson(body.plan, 'plan') as never, 'plan', 'PLAN_INVALID'));
	const asItWas = given ?? (options.scheme === undefined ? before : undefined);
	if (before) {
		checkOneModel(before, origin.of);
	}
	const base = origin.base && importModel(Buffer.from(origin.base));
	const joined = before !== undefined && base !== undefined && plannedModel(base, before) !== base;
	const plan = asItWas && forInference(asItWas);
	const {model} = await prepare(job, joined ? origin.base : (origin.trained ?? origin.base));
	if (joined) {
		checkJoined(base, plan, importModel(Buffer.from(origin.trained!)));
	}
	if (plan) {
		if (plan.model !== job.model) {
			throw new FplError('PLAN_INVALID', {
				where: 'model',
				problem: 'the plan is for another model',
				expected: `«${job.model}»`,
				got: `«${plan.model}»`,
			});
		}
		checkPlanFor(plan, {model, rawData: job.privacy.rawData});
	}
	outputOf(plan ? plannedModel(model, plan) : model, job, options);
	const createdAt = new Date(context.now).toISOString();
	const stamp = createdAt.slice(2, 19).replaceAll(/[-:T]/gu, '');
	const files = new Map<string, Uint8Array>();
	const file = joined ? origin.base : (origin.trained ?? origin.base);
	if (file) {
		files.set('given.onnx', file);
	}
	if (origin.trained) {
		files.set('trained.onnx', origin.trained);
	}
	return {
		files,
		manifest: {
			version: 1,
			run: runId(`infer-${nameOf(model)}-${stamp}-${randomBytes(2).toString('hex')}`),
			createdAt,
			job: document,
			state: 'running',
			attempt: 1,
			inference: {of: origin.of, joined, options},
			...(plan ? {plan} : {}),
		},
	};
}

/** A joined model is one with its plan: another cut, junction or other branches make another model. */
function checkJoined(base: Model, plan: Plan | undefined, trained: Model): void {
	if (!plan) {
		throw new FplError('PLAN_INVALID', {
			where: '--scheme',
			problem: `«${trained.name}» was joined from branches by the plan of its run`,
			fix: 'Leave it away, or give a plan with the same cut, junction and branches.',
		});
	}
	const lost = new Set(lostBranches(base, plan, trained));
	const first = plan.stages[0]!.replicas;
	if (lost.size === first.length || plannedModel(base, plan) === base) {
		throw new FplError('PLAN_INVALID', {
			where: 'stages[0]',
			problem: `the trained model «${trained.name}» has none of the plan's branches`,
			got: first.map(({device}) => device).join(', '),
			fix: 'Use the plan of the run, or one with the same cut, junction and branches.',
		});
	}
	if (lost.size === 0) {
		new JoinedWeights(base, plan, trained);
	}
}

const nameOf = ({name}: Model): string => name.replaceAll(/[^A-Za-z0-9_.-]+/gu, '-').slice(0, 28) || 'model';
