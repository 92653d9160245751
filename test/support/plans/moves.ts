/** Runs that may go on by another plan while they are under way, beside a machine that is never disturbed. */
import type {ExecutionContext} from 'ava';
import type {RunId} from '../../../core/ids.js';
import type {Ledger} from '../../../core/ledger/ledger.js';
import type {RunUpdate} from '../../../core/ledger/run-update.js';
import type {JobDocument} from '../../../core/plan/job.js';
import {libraryProfile} from '../../../core/profile/library.js';
import {slowed} from '../../../fog-broker/run/replan/pace.js';
import type {ReplanTimes} from '../../../fog-broker/run/replan/replanner.js';
import type {Engine} from '../../../models/engines/engine.js';
import {importModel} from '../../../models/import/model.js';
import {aFleet, type FleetDeviceHandle, type TestFleet} from '../a-fleet.js';
import {globalBatches, oneMachine, relativeError, type Weights} from '../one-machine.js';
import {weightsOf} from './plan-runs.js';

/** In all; ten are an epoch. */
export const steps = 160;
const batch = 24;
export const limit = 240;

export const aJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit, sources: ['cam-1']},
	training: {optimizer: {kind: 'sgd', lr: 0.001, momentum: 0.9}, batch, epochs: (steps * batch) / limit, seed: 5},
	devices: {minimum: 1, wait: '20 s'},
	faults: {checkpointInterval: '500 ms'},
	// Chains of single devices, so that it is plain who computes what. Paces are told from what they should be in some tests only:
	// a busy machine is slower than links of the memory broker say.
	planning: {mostStages: 2, mostReplicas: 1, microBatches: [1], replanFactor: 100},
	...changes,
});

/** As many times as slowly as a mini PC: what a device says of itself, and what it is where that is something else. */
interface Pace {
	readonly says: number;
	readonly is?: number;
}

/** A device of this pace joins. */
export function join(
	fleet: TestFleet,
	name: string,
	{says, is = says}: Pace,
	staging: Parameters<TestFleet['device']>[1] = {},
): Promise<FleetDeviceHandle> {
	const profile = (factor: number) => slowed(libraryProfile('mini-pc-n100', name), factor);
	const facts = {profile: JSON.stringify(profile(says)), emulated: 'a test'};
	return fleet.device(name, staging, facts, {profile: profile(is), emulated: true});
}

export interface UnderWay {
	readonly fleet: TestFleet;
	readonly run: RunId;
	readonly devices: ReadonlyMap<string, FleetDeviceHandle>;
	/** Stops the coordinator. */
	readonly stop: () => Promise<void>;
}

/** A job that was submitted to a fleet of these devices, which looks for better plans sooner than others do. */
export async function underWay(
	t: ExecutionContext<unknown>,
	job: JobDocument,
	paces: Readonly<Record<string, Pace>>,
	times: Partial<ReplanTimes> = {},
): Promise<UnderWay> {
	const fleet = await aFleet(t, {replanTimes: {graceMs: 300, settleMs: 50, leastIntervalMs: 30_000, ...times}});
	const stop = await fleet.coordinator();
	const devices = new Map<string, FleetDeviceHandle>();
	for (const [name, pace] of Object.entries(paces)) {
		devices.set(name, await join(fleet, name, pace));
	}
	return {fleet, run: await fleet.submit(job), devices, stop};
}

/** What a run says when it has looked for another plan. */
export const looked = /^(?:moves from|keeps|goes back to)/u;

/** From this round on a run is slowed down until it has said what is awaited. */
const brakeAt = 3;

/**
 * Follows a run to its end; `onUpdate` may disturb it. It is slowed down until one of its notes is the one that is awaited, so that
 * this comes before its end, however busy the machine is.
 */
export async function follow(
	fleet: TestFleet,
	run: RunId,
	onUpdate: (update: RunUpdate) => Promise<void> | void = () => {},
	awaited: RegExp | undefined = looked,
): Promise<{readonly ledger: Ledger; readonly updates: readonly RunUpdate[]}> {
	const updates: RunUpdate[] = [];
	let isAwaited = awaited !== undefined;
	for await (const update of (await fleet.client()).follow(run)) {
		updates.push(update);
		isAwaited &&= !(update.kind === 'note' && awaited!.test(update.text));
		const isSlow = isAwaited && update.kind === 'round' && update.record.round >= brakeAt;
		fleet.brake.stepMs = isSlow || (isAwaited && fleet.brake.stepMs > 0) ? 250 : 0;
		if (update.kind === 'ended' && update.state !== 'done') {
			throw new Error(`${update.code}: ${update.because}`);
		}
		await onUpdate(update);
	}
	return {ledger: await fleet.store.ledger(run), updates};
}

export const movesIn = ({notes}: Ledger) => notes.filter(({text}) => text.startsWith('moves from'));

/** The weights are those that one machine computes, to which nothing ever happens; `alone` has the model's file to begin with. */
export async function equalsAlone(
	t: ExecutionContext<unknown>,
	fleet: TestFleet,
	run: RunId,
	alone: (engine: Engine, bytes: Uint8Array) => Promise<Weights>,
): Promise<void> {
	const got = weightsOf(importModel(await fleet.store.file(run, 'trained.onnx')));
	const expected = await alone(fleet.engine, await fleet.store.file(run, 'model.onnx'));
	t.is(got.parameters.length, expected.parameters.length);
	const error = relativeError(got.parameters, expected.parameters);
	t.log(`apart from one machine: ${error.toExponential(1)}`);
	t.true(error <= 1e-5, `weights differ by ${error}`);
}

/** Those of one machine that has all data of one source. */
export const equalsUndisturbed = (
	t: ExecutionContext<unknown>,
	fleet: TestFleet,
	run: RunId,
	job: JobDocument,
): Promise<void> =>
	equalsAlone(t, fleet, run, async (engine, bytes) => globalBatches(await oneMachine(engine, bytes, job, 1), [1]));

/** Every step is in the curve once, and each of them had a whole batch. */
export function everyStepOnce(t: ExecutionContext<unknown>, {rounds, final}: Ledger): void {
	t.is(final.state, 'done', final.because);
	t.deepEqual(
		rounds.map(({round}) => round),
		Array.from({length: steps}, (_, round) => round),
	);
	t.true(rounds.at(-1)!.loss < rounds[0]!.loss);
}
