/** The same job under one scheme after the other; a scheme that fails is a result too. */

import {systemClock} from '../../core/clock.js';
import {parseValue} from '../../core/config/config.js';
import {asFplError} from '../../core/errors.js';
import type {RunId} from '../../core/ids.js';
import {type Job, type JobDocument, jobSchema} from '../../core/plan/job.js';
import type {SchemeKind} from '../../core/plan/scheme-options.js';
import {schemes} from '../../core/plan/schemes.js';
import {prepare, viewed} from '../../fog-broker/run/preparation.js';
import {checkPlanFor} from '../../models/plans/check.js';
import {planFor} from '../../models/plans/plan-for.js';
import type {SchemeComparison, SchemeRun} from '../../reports/schemes/comparison.js';
import type {Client} from '../client.js';
import type {Ended} from '../outcome.js';
import {failureOf} from '../outcome.js';
import type {Participant} from '../planning/plan-input.js';
import {keepResults} from '../results.js';
import {type Submission, submit} from '../submission.js';
import {castOf, castText} from './cast.js';
import {documentFor, fairness, seedsOf} from './contenders.js';

/** A run that is told to stop gets this long; its broker may have been stopped too. */
const stopMs = 5000;

type JobSubmission = Extract<Submission, {kind: 'job'}>;

/** One run of the comparison, about to begin. */
export interface Contender {
	/**
	 * The first run is not compared: in it the devices open the data and compile what they need, which would count against
	 * the scheme that happens to be first.
	 */
	readonly warmUp: boolean;
	readonly scheme: SchemeKind;
	readonly seed: number;
	/** From 0, of `count`. */
	readonly index: number;
	readonly count: number;
}

export interface ContestOptions {
	readonly client: Client;
	readonly submission: JobSubmission;
	readonly fleet: readonly Participant[];
	readonly kinds: readonly SchemeKind[];
	/** How many seeds. */
	readonly seeds: number;
	readonly trunk?: readonly string[] | undefined;
	/** Folder for what the runs leave behind. */
	readonly state: string;
	readonly signal: AbortSignal;
	readonly onContender: (contender: Contender) => void;
	/** Follows a run to its end and shows it; leaves it to itself when the signal aborts. */
	readonly follow: (run: RunId, signal: AbortSignal) => Promise<Ended>;
}

interface Stage {
	readonly options: ContestOptions;
	readonly document: JobDocument;
	readonly job: Job;
	readonly cast: readonly Participant[];
}

/** The run's submission: the job as the scheme does it, with a plan for the devices of the comparison. */
async function submissionFor({options, document, job, cast}: Stage, kind: SchemeKind, seed: number) {
	const {model: file} = options.submission;
	const own = documentFor(document, job, {kind, seed});
	const parsed = parseValue(jobSchema, own as never, `job for ${kind}`, 'JOB_INVALID');
	const {model} = await prepare(parsed, file?.bytes);
	const {training, engine, privacy} = parsed;
	const plan = planFor(parsed, cast, model);
	checkPlanFor(plan, {model, fleet: cast, training, engine, ...privacy});
	return {kind: 'job', job: JSON.stringify(own), plan: JSON.stringify(plan), model: file} as const;
}

/** A few steps of the same. */
const shortened = (document: JobDocument, sources: number): JobDocument => {
	const limit = sources * (document.training?.batch ?? 64);
	return {
		...document,
		data: {...document.data, limit: Math.min(limit, document.data.limit ?? limit)},
		training: {...document.training, epochs: 1},
	};
};

async function runOne(stage: Stage, {scheme, seed}: Contender): Promise<SchemeRun> {
	const {client, follow, state, signal} = stage.options;
	const leave = new AbortController();
	let cancelLeaving = () => {};
	let run: RunId | undefined;
	const stop = () => {
		cancelLeaving = systemClock.after(stopMs, () => leave.abort());
		if (run !== undefined) {
			client.ask({kind: 'stop', run}, 'ack').catch(() => {});
		}
	};
	try {
		run = (await submit(client, await submissionFor(stage, scheme, seed))).run;
		signal.addEventListener('abort', stop, {once: true});
		if (signal.aborted) {
			stop();
		}
		const failure = failureOf(run, await follow(run, leave.signal));
		if (failure) {
			const {problem = '', expected, got} = failure.facts;
			const text = [problem, expected && `expected ${expected}`, got && `got ${got}`].filter(Boolean).join(', ');
			return {seed, failure: text || failure.message};
		}
		return {seed, ledger: (await keepResults(client, run, state)).ledger};
	} catch (error) {
		// The next scheme is not to wait for a run that nobody hears any more.
		stop();
		return {seed, failure: asFplError(error).message};
	} finally {
		signal.removeEventListener('abort', stop);
		cancelLeaving();
	}
}

function taskText(model: string, {data, training}: Job): string {
	const of = data.limit === undefined ? data.dataset : `the first ${data.limit} items of ${data.dataset}`;
	const seen = data.views === undefined ? '' : `, seen in ${data.views.kind}`;
	const {epochs, batch} = training;
	return `${model} on ${of}${seen}: ${epochs} epoch${epochs === 1 ? '' : 's'}, batch ${batch}`;
}

/**
 * Runs every scheme with every seed. When the signal aborts, the run under way is stopped and the others are not begun.
 * @throws FplError of the job itself: `JOB_INVALID`, `MODEL_UNKNOWN`, `DATA_SHAPE` …
 */
export async function compareSchemes(options: ContestOptions): Promise<SchemeComparison> {
	const {submission, fleet, kinds, seeds, trunk, signal, onContender} = options;
	const document = JSON.parse(submission.job) as JobDocument;
	const job = parseValue(jobSchema, document as never, 'job', 'JOB_INVALID');
	const {model, test} = await prepare(job, submission.model?.bytes);
	const mostSources = job.data.views && test ? viewed(test, job.data.views).length : undefined;
	const invited = fleet.filter(({device}) => job.devices.only?.includes(device) ?? true);
	const cast = castOf(invited, {model, trunk, mostSources});
	const stage: Stage = {options, document, job, cast};
	const numbers = seedsOf(job, seeds);
	const runs = new Map<SchemeKind, SchemeRun[]>(kinds.map(kind => [kind, []]));
	const contenders = numbers.flatMap(seed => kinds.map(scheme => ({scheme, seed})));
	const first = {warmUp: true, scheme: kinds[0]!, seed: numbers[0]!, index: 0, count: contenders.length};
	onContender(first);
	// What fails here fails again, and is told then.
	await runOne({...stage, document: shortened(document, cast.length)}, first);
	for (const [index, {scheme, seed}] of contenders.entries()) {
		const contender = {warmUp: false, scheme, seed, index, count: contenders.length};
		if (signal.aborted) {
			runs.get(scheme)!.push({seed, failure: 'not run: the comparison was interrupted'});
			continue;
		}
		onContender(contender);
		runs.get(scheme)!.push(await runOne(stage, contender));
	}
	return {
		task: taskText(model.name, job),
		notes: [
			castText(cast),
			...fairness(job, kinds),
			'Training is the time from the beginning of the first round to the end of the last. Devices that take no part in a scheme spend nothing in it.',
		],
		results: kinds.map(kind => ({scheme: kind, description: schemes[kind].description, runs: runs.get(kind)!})),
	};
}
