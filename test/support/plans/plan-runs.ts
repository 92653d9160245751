/** Plans run by a fleet in this process, beside what one machine computes. */
import type {ExecutionContext} from 'ava';
import type {RunId} from '../../../core/ids.js';
import {runId} from '../../../core/ids.js';
import type {Ledger} from '../../../core/ledger/ledger.js';
import type {JobDocument} from '../../../core/plan/job.js';
import type {Plan} from '../../../core/plan/plan.js';
import {fileCheckpoints} from '../../../fog-broker/server/checkpoints.js';
import type {Model} from '../../../models/graph.js';
import {exportModel, importModel} from '../../../models/import/model.js';
import {flatten, layoutOf} from '../../../models/layout.js';
import {type Candidate, planFor} from '../../../models/plans/plan-for.js';
import {aFleet, type FleetOptions, type TestFleet} from '../a-fleet.js';
import {parseJob, relativeError, type Weights} from '../one-machine.js';

/** Who owns data and who does not, in the order of plans. */
export const sources = ['src-1', 'src-2', 'src-3'] as const;
export const helpers = ['fog-1', 'fog-2'] as const;

/** A coordinator and devices that stay for several runs, one after the other. */
export async function planFleet(t: ExecutionContext<unknown>, options: FleetOptions = {}): Promise<TestFleet> {
	const fleet = await aFleet(t, options);
	await fleet.coordinator();
	await Promise.all([...sources, ...helpers].map(name => fleet.device(name)));
	return fleet;
}

/** The plan that a scheme asks for, with so many sources and helpers. */
export function planOf(
	model: Model,
	scheme: NonNullable<JobDocument['scheme']>,
	{
		owners = 2,
		trunk = 1,
		shares,
	}: {readonly owners?: number; readonly trunk?: number; readonly shares?: readonly number[]},
): Plan {
	const fleet: Candidate[] = [
		...sources.slice(0, owners).map(device => ({device, isSource: true})),
		...helpers.slice(0, trunk).map(device => ({device, isSource: false})),
	];
	const job = parseJob({version: 1, model: model.name, data: {dataset: 'any'}, scheme});
	const plan = planFor(job, fleet, model);
	return {
		...plan,
		stages: plan.stages.map(stage =>
			shares && stage.replicas.length === shares.length
				? {...stage, replicas: stage.replicas.map((replica, index) => ({...replica, share: shares[index]!}))}
				: stage,
		),
	};
}

export interface Finished {
	readonly run: RunId;
	readonly ledger: Ledger;
	/** The trained weights; of a device where devices have their own. */
	after(device?: string): Promise<Weights>;
	/** The optimiser's, at the end. */
	slots(): Promise<readonly Float32Array[]>;
	/** The model's file that the run began with. */
	bytes(): Promise<Uint8Array>;
}

export const weightsOf = ({graph, parameters, buffers}: Model): Weights => ({
	parameters: flatten(graph, layoutOf(graph, parameters)),
	buffers: flatten(graph, layoutOf(graph, buffers)),
});

/** Runs a given model by a plan to its end. */
export async function runPlan(
	t: ExecutionContext<unknown>,
	fleet: TestFleet,
	model: Model,
	job: JobDocument,
	plan: Plan,
): Promise<Finished> {
	const client = await fleet.client();
	const modelDigest = await client.upload('model.onnx', exportModel(model));
	const {run: name} = await client.ask(
		{kind: 'submit', job: JSON.stringify(job), plan: JSON.stringify(plan), resume: '', modelDigest},
		'accepted',
	);
	const run = runId(name);
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', `${plan.scheme}: ${ledger.final.because}`);
	const file = (of: string) => fleet.store.file(run, of);
	return {
		run,
		ledger,
		bytes: () => file('model.onnx'),
		slots: async () => (await fileCheckpoints(fleet.store.checkpoints(run)).latest()).checkpoint!.state.slots,
		after: async device =>
			weightsOf(importModel(await file(device === undefined ? 'trained.onnx' : `trained@${device}.onnx`))),
	};
}

/** Fails with the name of what differs. */
export function near(
	t: ExecutionContext<unknown>,
	what: string,
	got: Weights,
	expected: Weights,
	bound: number,
): number {
	const error = relativeError(got.parameters, expected.parameters);
	t.true(error <= bound, `${what}: parameters differ by ${error.toExponential(2)}, at most ${bound} expected`);
	if (expected.buffers.length > 0) {
		const ofBuffers = relativeError(got.buffers, expected.buffers);
		t.true(ofBuffers <= bound, `${what}: buffers differ by ${ofBuffers.toExponential(2)}, at most ${bound} expected`);
	}
	return error;
}
