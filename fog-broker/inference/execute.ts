/** One inference run from its manifest to its ledger and predictions. */
import {parseValue} from '../../core/config/config.js';
import {FplError} from '../../core/errors.js';
import type {RunId} from '../../core/ids.js';
import {devicesOf, withoutDevices} from '../../core/plan/fallback.js';
import type {InferenceOptions} from '../../core/plan/inference.js';
import {type Job, jobSchema} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import type {Model} from '../../models/graph.js';
import {importModel} from '../../models/import/model.js';
import {plannedModel} from '../../models/plans/cut.js';
import {conduct, enrol, type RunContext, type RunSignals} from '../run/conduct.js';
import type {RunEnd} from '../run/end.js';
import {gather, releaser} from '../run/gather.js';
import {emptyPages, LedgerBook} from '../run/ledger-book.js';
import {type Preparation, prepare} from '../run/preparation.js';
import type {Manifest} from '../run/store.js';
import {ServerAccounts} from '../server/accounts.js';
import {suitabilityOf} from '../stages/suitability.js';
import {Answers} from './answers.js';
import {forInference, intervalOf, outputOf} from './asked.js';
import {InferenceDriver} from './driver.js';
import {JoinedWeights, lostBranches} from './weights.js';

/** The plan with the branches that were trained to the end, and the weights for it. */
function trainedPlan(base: Model, plan: Plan, trained: Model): {readonly plan: Plan; readonly weights: JoinedWeights} {
	const lost = new Set(lostBranches(base, plan, trained));
	const left = withoutDevices(plan, lost, []);
	if (left.kind === 'missing') {
		throw new FplError('PLAN_INVALID', {where: `stages[${left.stage}]`, problem: 'none of its branches was trained'});
	}
	return {plan: left.plan, weights: new JoinedWeights(base, left.plan, trained)};
}

const dataParallel = {kind: 'd-sgd'} as const;

/** @throws FplError of whatever cannot be got ready. */
export async function executeInference(
	context: RunContext,
	manifest: Manifest,
	given: Uint8Array | undefined,
	signals: RunSignals,
): Promise<RunEnd> {
	const {clock, store, journal, host, link, log, messenger} = context;
	const run = manifest.run as RunId;
	const {joined, options} = manifest.inference!;
	const job: Job = parseValue(jobSchema, manifest.job, 'job', 'JOB_INVALID');
	const preparation = await prepare(job, given);
	await store.putFile(run, 'model.onnx', preparation.bytes);
	if (!joined) {
		await store.putFile(run, 'trained.onnx', preparation.bytes);
	}
	releaser(context, run)();
	const {pause, cancel} = signals;
	// Where nobody says otherwise, every device answers with the whole model.
	const scheme = job.scheme.kind === 'auto' ? dataParallel : job.scheme;
	const wanted = {run, job: {...job, scheme}, preparation, createdAt: manifest.createdAt};
	const planned = manifest.plan ?? (await gather(context, wanted, AbortSignal.any([pause, cancel]))).plan;
	const whole = forInference(planned);
	await store.put({...manifest, plan: whole});
	const trained = joined ? importModel(await store.file(run, 'trained.onnx')) : undefined;
	const {plan, weights} = trained ? trainedPlan(preparation.model, whole, trained) : {plan: whole, weights: undefined};
	journal.publish(run, {kind: 'planned', plan, attempt: manifest.attempt, resumedFrom: undefined, inference: true});
	const book = new LedgerBook(emptyPages);
	const accounts = new ServerAccounts(clock, host, link);
	let latest: Manifest = {...manifest, plan: whole};
	const driver = new InferenceDriver({
		run,
		job,
		jobText: JSON.stringify(manifest.job),
		model: preparation,
		check: suitabilityOf({model: preparation.model, job: {engine: job.engine}, fleet: context.fleet}),
		log: log.child(run),
		messenger,
		link,
		clock,
		book,
		enrol: (device, role) => enrol(context.fleet, book, device, role),
		sources: whole,
		plan,
		weights: weights && (now => weights.file(now)),
		begin: items => beginning(items, preparation, plan, job, options),
		asked: {batch: options.batch, inFlight: options.inFlight},
		emit: update => journal.publish(run, update),
		onAttempt: attempt => {
			latest = {...latest, attempt};
			return store.put(latest);
		},
		attempt: manifest.attempt,
	});
	const end = await conduct({context, run, book}, driver, signals);
	accounts.settle(book, 'coordinator');
	await keep(context, manifest, {preparation, plan, job, book, driver, end});
	return end;
}

function beginning(available: number, {model}: Preparation, plan: Plan, job: Job, options: InferenceOptions) {
	const items = Math.min(available, options.limit ?? available);
	if (items < 1) {
		throw new FplError('DATA_SHAPE', {
			where: `test split of «${job.data.dataset}»`,
			expected: 'at least one item',
			got: '0',
		});
	}
	const {batch, inFlight, keep} = options;
	const output = outputOf(plannedModel(model, plan), job, options);
	const interval = intervalOf(items, options, output);
	const order = {until: Math.ceil(items / batch), items, batch, inFlight, interval, give: output.give, keep};
	return {order, answers: new Answers(order, keep ? output.width! : 0)};
}

interface Outcome {
	readonly preparation: Preparation;
	readonly plan: Plan;
	readonly job: Job;
	readonly book: LedgerBook;
	readonly driver: InferenceDriver;
	readonly end: RunEnd;
}

/** Writes the ledger and the predictions. */
async function keep(
	{store}: RunContext,
	{run, createdAt, inference}: Manifest,
	{preparation, plan, job, book, driver, end}: Outcome,
): Promise<void> {
	const figures = driver.answers?.figures(driver.answeringSeconds);
	const ledger = book.ledger({
		run,
		model: preparation.model.name,
		dataset: job.data.dataset,
		scheme: `inference over ${devicesOf(plan).length} devices, ${plan.scheme}`,
		startedAt: createdAt,
		seconds: driver.seconds,
		final: {
			loss: Number.NaN,
			...(figures?.accuracy === undefined ? {} : {accuracy: figures.accuracy}),
			state: end.state,
			...(end.because === undefined ? {} : {because: end.because}),
		},
	});
	await store.putLedger(run as RunId, figures ? {...ledger, inference: figures} : ledger);
	const {give} = outputOf(plannedModel(preparation.model, plan), job, inference!.options);
	const csv = driver.answers?.predictionsCsv(give === 'classes');
	if (csv !== undefined && end.state === 'done') {
		await store.putFile(run as RunId, 'predictions.csv', Buffer.from(csv));
	}
}
