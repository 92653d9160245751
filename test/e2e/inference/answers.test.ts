/** Inference over a fleet in this process: the same answers as one machine, whatever the plan, and whoever leaves. */
import test, {type ExecutionContext} from 'ava';
import type {RunId} from '../../../core/ids.js';
import {runId} from '../../../core/ids.js';
import type {InferenceFigures, Ledger} from '../../../core/ledger/ledger.js';
import type {InferenceOptionsDocument} from '../../../core/plan/inference.js';
import type {JobDocument} from '../../../core/plan/job.js';
import {type PlanDocument, planSchema} from '../../../core/plan/plan.js';
import {toNumbers} from '../../../core/tensor/tensor.js';
import {JoinedWeights} from '../../../fog-broker/inference/weights.js';
import {bind} from '../../../models/datasets/bind.js';
import type {Dataset} from '../../../models/datasets/dataset.js';
import {openJobData} from '../../../models/datasets/job-data.js';
import {views} from '../../../models/datasets/views.js';
import type {Model} from '../../../models/graph.js';
import {importModel} from '../../../models/import/model.js';
import {ofBranch} from '../../../models/junction/kinds.js';
import {aFleet, type TestFleet} from '../../support/a-fleet.js';

const aJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit: 320, partition: {kind: 'iid'}},
	scheme: {kind: 'd-sgd'},
	// Answers are compared with those of one machine, whatever was learned.
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 32, epochs: 1, seed: 3},
	devices: {wait: '20 s'},
	...changes,
});

const perStep = {exchange: 'gradients', every: {kind: 'step'}} as const;

const twoStages = (sources: readonly string[], others: readonly string[]): PlanDocument => ({
	version: 1,
	scheme: 'pipeline',
	model: 'lenet5',
	stages: [
		{units: [0, 3], replicas: sources.map(device => ({device}))},
		{units: [4, 11], replicas: others.map(device => ({device}))},
	],
	synchronisation: perStep,
	pipeline: {microBatches: 2},
});

async function infer(
	fleet: TestFleet,
	run: string,
	options: InferenceOptionsDocument = {},
	plan?: PlanDocument,
): Promise<RunId> {
	const client = await fleet.client();
	const {run: name} = await client.ask(
		{
			kind: 'infer',
			run: run as RunId,
			job: '',
			plan: plan ? JSON.stringify(plan) : '',
			modelDigest: '',
			options: JSON.stringify(options),
		},
		'accepted',
	);
	return runId(name);
}

async function train(
	t: ExecutionContext,
	fleet: TestFleet,
	job: JobDocument,
	plan: PlanDocument,
): Promise<{run: RunId; ledger: Ledger}> {
	const run = await fleet.submit(job, plan);
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	return {run, ledger};
}

/** The outputs of the trained model on one machine, row by row. */
const onOneMachine = async (fleet: TestFleet, run: RunId, data: Dataset): Promise<number[][]> =>
	outputsOf(fleet, importModel(await fleet.store.file(run, 'trained.onnx')), data);

async function outputsOf(fleet: TestFleet, model: Model, data: Dataset): Promise<number[][]> {
	const predictor = await fleet.engine.predictor(model);
	const bound = data.features.length === model.graph.inputs.length ? bind(data, model) : data;
	const rows: number[][] = [];
	for (let from = 0; from < data.items; from += 50) {
		const size = Math.min(50, data.items - from);
		const {inputs} = bound.batch(Uint32Array.from({length: size}, (_, index) => from + index));
		const output = Object.values(await predictor.predict(inputs))[0]!;
		const [numbers, width] = [toNumbers(output), output.data.length / size];
		rows.push(...Array.from({length: size}, (_, item) => numbers.slice(item * width, (item + 1) * width)));
	}
	await predictor.close();
	return rows;
}

const digits = async (): Promise<Dataset> => (await openJobData({dataset: 'digits'}, {environment: process.env})).test;

