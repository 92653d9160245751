/** A plan with stages that is executed by a fleet in this process while something happens to it. */
import type {ExecutionContext} from 'ava';
import type {RunId} from '../../../core/ids.js';
import type {Ledger} from '../../../core/ledger/ledger.js';
import type {RunUpdate} from '../../../core/ledger/run-update.js';
import type {JobDocument} from '../../../core/plan/job.js';
import type {PlanDocument} from '../../../core/plan/plan.js';
import {fileCheckpoints} from '../../../fog-broker/server/checkpoints.js';
import {importModel} from '../../../models/import/model.js';
import {flatten, layoutOf} from '../../../models/layout.js';
import {aFleet, type FleetDeviceHandle, type FleetOptions, type TestFleet} from '../a-fleet.js';
import {globalBatches, oneMachine, relativeError} from '../one-machine.js';
export const steps = 20;

export const aJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit: 320, partition: {kind: 'iid'}},
	training: {optimizer: {kind: 'sgd', lr: 0.02, momentum: 0.9}, batch: 32, epochs: 2, seed: 3},
	devices: {wait: '30 s'},
	faults: {checkpointInterval: '0 s'},
	...changes,
});

const perStep = {exchange: 'gradients', every: {kind: 'step'}} as const;
export type Replicas = PlanDocument['stages'][number]['replicas'];
export const on = (...devices: string[]): Replicas => devices.map(device => ({device}));

export const plan = (changes: Partial<PlanDocument> & Pick<PlanDocument, 'stages'>): PlanDocument => ({
	version: 1,
	scheme: 'by hand',
	model: 'lenet5',
	synchronisation: perStep,
	...changes,
});

export const stackedPlan = (sources: Replicas, trunk: Replicas): PlanDocument =>
	plan({
		stages: [
			{units: [0, 3], replicas: sources},
			{units: [4, 11], replicas: trunk},
		],
	});

export interface Scene {
	readonly fleet: TestFleet;
	readonly devices: ReadonlyMap<string, FleetDeviceHandle>;
	readonly stop: () => Promise<void>;
}

export interface Played extends Scene {
	readonly ledger: Ledger;
	readonly notes: readonly string[];
	readonly run: RunId;
}

/** Runs a plan to its end; `happens` is called with every update, and once when so many steps are done. */
export async function play(
	t: ExecutionContext,
	document: PlanDocument,
	{
		job = aJob(),
		spares = [],
		options = {},
		at = 6,
		fault,
		happens = () => {},
		until,
	}: {
		readonly job?: JobDocument;
		readonly spares?: readonly string[];
		readonly options?: FleetOptions;
		/** Steps after which `fault` is called. */
		readonly at?: number;
		readonly fault?: (scene: Scene) => Promise<unknown> | undefined;
		readonly happens?: (update: RunUpdate, scene: Scene) => unknown;
		/** After the fault the run is slowed down until this round has come, so that it does not end before. */
		readonly until?: (round: RunUpdate & {kind: 'round'}) => boolean;
	},
): Promise<Played> {
	const fleet = await aFleet(t, options);
	const stop = await fleet.coordinator();
	const names = [
		...new Set([...document.stages.flatMap(({replicas}) => replicas.map(({device}) => device)), ...spares]),
	];
	const devices = new Map(await Promise.all(names.map(async name => [name, await fleet.device(name)] as const)));
	const scene = {fleet, devices, stop};
	const run = await fleet.submit(job, document);
	const notes: string[] = [];
	let happened = fault === undefined;
	const under: Promise<unknown>[] = [];
	for await (const update of (await fleet.client()).follow(run)) {
		if (update.kind === 'round' && update.record.step >= at && !happened) {
			happened = true;
			fleet.brake.stepMs = until ? 400 : 0;
			under.push(Promise.resolve(fault?.(scene)));
		}
		if (update.kind === 'note') {
			notes.push(update.device === undefined ? update.text : `${update.device} ${update.text}`);
		}
		happens(update, scene);
		if (update.kind === 'round' && until?.(update)) {
			fleet.brake.stepMs = 0;
		}
		if (update.kind === 'ended') {
			break;
		}
	}
	await Promise.all(under);
	t.true(happened, 'the run ended before anything could happen');
	const ledger = await fleet.store.ledger(run);
	t.log(notes.join(' · ') || 'no notes', `${ledger.seconds.toFixed(1)} s`);
	return {...scene, ledger, notes, run};
}

/** The run is done; every step is in the curve once, and so are the updates in the weights. */
export async function exact(t: ExecutionContext, {fleet, ledger, run}: Played, count = steps): Promise<void> {
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.deepEqual(
		ledger.rounds.map(({step}) => step),
		Array.from({length: count}, (_, index) => index + 1),
	);
	t.true(
		Math.abs(ledger.rounds.at(-1)!.epoch - count / 10) < 1e-9,
		ledger.rounds.map(({epoch}) => epoch.toFixed(3)).join(' '),
	);
	const {checkpoint} = await fileCheckpoints(fleet.store.checkpoints(run)).latest();
	const {groups, position} = checkpoint!.progress as {groups: {updates: number}[]; position: {step: number}};
	t.is(position.step, count);
	t.is(Math.max(...groups.map(({updates}) => updates)), count, JSON.stringify(groups));
	t.true(ledger.rounds.at(-1)!.loss < ledger.rounds[0]!.loss, ledger.rounds.map(({loss}) => loss.toFixed(2)).join(' '));
}

/** The weights are those of one machine that nothing ever happened to. */
export async function same(
	t: ExecutionContext,
	{fleet, run}: Played,
	shares: readonly number[],
	job = aJob(),
): Promise<void> {
	const trained = importModel(await fleet.store.file(run, 'trained.onnx'));
	const machine = await oneMachine(fleet.engine, await fleet.store.file(run, 'model.onnx'), job, shares.length);
	const expected = await globalBatches(machine, shares);
	const error = relativeError(flatten(trained.graph, layoutOf(trained.graph, trained.parameters)), expected.parameters);
	t.true(error <= 1e-4, `relative error ${error}`);
}

export const kill = (name: string) => (scene: Scene) => scene.devices.get(name)!.kill();
