/** A training run: prepared, planned, driven by one plan after the other, and what came out of it kept. */
import {withDeadline} from '../../core/clock.js';
import {parseValue} from '../../core/config/config.js';
import {asFplError} from '../../core/errors.js';
import type {RunId} from '../../core/ids.js';
import type {Prediction} from '../../core/ledger/prediction.js';
import {planDigest} from '../../core/plan/digest.js';
import {devicesOf} from '../../core/plan/fallback.js';
import {jobSchema} from '../../core/plan/job.js';
import {isDataParallel, type Plan} from '../../core/plan/plan.js';
import {Sendings} from '../../core/wire/link/sendings.js';
import type {TensorLink} from '../../core/wire/tensor-link.js';
import {mannerOf} from '../../planners/manner.js';
import type {Progress} from '../rounds/parts.js';
import {roundsOf} from '../rounds/replicas.js';
import {ServerAccounts} from '../server/accounts.js';
import {fileCheckpoints} from '../server/checkpoints.js';
import {stagesOf} from '../stages/stages.js';
import {conduct, type RunContext, type RunSignals, type Setting, type TrainingRun} from './conduct.js';
import {failedEnd, type RunEnd} from './end.js';
import {gather, releaseFrom, releaser, type Wanted} from './gather.js';
import {keep} from './keep.js';
import {emptyPages, LedgerBook} from './ledger-book.js';
import {predictGiven} from './planning/predict.js';
import {prepare} from './preparation.js';
import {FixedPlan} from './replan/fixed.js';
import {freshMemory, type Memory, readMemory, type Slowness, writeMemory} from './replan/memory.js';
import {type Move, type PlanObserver, Replanner, replanTimes} from './replan/replanner.js';
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
	/** What the prediction takes as known of devices and links. */
	readonly assumed: Slowness;
	/** Devices of the plan that were away when the run moved to it. */
	readonly away?: readonly string[];
	/** What the run went by before, in case that this one cannot be begun. */
	readonly before?: Course;
}

interface FirstCourse extends Course {
	readonly chosen: boolean;
	readonly memory: Memory;
	/** What whoever looks at the run should know of it. */
	readonly remark?: string | undefined;
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
	if (first.remark !== undefined) {
		journal.publish(run, {kind: 'note', text: first.remark});
	}
	for (const text of [...fallback, preparation.withoutTest, first.remark]) {
		if (text !== undefined) {
			book.note({at: progress?.pages.seconds ?? 0, text});
		}
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
		memory: first.memory,
	});
	return training.follow(first, signals, predicting);
}

/** The plan that the run has, or the one that suits the devices at hand. */
async function firstCourse(
	context: RunContext,
	{plan, chosen = false}: Manifest,
	wanted: Wanted,
	signal: AbortSignal,
): Promise<FirstCourse> {
	const {store} = context;
	const {run, job} = wanted;
	if (plan) {
		const known = await store.prediction(run).catch(() => undefined);
		const prediction = known?.planDigest === planDigest(plan) ? known : undefined;
		return {plan, prediction, chosen, ...(await readMemory(store, run, plan))};
	}
	const {prediction, ...found} = await gather(context, wanted, signal);
	if (prediction) {
		await store.putPrediction(run, prediction);
	}
	return {...found, prediction, chosen: job.scheme.kind === 'auto', memory: freshMemory(), assumed: new Map()};
}

interface TrainingParts extends Pick<Setting, 'context' | 'manifest' | 'book' | 'accounts' | 'checkpoints'> {
	readonly wanted: Wanted;
	/** That the run took in earlier attempts. */
	readonly seconds: number;
	readonly memory: Memory;
}