async function predictions(fleet: TestFleet, run: RunId): Promise<number[][]> {
	const client = await fleet.client();
	const text = Buffer.from(await client.fetch(run, 'predictions')).toString();
	const [, ...lines] = text.trimEnd().split('\n');
	return lines.map((line, index) => {
		const [item, ...values] = line.split(',').map(Number);
		if (item !== index || /,(?:,|$)/u.test(line)) {
			throw new Error(`line ${index} is «${line}»`);
		}
		return values;
	});
}

function furthest(a: readonly number[][], b: readonly number[][]): number {
	let difference = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
	for (const [item, row] of a.entries()) {
		for (const [index, value] of row.entries()) {
			difference = Math.max(difference, Math.abs(value - b[item]![index]!));
		}
	}
	return difference;
}

function sound(t: ExecutionContext, figures: InferenceFigures, items: number): void {
	const {p50, p95, p99, max} = figures.latencyMs;
	t.is(figures.items, items);
	t.true(p50 > 0 && p50 <= p95 && p95 <= p99 && p99 <= max, JSON.stringify(figures.latencyMs));
	t.true(Math.abs(figures.itemsPerSecond * figures.seconds - items) < 1e-6 * items);
}

async function likeOneMachine(
	t: ExecutionContext,
	fleet: TestFleet,
	trained: {readonly run: RunId; readonly ledger: Ledger},
	data: Dataset,
	plan?: PlanDocument,
): Promise<void> {
	const run = await infer(fleet, trained.run, {batch: 24, give: 'values', keep: true}, plan);
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	sound(t, ledger.inference!, data.items);
	t.is(ledger.inference!.accuracy, trained.ledger.final.accuracy);
	t.is(ledger.final.accuracy, trained.ledger.final.accuracy);
	const difference = furthest(await predictions(fleet, run), await onOneMachine(fleet, trained.run, data));
	t.log(
		`${ledger.inference!.itemsPerSecond.toFixed(0)} items/s, ${ledger.inference!.latencyMs.p50.toFixed(1)} ms, apart ${difference}`,
	);
	t.true(difference <= 1e-5, `${difference}`);
	const items = ledger.rounds.reduce((sum, {devices}) => sum + devices.length, 0);
	t.true(items >= ledger.rounds.length);
	t.true(ledger.devices.every(({device, phases}) => device === 'coordinator' || phases.compute.seconds > 0));
}

test.serial('a pipeline answers what one machine would, with the accuracy that training told', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(['cam-1', 'fog-1'].map(name => fleet.device(name)));
	const trained = await train(t, fleet, aJob(), twoStages(['cam-1'], ['fog-1']));
	await likeOneMachine(t, fleet, trained, await digits());
});

test.serial('two sources and two replicas of the last stage answer each its rows', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(['cam-1', 'cam-2', 'fog-1', 'fog-2'].map(name => fleet.device(name)));
	const trained = await train(t, fleet, aJob(), twoStages(['cam-1'], ['fog-1']));
	await likeOneMachine(t, fleet, trained, await digits(), twoStages(['cam-1', 'cam-2'], ['fog-1', 'fog-2']));
});

test.serial('a whole model on two devices answers by shares', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(['cam-1', 'cam-2'].map(name => fleet.device(name)));
	const plan: PlanDocument = {
		version: 1,
		scheme: 'D-SGD',
		model: 'lenet5',
		stages: [{units: 'all', replicas: [{device: 'cam-1', share: 3}, {device: 'cam-2'}]}],
		synchronisation: perStep,
	};
	const trained = await train(t, fleet, aJob(), plan);
	await likeOneMachine(t, fleet, trained, await digits());
});

const cameras = ['cam-1', 'cam-2', 'cam-3', 'cam-4'];
const corners = {kind: 'tiles', rows: 2, columns: 2, overlap: 0.4} as const;

