/** A training run: prepared, planned, driven by one plan after the other, and what came out of it kept. */
import {withDeadline} from '../../core/clock.js';
import {parseValue} from '../../core/config/config.js';
import {asFplError} from '../../core/errors.js';
import type {RunId} from '../../core/ids.js';
import type {Ledger} from '../../core/ledger/ledger.js';
import type {Prediction} from '../../core/ledger/prediction.js';
import {planDigest} from '../../core/plan/digest.js';
import {devicesOf} from '../../core/plan/fallback.js';
import {jobSchema} from '../../core/plan/job.js';
import {isDataParallel, type Plan} from '../../core/plan/plan.js';
import {exportModel} from '../../models/import/model.js';
import {withWeights} from '../../models/layout.js';
import type {Progress} from '../rounds/parts.js';
import {roundsOf} from '../rounds/replicas.js';
import {ServerAccounts} from '../server/accounts.js';
import {fileCheckpoints} from '../server/checkpoints.js';
import {stagesOf} from '../stages/stages.js';
import {type ActiveRun, conduct, type RunContext, type RunSignals, type Setting, type TrainingRun} from './conduct.js';
import {failedEnd, type RunEnd} from './end.js';
import {gather, releaseFrom, releaser, type Wanted} from './gather.js';
import {emptyPages, LedgerBook} from './ledger-book.js';
import {predictGiven} from './planning/predict.js';
import {prepare} from './preparation.js';
import {isMovable, type Memory, type Move, Replanner, replanTimes} from './replan/replanner.js';
import {standingOf} from './replan/standing.js';
import type {Manifest} from './store.js';

/** A prediction that is under way when the run ends gets this long. */
const windUpMs = 10_000;
const mostEarlierPlans = 16;

const totalsOf = ({ledger, stepSeconds, dollars}: Prediction) => {
	const sum = (of: 'bytes' | 'joules') => ledger.rounds.reduce((total, round) => total + round[of], 0);
	return {seconds: ledger.seconds, bytes: sum('bytes'), joules: sum('joules'), dollars, stepSeconds};
};

/** A plan that the run goes by, for a while or to its end. */
interface Course {
	readonly plan: Plan;
	readonly prediction: Prediction | undefined;
	/** What the run went by before, in case that this one cannot be begun. */
	readonly before?: Course;
}

/** @throws FplError of whatever cannot be got ready. */
export async function train(
	context: RunContext,
	submitted: Manifest,
	given: Uint8Array | undefined,
	signals: RunSignals,
): Promise<RunEnd> {
	const {store, journal} = context;
	const {pause, cancel} = signals;
	const run = submitted.run as RunId;
	const job = parseValue(jobSchema, submitted.job, 'job', 'JOB_INVALID');
	const preparation = await prepare(job, given);
	await store.putFile(run, 'model.onnx', preparation.bytes);
	const checkpoints = fileCheckpoints(store.checkpoints(run));
	const {checkpoint, damaged} = await checkpoints.latest();
	const goesOn = checkpoint ? `the run goes on from round ${checkpoint.round}` : 'the run begins anew';
	const fallback = damaged.map((text, index) => (index === damaged.length - 1 ? `${text} Therefore ${goesOn}.` : text));
	for (const text of fallback) {
		journal.publish(run, {kind: 'note', text});
	}
	releaser(context, run)();
	const wanted: Wanted = {run, job, preparation, createdAt: submitted.createdAt};
	const early = AbortSignal.any([pause, cancel]);
	const first = await firstCourse(context, submitted, wanted, early);
	const progress = checkpoint?.progress as unknown as Progress | undefined;
	const book = new LedgerBook(progress?.pages ?? emptyPages);
	for (const text of [...fallback, ...(preparation.withoutTest === undefined ? [] : [preparation.withoutTest])]) {
		book.note({at: progress?.pages.seconds ?? 0, text});
	}
	const predicting = first.prediction ? undefined : predictGiven(context, wanted, first.plan, early);
	const training = new Training({
		context,
		wanted,
		manifest: {...submitted, plan: first.plan, ...(first.chosen ? {chosen: true} : {})},
		book,
		accounts: new ServerAccounts(context.clock, context.host, context.link),
		checkpoints,
		seconds: progress?.pages.seconds ?? 0,
	});
	return training.follow(first, signals, predicting);
}