class Training {
	readonly #parts: TrainingParts;
	#manifest: Manifest;
	#seconds: number;
	#remembering: Promise<void> = Promise.resolve();

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
				const sendings = new Sendings(this.#parts.context.link);
				const setting = await this.#setting(course, opened, sendings.link);
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
				const observer = this.#observer(course, active, sendings, predicting);
				let end: RunEnd;
				try {
					end = await conduct(setting, active, signals, observer);
				} finally {
					observer.close();
				}
				this.#seconds = active.seconds;
				const next = end.moved ? await this.#onwards(course, observer.move) : await this.#back(course, setting, end);
				if (!next) {
					await this.#predicted(predicting);
					await this.#remembering;
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
	async #setting(
		{plan, prediction, away = []}: Course,
		opened: Array<{close(): Promise<void>}>,
		link: TensorLink,
	): Promise<Setting> {
		const {wanted, book, accounts, checkpoints} = this.#parts;
		const context = {...this.#parts.context, link};
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
			away,
			earlierSeconds: this.#seconds,
			opened,
		};
	}

	/** Looks for a better plan, unless the run keeps the one that it has, since a person chose it. */
	#observer(
		course: Course,
		active: TrainingRun,
		sendings: Sendings,
		predicting: Promise<unknown> | undefined,
	): PlanObserver {
		const {context, wanted, book, memory} = this.#parts;
		const {plan, prediction, assumed, away = []} = course;
		const manner = mannerOf(plan);
		const sum = (of: 'bytes' | 'joules') => book.rounds.reduce((total, round) => total + round[of], 0);
		const options = {
			context,
			wanted,
			plan,
			prediction,
			assumed,
			sendings: () => sendings.read(),
			away,
			active,
			memory,
			times: context.replanTimes ?? replanTimes,
			spent: () => ({time: active.seconds, bytes: sum('bytes'), energy: sum('joules')}),
			note: (text: string) => this.#note(text, active.seconds),
			onLearned: () => this.#remember(course),
		};
		return this.#manifest.chosen && manner
			? new Replanner({...options, manner})
			: new FixedPlan({...options, predicted: predicting?.then(() => context.store.prediction(wanted.run))});
	}

	/** Writes down what is known of devices and links; one after the other. */
	#remember({plan, assumed}: Course): void {
		const {context, wanted, memory} = this.#parts;
		this.#remembering = this.#remembering
			.then(() => writeMemory(context.store, wanted.run, plan, {memory, assumed}))
			.catch((error: unknown) =>
				context.log.warn(`what is known of devices and links is not kept: ${asFplError(error).message}`),
			);
	}

	/** The run has left its plan: it goes on by the new one, or by the same if that has become impossible meanwhile. */
	async #onwards(course: Course, move: Move | undefined): Promise<Course> {
		if (!move) {
			this.#note('the plan to move to has become impossible: the run goes on as before');
			return await this.#take(course, course);
		}
		const {because, gain, plan, prediction, assumed} = move;
		const better =
			gain >= 1
				? 'the run could not go on as before'
				: `what is left costs ${Math.round(gain * 100)} % less, as predicted`;
		this.#note(
			`moves from «${course.plan.scheme}» (${devicesOf(course.plan).join(', ')}) to «${plan.scheme}» (${devicesOf(plan).join(', ')}): ${because}; ${better}`,
		);
		const {context, memory} = this.#parts;
		memory.movedAt = context.clock.monotonic();
		const away = devicesOf(plan).filter(device => !context.fleet.find(device));
		return await this.#take(course, {plan, prediction, assumed, away, before: course});
	}

	/** A plan that could not even be begun is given up for the one before. */
	async #back(course: Course, {checkpoint}: Setting, {state, because}: RunEnd): Promise<Course | undefined> {
		const {before, plan} = course;
		const latest = await this.#parts.checkpoints.latest();
		if (state !== 'failed' || !before || (latest.checkpoint?.round ?? 0) > (checkpoint?.round ?? 0)) {
			return undefined;
		}
		this.#parts.memory.refused.add(planDigest(plan));
		this.#note(`goes back to «${before.plan.scheme}»: ${because ?? 'the other plan could not be begun'}`);
		return await this.#take(course, {plan: before.plan, prediction: before.prediction, assumed: before.assumed});
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
		this.#remember(next);
		await this.#remembering;
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

	#note(text: string, at = this.#seconds): void {
		const {context, wanted, book} = this.#parts;
		book.note({at, text});
		context.journal.publish(wanted.run, {kind: 'note', text});
		context.log.info(text, {run: wanted.run});
	}
}