const fourCameras = (sources: readonly string[], kind: 'scalar' | 'mean'): PlanDocument => ({
	version: 1,
	scheme: 'FPL aligned',
	model: 'mlp',
	stages: [
		{units: [0, 1], replicas: sources.map(device => ({device}))},
		{units: [2, 5], replicas: [{device: 'fog-1'}], junction: {mode: 'aligned', kind}},
	],
	synchronisation: perStep,
});

const cornerJob = (changes: Partial<JobDocument> = {}) =>
	aJob({model: 'mlp', data: {dataset: 'digits', limit: 320, views: {...corners}}, ...changes});

/** The test items as some of the cameras see them, under the names of a joined model's inputs. */
async function seenBy(sources: readonly string[], input: string): Promise<Dataset> {
	const all = await digits();
	const tiles = sources.map(source => ({source, view: views(all, corners)[cameras.indexOf(source)]!}));
	return {
		...all,
		features: tiles.map(({source, view}) => ({...view.features[0]!, name: ofBranch(input, source)})),
		batch(indices) {
			const batches = tiles.map(({source, view}) => ({source, batch: view.batch(indices)}));
			return {
				inputs: Object.fromEntries(
					batches.map(({source, batch}) => [ofBranch(input, source), Object.values(batch.inputs)[0]!]),
				),
				targets: batches[0]!.batch.targets,
			};
		},
	};
}

const baseOf = async (fleet: TestFleet, run: RunId) => importModel(await fleet.store.file(run, 'model.onnx'));

test.serial('branches that see parts of a picture answer together through their junction', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all([...cameras, 'fog-1'].map(name => fleet.device(name)));
	const trained = await train(t, fleet, cornerJob(), fourCameras(cameras, 'scalar'));
	const base = await baseOf(fleet, trained.run);
	await likeOneMachine(t, fleet, trained, await seenBy(cameras, base.graph.inputs[0]!.name));
});

test.serial('a branch that is away is left out, and the others answer every item without it', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const [, , third] = await Promise.all([...cameras, 'fog-1'].map(name => fleet.device(name)));
	const plan = fourCameras(cameras, 'mean');
	const {run} = await train(t, fleet, cornerJob({devices: {wait: '3 s'}}), plan);
	await third!.kill();
	const inferred = await infer(fleet, run, {give: 'values', keep: true});
	const ledger = await fleet.finish(inferred);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.true(ledger.notes.some(({device, text}) => device === 'cam-3' && text.includes('is away')));
	const others = cameras.filter(name => name !== 'cam-3');
	const base = await baseOf(fleet, run);
	const data = await seenBy(others, base.graph.inputs[0]!.name);
	sound(t, ledger.inference!, data.items);
	const trained = importModel(await fleet.store.file(run, 'trained.onnx'));
	const {bytes} = new JoinedWeights(base, planSchema.parse(plan), trained).file(
		planSchema.parse(fourCameras(others, 'mean')),
	);
	const difference = furthest(
		await predictions(fleet, inferred),
		await outputsOf(fleet, importModel(Buffer.from(bytes)), data),
	);
	t.true(difference <= 1e-5, `${difference}`);
});

test.serial('a branch that dies in the midst costs no item and counts none twice', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const [, second] = await Promise.all([...cameras, 'fog-1'].map(name => fleet.device(name)));
	const {run} = await train(t, fleet, cornerJob(), fourCameras(cameras, 'scalar'));
	const inferred = await infer(fleet, run, {batch: 4, keep: true});
	let killed = false;
	for await (const update of (await fleet.client()).follow(inferred)) {
		if (update.kind === 'round' && update.record.round >= 1 && !killed) {
			killed = true;
			await second!.kill();
		}
	}
	const ledger = await fleet.store.ledger(inferred);
	t.is(ledger.final.state, 'done', ledger.final.because);
	const {items} = await digits();
	sound(t, ledger.inference!, items);
	t.is((await predictions(fleet, inferred)).length, items);
	t.true(ledger.rounds[0]!.devices.includes('cam-2'));
	t.false(ledger.rounds.at(-1)!.devices.includes('cam-2'));
});