/** The plan that the run has, or the one that suits the devices at hand. */
async function firstCourse(
	context: RunContext,
	{plan, chosen = false}: Manifest,
	wanted: Wanted,
	signal: AbortSignal,
): Promise<Course & {readonly chosen: boolean}> {
	const {store} = context;
	const {run, job} = wanted;
	if (plan) {
		const known = await store.prediction(run).catch(() => undefined);
		return {plan, prediction: known?.planDigest === planDigest(plan) ? known : undefined, chosen};
	}
	const {prediction, ...found} = await gather(context, wanted, signal);
	if (prediction) {
		await store.putPrediction(run, prediction);
	}
	return {...found, prediction, chosen: job.scheme.kind === 'auto'};
}

interface TrainingParts extends Pick<Setting, 'context' | 'manifest' | 'book' | 'accounts' | 'checkpoints'> {
	readonly wanted: Wanted;
	/** That the run took in earlier attempts. */
	readonly seconds: number;
}

class Training {
	readonly #parts: TrainingParts;
	readonly #memory: Memory = {slowness: new Map(), refused: new Set(), movedAt: Number.NEGATIVE_INFINITY};
	#manifest: Manifest;
	#seconds: number;

	constructor(parts: TrainingParts) {
		this.#parts = parts;
		this.#manifest = parts.manifest;
		this.#seconds = parts.seconds;
	}

	async follow(
		first: Course,
		signals: RunSignals,
		predicting: Promise<string | undefined> | undefined,
	): Promise<RunEnd> {
		let course = first;
		for (;;) {
			const opened: Array<{close(): Promise<void>}> = [];
			try {
				const setting = await this.#setting(course, opened);
				let active: TrainingRun;
				try {
					active = await (isDataParallel(course.plan) ? roundsOf(setting) : stagesOf(setting));
				} catch (error) {
					const back = await this.#back(course, setting, failedEnd(asFplError(error)));
					if (!back) {
						throw error;
					}
					course = back;
					continue;
				}
				const replanner = this.#replanner(setting, course, active);
				let end: RunEnd;
				try {
					end = await conduct(setting, active, signals, replanner);
				} finally {
					replanner?.close();
				}
				this.#seconds = active.seconds;
				const next = end.moved ? await this.#onwards(course, replanner?.move) : await this.#back(course, setting, end);
				if (!next) {
					await this.#predicted(predicting);
					await keep(setting, active, end);
					return end;
				}
				course = next;
			} finally {
				await Promise.allSettled(opened.map(part => part.close()));
			}
		}
	}

	/** What a plan is driven with, from the latest checkpoint on. */
	async #setting({plan, prediction}: Course, opened: Array<{close(): Promise<void>}>): Promise<Setting> {
		const {context, wanted, book, accounts, checkpoints} = this.#parts;
		const {run, job, preparation} = wanted;
		const {checkpoint} = await checkpoints.latest();
		await context.store.put(this.#manifest);
		context.journal.publish(run, {
			kind: 'planned',
			plan,
			attempt: this.#manifest.attempt,
			resumedFrom: checkpoint?.round,
			...(prediction && {predicted: totalsOf(prediction)}),
		});
		const standing = checkpoint && standingOf(checkpoint, plan, this.#manifest.earlierPlans ?? [], {preparation, job});
		return {
			context,
			run,
			manifest: this.#manifest,
			job,
			plan,
			preparation,
			checkpoints,
			checkpoint,
			book,
			accounts,
			standing,
			earlierSeconds: this.#seconds,
			opened,
		};
	}

	#replanner(setting: Setting, {plan, prediction}: Course, active: TrainingRun): Replanner | undefined {
		const {context, wanted, book} = this.#parts;
		if (!this.#manifest.chosen || !isMovable(setting.job, plan)) {
			return undefined;
		}
		const sum = (of: 'bytes' | 'joules') => book.rounds.reduce((total, round) => total + round[of], 0);
		return new Replanner({
			context,
			wanted,
			plan,
			prediction,
			active,
			memory: this.#memory,
			times: context.replanTimes ?? replanTimes,
			spent: () => ({time: active.seconds, bytes: sum('bytes'), energy: sum('joules')}),
		});
	}

