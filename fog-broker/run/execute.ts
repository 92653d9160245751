/** One run from its manifest to its ledger: prepare, wait for devices, drive it, keep what came out. */
import {withDeadline} from '../../core/clock.js';
import {parseValue} from '../../core/config/config.js';
import {asFplError} from '../../core/errors.js';
import type {RunId} from '../../core/ids.js';
import type {Ledger} from '../../core/ledger/ledger.js';
import type {Prediction} from '../../core/ledger/prediction.js';
import {jobSchema} from '../../core/plan/job.js';
import {isDataParallel} from '../../core/plan/plan.js';
import {exportModel} from '../../models/import/model.js';
import {withWeights} from '../../models/layout.js';
import {executeInference} from '../inference/execute.js';
import type {Progress} from '../rounds/driver.js';
import {roundsOf} from '../rounds/replicas.js';
import {ServerAccounts} from '../server/accounts.js';
import {fileCheckpoints} from '../server/checkpoints.js';
import {stagesOf} from '../stages/stages.js';
import {type ActiveRun, cancelled, conduct, type RunContext, type RunSignals, type Setting} from './conduct.js';
import {failedEnd, type RunEnd} from './end.js';
import {gather, releaser} from './gather.js';
import {emptyPages, LedgerBook} from './ledger-book.js';
import {predictGiven} from './planning/predict.js';
import {prepare} from './preparation.js';
import type {Manifest, RunStore} from './store.js';

/** A prediction that is under way when the run ends gets this long. */
const windUpMs = 10_000;

/** Never rejects: a run that fails says so in its ledger, manifest and journal. */
export async function executeRun(context: RunContext, manifest: Manifest, signals: RunSignals): Promise<void> {
	const {store, journal, log} = context;
	const {pause, cancel} = signals;
	const run = manifest.run as RunId;
	const opened: Array<{close(): Promise<void>}> = [];
	let end: RunEnd;
	try {
		end = manifest.inference
			? await executeInference(context, manifest, await givenModel(store, run), signals)
			: await drive(context, manifest, opened, signals);
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
	signals: RunSignals,
): Promise<RunEnd> {
	const {clock, store, journal, host, link} = context;
	const {pause, cancel} = signals;
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
	const wanted = {run, job, preparation, createdAt: manifest.createdAt};
	const early = AbortSignal.any([pause, cancel]);
	const {plan, prediction} = manifest.plan ? {plan: manifest.plan} : await gather(context, wanted, early);
	if (prediction) {
		await store.putPrediction(run, prediction);
	}
	await store.put({...manifest, plan});
	journal.publish(run, {
		kind: 'planned',
		plan,
		attempt: manifest.attempt,
		resumedFrom: checkpoint?.round,
		...(prediction && {predicted: totalsOf(prediction)}),
	});
	const predicting = predictGiven(context, wanted, plan, early);

	const progress = checkpoint?.progress as unknown as Progress | undefined;
	const book = new LedgerBook(progress?.pages ?? emptyPages);
	for (const text of [...fallback, ...(preparation.withoutTest === undefined ? [] : [preparation.withoutTest])]) {
		book.note({at: progress?.pages.seconds ?? 0, text});
	}
	const accounts = new ServerAccounts(clock, host, link);
	const setting = {
		context,
		run,
		manifest: {...manifest, plan},
		job,
		plan,
		preparation,
		checkpoints,
		checkpoint,
		book,
		accounts,
		opened,
	};
	const active = await (isDataParallel(plan) ? roundsOf(setting) : stagesOf(setting));
	const end = await conduct(setting, active, signals);
	const unpredicted = await withDeadline(clock, windUpMs, 'the prediction', predicting).catch(() => undefined);
	if (unpredicted !== undefined) {
		book.note({at: active.seconds, text: unpredicted});
		journal.publish(run, {kind: 'note', text: unpredicted});
	}
	await keep(setting, active, end);
	return end;
}

const totalsOf = ({ledger, stepSeconds, dollars}: Prediction) => {
	const sum = (of: 'bytes' | 'joules') => ledger.rounds.reduce((total, round) => total + round[of], 0);
	return {seconds: ledger.seconds, bytes: sum('bytes'), joules: sum('joules'), dollars, stepSeconds};
};

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
