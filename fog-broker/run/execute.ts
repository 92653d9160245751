/** One run from its manifest to its ledger: prepare, wait for devices, drive the rounds, keep what came out. */
import type {Clock} from '../../core/clock.js';
import {parseValue} from '../../core/config/config.js';
import {asFplError, FplError} from '../../core/errors.js';
import {type RunId, runId} from '../../core/ids.js';
import type {Ledger} from '../../core/ledger/ledger.js';
import type {Logger} from '../../core/log.js';
import {type Job, jobSchema} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import type {DeviceProfile} from '../../core/profile/profile.js';
import type {Messenger} from '../../core/wire/messenger.js';
import type {TensorLink} from '../../core/wire/tensor-link.js';
import type {Engine, Trainer} from '../../models/engines/engine.js';
import type {Model} from '../../models/graph.js';
import {exportModel} from '../../models/import/model.js';
import {withWeights} from '../../models/layout.js';
import type {Fleet} from '../fleet.js';
import {ServerAccounts} from '../server/accounts.js';
import {type Checkpoint, fileCheckpoints} from '../server/checkpoints.js';
import {type Progress, RunDriver} from './driver.js';
import {failedEnd, type RunEnd} from './end.js';
import {Evaluator} from './evaluator.js';
import {gather, releaseFrom, releaser} from './gather.js';
import type {Journal} from './journal.js';
import {emptyPages, LedgerBook} from './ledger-book.js';
import {prepare} from './preparation.js';
import {initialRun, type RunSettings} from './state.js';
import type {Manifest, RunStore} from './store.js';

export interface RunContext {
	readonly clock: Clock;
	readonly log: Logger;
	readonly store: RunStore;
	readonly journal: Journal;
	readonly engine: Engine;
	readonly messenger: Messenger;
	readonly link: TensorLink;
	readonly fleet: Fleet;
	/** The machine that the coordinator itself runs on. */
	readonly host: DeviceProfile;
	/** Called when rounds are about to begin; the coordinator passes messages on to it. */
	readonly onDriver: (driver: RunDriver) => void;
}

/** Two ways of ending a run early. */
export interface RunSignals {
	/** The coordinator is being stopped: the run goes on with its next start. */
	readonly pause: AbortSignal;
	/** A client asked for the end of the run. */
	readonly cancel: AbortSignal;
}

const cancelled = 'a client asked for it';

/** Never rejects: a run that fails says so in its ledger, manifest and journal. */
export async function executeRun(context: RunContext, manifest: Manifest, signals: RunSignals): Promise<void> {
	const {store, journal, log} = context;
	const {pause, cancel} = signals;
	const run = manifest.run as RunId;
	const opened: Array<{close(): Promise<void>}> = [];
	let end: RunEnd;
	try {
		end = await drive(context, manifest, opened, signals);
	} catch (error) {
		if (pause.aborted || cancel.aborted) {
			end = {state: 'interrupted', because: cancelled};
		} else {
			const failure = asFplError(error);
			log.error(failure.message, {run, code: failure.code});
			end = failedEnd(failure);
		}
	} finally {
		await Promise.allSettled(opened.map(part => part.close()));
	}
	if (end.state === 'interrupted' && pause.aborted) {
		await journal.flush();
		return;
	}
	try {
		const latest = await store.get(run);
		await store.put({...latest, state: end.state});
	} catch (error) {
		log.error(`the end of the run could not be written: ${asFplError(error).message}`, {run});
	}
	journal.publish(run, {
		kind: 'ended',
		state: end.state,
		...(end.code === undefined ? {} : {code: end.code}),
		...(end.because === undefined ? {} : {because: end.because}),
	});
	await journal.flush();
}

