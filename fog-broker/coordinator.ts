/**
 * The coordinator: takes jobs from clients, drives one run after the other, answers questions about runs and devices, and
 * after a restart goes on with what was under way.
 */
import {randomBytes} from 'node:crypto';
import type {z} from 'zod';
import {parseValue} from '../core/config/config.js';
import {asFplError, FplError} from '../core/errors.js';
import {type DeviceId, type RunId, runId} from '../core/ids.js';
import {readPrediction} from '../core/ledger/prediction.js';
import {checkPlan} from '../core/plan/check.js';
import {jobSchema} from '../core/plan/job.js';
import {planSchema} from '../core/plan/plan.js';
import type {Body, BodyOf} from '../core/wire/bodies.js';
import type {Message} from '../core/wire/message.js';
import type {Acceptance, IncomingTransfer} from '../core/wire/tensor-link.js';
import {checkPlanFor} from '../models/plans/check.js';
import {inferenceOf} from './inference/submit.js';
import type {ActiveRun, RunContext} from './run/conduct.js';
import {executeRun} from './run/execute.js';
import {prepare} from './run/preparation.js';
import {latestLedger} from './run/so-far.js';
import {ledgerJson, type Manifest, predictionFile} from './run/store.js';
import {Uploads} from './uploads.js';

/** Runs that wait for the one under way; a further one is refused. */
const mostQueued = 16;
/** JSON replies above this go as a transfer. */
const inlineCharacters = 200_000;
const stallMs = 30_000;
const fileNames = {
	ledger: 'ledger.json',
	model: 'trained.onnx',
	events: 'events.jsonl',
	predictions: 'predictions.csv',
	prediction: predictionFile,
} as const satisfies Record<BodyOf<'fetch'>['what'], string>;

interface Current {
	readonly run: RunId;
	readonly pause: AbortController;
	readonly cancel: AbortController;
	/** Resolves when the run's end is in its folder and another may begin. */
	over: Promise<void>;
	driver: ActiveRun | undefined;
}

export class Coordinator {
	readonly #context: Omit<RunContext, 'onDriver'>;
	readonly #queue: Manifest[] = [];
	readonly #uploads = new Uploads();
	#current: Current | undefined;
	#working: Promise<void> = Promise.resolve();
	#closed = false;

	constructor(context: Omit<RunContext, 'onDriver'>) {
		this.#context = context;
	}

	/** Goes on with the runs that were under way when the coordinator last ended. */
	async recover(): Promise<void> {
		const {store, log} = this.#context;
		for (const manifest of await store.list(damaged => log.warn(`passed over: ${damaged.message}`))) {
			if (manifest.state === 'running') {
				log.info('resuming', {run: manifest.run});
				await this.#enqueue({...manifest, attempt: manifest.attempt + 1});
			}
		}
	}

	/** Contributions go to the run under way, files of clients are kept until their job comes. */
	accept(transfer: IncomingTransfer): Acceptance {
		switch (transfer.purpose.kind) {
			case 'contribution':
			case 'state':
				return this.#current?.driver?.accept(transfer) ?? {refuse: 'no run is under way'};
			case 'file':
				return this.#uploads.accept(transfer.purpose.digest, transfer.bytes);
			default:
				return {refuse: `the coordinator does not take «${transfer.purpose.kind}»`};
		}
	}

	/** Stops at the next opportunity; runs under way are resumed by the next start. */
	async close(): Promise<void> {
		this.#closed = true;
		this.#queue.length = 0;
		this.#current?.pause.abort();
		await this.#working;
	}