for (const [victim, role] of [
	['fog-1', 'of the last stage'],
	['cam-2', 'that is a source'],
] as const) {
	test.serial(`a device ${role} dies in the midst: nothing is lost and nothing counted twice`, async t => {
		const fleet = await aFleet(t);
		await fleet.coordinator();
		const names = ['cam-1', 'cam-2', 'fog-1', 'fog-2'];
		const devices = new Map(await Promise.all(names.map(async name => [name, await fleet.device(name)] as const)));
		const trained = await train(t, fleet, aJob(), twoStages(['cam-1'], ['fog-1']));
		const plan = twoStages(['cam-1', 'cam-2'], ['fog-1', 'fog-2']);
		const run = await infer(fleet, trained.run, {batch: 4, give: 'values', keep: true}, plan);
		const client = await fleet.client();
		let killed = false;
		for await (const update of client.follow(run)) {
			if (update.kind === 'round' && update.record.round >= 2 && !killed) {
				killed = true;
				await devices.get(victim)!.kill();
			}
		}
		t.true(killed);
		const ledger = await fleet.store.ledger(run);
		t.is(ledger.final.state, 'done', ledger.final.because);
		const data = await digits();
		sound(t, ledger.inference!, data.items);
		t.is(ledger.inference!.accuracy, trained.ledger.final.accuracy);
		t.deepEqual(
			ledger.rounds.map(({round}) => round),
			ledger.rounds.map((_, index) => index),
		);
		t.true(ledger.notes.some(({device}) => device === victim));
		t.false(ledger.rounds.at(-1)!.devices.includes(victim));
		const difference = furthest(await predictions(fleet, run), await onOneMachine(fleet, trained.run, data));
		t.true(difference <= 1e-5, `${difference}`);
	});
}

test.serial('wrong wishes are refused before any device is asked', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await fleet.device('cam-1');
	const refused = async (run: string, options: InferenceOptionsDocument, plan?: PlanDocument) =>
		(await t.throwsAsync(infer(fleet, run, options, plan))) as Error & {code: string};
	t.is((await refused('no-such-run', {})).code, 'RUN_UNKNOWN');

	const absent = await fleet.submit(aJob({devices: {wait: '1 s', only: ['nobody']}}));
	for await (const update of (await fleet.client()).follow(absent)) {
		t.true(update.kind !== 'ended' || update.state === 'failed');
	}
	const untrained = await refused(absent, {});
	t.is(untrained.code, 'RUN_UNFINISHED');
	t.regex(untrained.message, /trained\.onnx/u);

	const whole: PlanDocument = {
		version: 1,
		scheme: 'one',
		model: 'lenet5',
		stages: [{units: 'all', replicas: [{device: 'cam-1'}]}],
		synchronisation: perStep,
	};
	const {run} = await train(t, fleet, aJob({training: {...aJob().training, epochs: 1}}), whole);
	const short: PlanDocument = {...whole, stages: [{units: [0, 3], replicas: [{device: 'cam-1'}]}]};
	const unfit = await refused(run, {}, short);
	t.is(unfit.code, 'PLAN_INVALID');
	t.regex(unfit.message, /stages\[0\]/u);
	t.is((await refused(run, {dataset: 'no-such-data'})).code, 'DATA_UNKNOWN');
	t.is((await refused(run, {batch: 20_000, give: 'values', keep: true})).code, 'CONFIG_VALUE');
	t.is((await refused(run, {batch: 0} as InferenceOptionsDocument)).code, 'CONFIG_VALUE');
	const of = await infer(fleet, run, {limit: 10});
	t.is((await fleet.finish(of)).inference!.items, 10);
	t.is((await refused(of, {})).code, 'RUN_UNKNOWN');
});