	/** The run has left its plan: it goes on by the new one, or by the same if that has become impossible meanwhile. */
	async #onwards(course: Course, move: Move | undefined): Promise<Course> {
		if (!move) {
			this.#note('the plan to move to has become impossible: the run goes on as before');
			return await this.#take(course, course);
		}
		const {because, gain, plan, prediction} = move;
		const better =
			gain >= 1 ? 'the run could not go on as before' : `what is left costs ${Math.round(gain * 100)} % less`;
		this.#note(
			`moves from «${course.plan.scheme}» (${devicesOf(course.plan).join(', ')}) to «${plan.scheme}» (${devicesOf(plan).join(', ')}): ${because}; ${better}, as predicted`,
		);
		this.#memory.movedAt = this.#parts.context.clock.monotonic();
		return await this.#take(course, {plan, prediction, before: course});
	}

	/** A plan that could not even be begun is given up for the one before. */
	async #back(course: Course, {checkpoint}: Setting, {state, because}: RunEnd): Promise<Course | undefined> {
		const {before, plan} = course;
		const latest = await this.#parts.checkpoints.latest();
		if (state !== 'failed' || !before || (latest.checkpoint?.round ?? 0) > (checkpoint?.round ?? 0)) {
			return undefined;
		}
		this.#memory.refused.add(planDigest(plan));
		this.#note(`goes back to «${before.plan.scheme}»: ${because ?? 'the other plan could not be begun'}`);
		return await this.#take(course, {plan: before.plan, prediction: before.prediction});
	}

	/** Writes down that the run goes by another plan from now on; devices that it does without are free. */
	async #take(from: Course, next: Course): Promise<Course> {
		const {context, wanted, book, checkpoints} = this.#parts;
		const {store, fleet} = context;
		const {run} = wanted;
		// Executors count the attempts that they make of one plan.
		const {attempt} = await store.get(run);
		const earlierPlans = [...(this.#manifest.earlierPlans ?? []), from.plan].slice(-mostEarlierPlans);
		this.#manifest = {...this.#manifest, attempt: attempt + 1, plan: next.plan, earlierPlans};
		const {checkpoint} = await checkpoints.latest();
		book.backTo(checkpoint?.round ?? 0);
		if (next.prediction) {
			await store.putPrediction(run, next.prediction);
		}
		const kept = devicesOf(next.plan);
		for (const {device, run: theirs} of fleet.list()) {
			if (theirs === run && !kept.includes(device)) {
				releaseFrom(context, device, run, 'the run goes on without it');
			}
		}
		return next;
	}

	async #predicted(predicting: Promise<string | undefined> | undefined): Promise<void> {
		if (predicting) {
			const {clock} = this.#parts.context;
			const text = await withDeadline(clock, windUpMs, 'the prediction', predicting).catch(
				(error: unknown) => asFplError(error).message,
			);
			if (text !== undefined) {
				this.#note(text);
			}
		}
	}

	#note(text: string): void {
		const {context, wanted, book} = this.#parts;
		book.note({at: this.#seconds, text});
		context.journal.publish(wanted.run, {kind: 'note', text});
		context.log.info(text, {run: wanted.run});
	}
}

/** Writes the ledger and the trained models. */
async function keep(
	{context, run, manifest, job, plan, book, accounts}: Setting,
	active: ActiveRun,
	end: RunEnd,
): Promise<void> {
	const {store} = context;
	accounts.settle(book);
	const last = book.rounds.at(-1);
	const results = [...(await active.results())];
	const ledger: Ledger = book.ledger({
		run,
		model: results[0]![1].model.name,
		dataset: job.data.dataset,
		scheme: plan.scheme,
		startedAt: manifest.createdAt,
		seconds: active.seconds,
		final: {
			loss: last?.loss ?? Number.NaN,
			...(last?.accuracy === undefined ? {} : {accuracy: last.accuracy}),
			state: end.state,
			...(end.because === undefined ? {} : {because: end.because}),
		},
	});
	await store.putLedger(run, ledger);
	for (const [index, [device, {model, state}]] of results.entries()) {
		const bytes = exportModel(withWeights(model, state.parameters, state.buffers));
		if (index === 0) {
			await store.putFile(run, 'trained.onnx', bytes);
		}
		if (device !== '') {
			await store.putFile(run, `trained@${device}.onnx`, bytes);
		}
	}
}