	/** Answers one message. @throws FplError, which the messenger sends back as `refused`. */
	async answer({body, from}: Message): Promise<Body> {
		const driver = this.#current?.driver;
		switch (body.kind) {
			case 'ready':
				driver?.ready(body, from);
				return {kind: 'ack'};
			case 'failed':
				driver?.failed(body, from);
				return {kind: 'ack'};
			case 'held':
				driver?.held(body, from);
				return {kind: 'ack'};
			case 'roundReport':
				driver?.report(body, from);
				return {kind: 'ack'};
			case 'submit':
				return {kind: 'accepted', run: await this.#submit(body)};
			case 'infer':
				return {kind: 'accepted', run: await this.#infer(body)};
			case 'listDevices':
				return {kind: 'deviceList', devices: JSON.stringify(this.#context.fleet.list())};
			case 'listRuns':
				return {kind: 'runList', runs: JSON.stringify(await this.#context.store.list())};
			case 'watch':
				await this.#context.store.get(body.run);
				void this.#context.journal.catchUp(body.run, from, body.fromSequence).catch(() => {});
				return {kind: 'ack'};
			case 'fetch':
				return this.#fetch(body, from);
			case 'stop':
				return this.#stop(body.run);
			default:
				throw new FplError('WIRE_INVALID', {where: from, problem: `the coordinator does not answer «${body.kind}»`});
		}
	}

	async #submit({job: jobText, plan: planText, resume, modelDigest, ...more}: BodyOf<'submit'>): Promise<RunId> {
		const {store} = this.#context;
		this.#checkRoom();
		if (resume !== '') {
			return this.#resume(runId(resume));
		}
		const document = parseJson(jobText, 'job');
		const job = parseValue(jobSchema, document, 'job', 'JOB_INVALID');
		const plan =
			planText === ''
				? undefined
				: checkPlan(parseValue(planSchema, parseJson(planText, 'plan'), 'plan', 'PLAN_INVALID'));
		const prediction = more.prediction ? readPrediction(more.prediction) : undefined;
		const given = this.#uploaded(modelDigest, job.model);
		const {model} = await prepare(job, given);
		if (plan) {
			if (plan.model !== job.model) {
				throw new FplError('PLAN_INVALID', {
					where: 'model',
					problem: 'the plan is for another model than the job',
					expected: `«${job.model}»`,
					got: `«${plan.model}»`,
				});
			}
			// Devices may still come; whether they suit the plan is seen when they are asked.
			checkPlanFor(plan, {model, training: job.training, ...job.privacy});
		}
		const createdAt = new Date(this.#context.clock.now()).toISOString();
		const run = runId(
			`${nameOf(job.model)}-${createdAt.slice(2, 19).replaceAll(/[-:T]/gu, '')}-${randomBytes(2).toString('hex')}`,
		);
		if (given) {
			await store.putFile(run, 'given.onnx', given);
			this.#uploads.delete(modelDigest);
		}
		if (prediction) {
			const ledger = {...prediction.ledger, run, startedAt: createdAt};
			await store.putPrediction(run, {...prediction, ledger});
		}
		await this.#enqueue({
			version: 1,
			run,
			createdAt,
			job: document,
			state: 'running',
			attempt: 1,
			...(plan ? {plan} : {}),
		});
		return run;
	}

	async #resume(run: RunId): Promise<RunId> {
		const {store} = this.#context;
		let manifest = await store.get(run);
		const current = this.#current;
		// A run that was told to stop, or that has just failed, is still being put away: it goes on from what that leaves.
		if (current?.run === run && (current.cancel.signal.aborted || manifest.state !== 'running')) {
			await current.over;
			this.#checkRoom();
			manifest = await store.get(run);
		}
		const underWay = this.#current?.run === run || this.#queue.some(queued => queued.run === run);
		// Where there is nothing to go on with, who follows it is told how it ended.
		if (!underWay && manifest.state !== 'done') {
			await this.#enqueue({...manifest, state: 'running', attempt: manifest.attempt + 1});
		}
		return run;
	}

	async #infer(body: BodyOf<'infer'>): Promise<RunId> {
		const {store, clock} = this.#context;
		this.#checkRoom();
		const given = this.#uploaded(body.modelDigest, 'model');
		const {manifest, files} = await inferenceOf(body, {store, given, now: clock.now()});
		const run = runId(manifest.run);
		for (const [name, bytes] of files) {
			await store.putFile(run, name, bytes);
		}
		this.#uploads.delete(body.modelDigest);
		await this.#enqueue(manifest);
		return run;
	}

	#checkRoom(): void {
		if (this.#queue.length >= mostQueued || this.#closed) {
			throw new FplError('AGENT_BUSY', {
				where: 'coordinator',
				problem: this.#closed ? 'it is being stopped' : `${this.#queue.length} runs are waiting already`,
			});
		}
	}

	/** The file that a client sent before. @throws FplError `MODEL_FILE` when it did not come. */
	#uploaded(digest: string, where: string): Uint8Array | undefined {
		const given = digest === '' ? undefined : this.#uploads.get(digest);
		if (digest !== '' && !given) {
			throw new FplError('MODEL_FILE', {where, problem: 'the file did not arrive', fix: 'Submit the job again.'});
		}
		return given;
	}