async function drive(
	context: RunContext,
	manifest: Manifest,
	opened: Array<{close(): Promise<void>}>,
	{pause, cancel}: RunSignals,
): Promise<RunEnd> {
	const {clock, store, journal, engine, fleet, host, link, messenger} = context;
	const run = manifest.run as RunId;
	const job = parseValue(jobSchema, manifest.job, 'job', 'JOB_INVALID');
	const preparation = await prepare(job, await givenModel(store, run));
	await store.putFile(run, 'model.onnx', preparation.bytes);
	const checkpoints = fileCheckpoints(store.checkpoints(run));
	const {checkpoint, damaged} = await checkpoints.latest();
	const goesOn = checkpoint ? `the run goes on from round ${checkpoint.round}` : 'the run begins anew';
	const fallback = damaged.map((text, index) => (index === damaged.length - 1 ? `${text} Therefore ${goesOn}.` : text));
	for (const text of fallback) {
		journal.publish(run, {kind: 'note', text});
	}
	releaser(context, run)();
	const plan = manifest.plan ?? (await gather(context, job, run, preparation.model, AbortSignal.any([pause, cancel])));
	await store.put({...manifest, plan});
	journal.publish(run, {kind: 'planned', plan, attempt: manifest.attempt, resumedFrom: checkpoint?.round});

	const trainer = await engine.trainer(preparation.model, preparation.trainer);
	opened.push(trainer);
	if (checkpoint) {
		await restore(trainer, checkpoint);
	}
	let evaluator: Evaluator | undefined;
	if (preparation.test) {
		const second = await engine.trainer(preparation.model, preparation.trainer);
		opened.push(second);
		evaluator = new Evaluator(second, preparation.test);
	}
	const progress = checkpoint?.progress as unknown as Progress | undefined;
	const book = new LedgerBook(progress?.pages ?? emptyPages);
	for (const text of [...fallback, ...(preparation.withoutTest === undefined ? [] : [preparation.withoutTest])]) {
		book.note({at: progress?.pages.seconds ?? 0, text});
	}
	const accounts = new ServerAccounts(clock, host, link);
	const driver = new RunDriver(
		{
			run,
			attempt: manifest.attempt,
			job,
			jobText: JSON.stringify(manifest.job),
			plan,
			clock,
			log: context.log.child(run),
			messenger,
			link,
			trainer,
			evaluator,
			model: preparation,
			checkpoints,
			book,
			accounts,
			isHere: device => fleet.find(device) !== undefined,
			earlierSeconds: progress?.pages.seconds ?? 0,
			emit: update => journal.publish(run, update),
		},
		initialRun(
			settingsOf(job, plan),
			devicesOf(plan),
			checkpoint && {
				round: checkpoint.round,
				rounds: progress!.rounds,
				totalItems: progress!.totalItems ?? 0,
				members: membersOf(progress!),
			},
		),
	);
	for (const device of devicesOf(plan)) {
		const birth = fleet.find(device);
		book.enrol(device, {
			profile: birth?.profile.name ?? 'unknown',
			emulated: birth?.emulated ?? false,
			role: 'replica of stage 0',
		});
	}
	const unfollow = fleet.follow({
		joined: ({device, profile, emulated, run: other}) => {
			if (other !== undefined && other !== run) {
				releaseFrom(context, device, runId(other));
			}
			if (driver.devices.includes(device)) {
				book.enrol(device, {profile: profile.name, emulated, role: 'replica of stage 0'});
				driver.post({kind: 'present', device});
			}
		},
		left: device => driver.post({kind: 'gone', device}),
	});
	const onPause = () => driver.post({kind: 'stop', because: 'the coordinator was stopped'});
	const onCancel = () => driver.post({kind: 'stop', because: cancelled});
	try {
		context.onDriver(driver);
		await driver.start(driver.devices.filter(device => fleet.find(device) !== undefined));
		for (const [signal, stop] of [
			[pause, onPause],
			[cancel, onCancel],
		] as const) {
			signal.addEventListener('abort', stop, {once: true});
			if (signal.aborted) {
				stop();
			}
		}
		const end = await driver.ended;
		await keep(context, manifest, {job, plan, driver, book, accounts, trainer, model: preparation.model, end});
		return end;
	} finally {
		unfollow();
		pause.removeEventListener('abort', onPause);
		cancel.removeEventListener('abort', onCancel);
	}
}

/** The model as it was prepared before (with its first weights), or as the client gave it. */
async function givenModel(store: RunStore, run: RunId): Promise<Uint8Array | undefined> {
	for (const name of ['model.onnx', 'given.onnx']) {
		try {
			return await store.file(run, name);
		} catch {
			// Not there: try the next one.
		}
	}
	return undefined;
}

const devicesOf = (plan: Plan): string[] => plan.stages[0]!.replicas.map(({device}) => device);

const membersOf = ({members}: Progress) => new Map(members.map(({device, items, cursor}) => [device, {items, cursor}]));

function settingsOf({training, devices, faults}: Job, {synchronisation}: Plan): RunSettings {
	const {every} = synchronisation;
	return {
		sync: every.kind === 'epochs' ? every : {kind: 'step', batch: training.batch},
		epochs: training.epochs,
		minimum: devices.minimum,
		waitMs: devices.wait * 1000,
		roundDeadlineMs: faults.roundDeadline === undefined ? undefined : faults.roundDeadline * 1000,
		stagingDeadlineMs: devices.wait * 1000,
		targetAccuracy: training.targetAccuracy,
	};
}

async function restore(trainer: Trainer, {state, run}: Checkpoint): Promise<void> {
	const {parameters, buffers} = trainer;
	if (state.parameters.length !== parameters.length || state.buffers.length !== buffers.length) {
		throw new FplError('CHECKPOINT_CORRUPT', {
			where: run,
			expected: `${parameters.length} parameters and ${buffers.length} buffer elements`,
			got: `${state.parameters.length} and ${state.buffers.length}`,
		});
	}
	await trainer.load(state);
}

interface Finished {
	readonly job: Job;
	readonly plan: Plan;
	readonly driver: RunDriver;
	readonly book: LedgerBook;
	readonly accounts: ServerAccounts;
	readonly trainer: Trainer;
	readonly model: Model;
	readonly end: RunEnd;
}

/** Writes the ledger and the trained model. */
async function keep(
	{store}: RunContext,
	manifest: Manifest,
	{job, plan, driver, book, accounts, trainer, model, end}: Finished,
): Promise<void> {
	const run = manifest.run as RunId;
	accounts.settle(book);
	const last = book.rounds.at(-1);
	const ledger: Ledger = book.ledger({
		run,
		model: model.name,
		dataset: job.data.dataset,
		scheme: plan.scheme,
		startedAt: manifest.createdAt,
		seconds: driver.seconds,
		final: {
			loss: last?.loss ?? Number.NaN,
			...(last?.accuracy === undefined ? {} : {accuracy: last.accuracy}),
			state: end.state,
			...(end.because === undefined ? {} : {because: end.because}),
		},
	});
	await store.putLedger(run, ledger);
	const {parameters, buffers} = await trainer.save(['parameters', 'buffers']);
	await store.putFile(run, 'trained.onnx', exportModel(withWeights(model, parameters, buffers)));
}