	async #enqueue(manifest: Manifest): Promise<void> {
		const {store, journal} = this.#context;
		const run = runId(manifest.run);
		await store.put(manifest);
		await journal.open(run);
		this.#queue.push(manifest);
		if (this.#current) {
			const ahead = this.#queue.length;
			const others = ahead > 1 ? ` and ${ahead - 1} other${ahead > 2 ? 's' : ''}` : '';
			journal.publish(run, {kind: 'note', text: `waits for the end of ${this.#current.run}${others}`});
		} else {
			this.#working = this.#work();
		}
	}

	async #work(): Promise<void> {
		for (let manifest = this.#queue.shift(); manifest; manifest = this.#queue.shift()) {
			const current: Current = {
				run: runId(manifest.run),
				pause: new AbortController(),
				cancel: new AbortController(),
				over: Promise.resolve(),
				driver: undefined,
			};
			this.#current = current;
			const ended = executeRun(
				{
					...this.#context,
					onDriver: driver => {
						current.driver = driver;
					},
				},
				manifest,
				{pause: current.pause.signal, cancel: current.cancel.signal},
			);
			current.over = ended.then(() => {
				this.#current = undefined;
			});
			await current.over;
		}
	}

	async #fetch({run, what}: BodyOf<'fetch'>, from: DeviceId): Promise<Body> {
		const {store, link, log} = this.#context;
		const name = fileNames[what];
		const data =
			what === 'ledger' ? Buffer.from(ledgerJson(await latestLedger(store, run))) : await store.file(run, name);
		if (what !== 'model' && data.length <= inlineCharacters) {
			return {kind: 'fetchReply', run, what, content: data.toString(), transfer: ''};
		}
		const transfer = `${run}/file/${what}/${randomBytes(6).toString('hex')}`;
		link
			.send(from, {id: transfer, purpose: {kind: 'file', run, name, digest: ''}, data}, {stallMs})
			.catch((error: unknown) => log.warn(`sending ${name} to ${from}: ${asFplError(error).message}`));
		return {kind: 'fetchReply', run, what, content: '', transfer};
	}

	async #stop(run: RunId): Promise<Body> {
		const queued = this.#queue.findIndex(manifest => manifest.run === run);
		if (queued >= 0) {
			const [manifest] = this.#queue.splice(queued, 1);
			await this.#context.store.put({...manifest!, state: 'interrupted'});
			this.#context.journal.publish(run, {kind: 'ended', state: 'interrupted', because: 'a client asked for it'});
		} else if (this.#current?.run === run) {
			this.#current.cancel.abort();
		} else {
			await this.#context.store.get(run);
		}
		return {kind: 'ack'};
	}
}

/** A model's name as part of a run's name: «nets/my net.onnx» → «my-net». */
const nameOf = (model: string): string =>
	model
		.replace(/^.*[\\/]/u, '')
		.replace(/\.onnx$/u, '')
		.replaceAll(/[^A-Za-z0-9_.-]+/gu, '-')
		.slice(0, 32) || 'run';

function parseJson(text: string, where: string): z.core.util.JSONType {
	try {
		return JSON.parse(text) as z.core.util.JSONType;
	} catch (error) {
		throw new FplError('WIRE_INVALID', {where, problem: 'it is no JSON'}, {cause: error});
	}
}
