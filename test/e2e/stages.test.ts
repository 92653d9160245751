/** Plans with stages, executed by devices over the wire, compute what one machine computes. */
import test, {type ExecutionContext} from 'ava';
import type {JobDocument} from '../../core/plan/job.js';
import type {PlanDocument} from '../../core/plan/plan.js';
import {importModel} from '../../models/import/model.js';
import {flatten, layoutOf} from '../../models/layout.js';
import {aFleet} from '../support/a-fleet.js';
import {globalBatches, oneMachine, relativeError} from '../support/one-machine.js';

const aJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit: 320, partition: {kind: 'iid'}},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 32, epochs: 2, seed: 3},
	devices: {wait: '30 s'},
	faults: {checkpointInterval: '0 s'},
	...changes,
});

const perStep = {exchange: 'gradients', every: {kind: 'step'}} as const;

async function equals(
	t: ExecutionContext,
	plan: PlanDocument,
	{job = aJob(), shares}: {readonly job?: JobDocument; readonly shares: readonly number[]},
): Promise<void> {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const devices = new Set(plan.stages.flatMap(({replicas}) => replicas.map(({device}) => device)));
	await Promise.all([...devices].map(name => fleet.device(name)));
	const run = await fleet.submit(job, plan);
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	const trained = importModel(await fleet.store.file(run, 'trained.onnx'));
	const machine = await oneMachine(fleet.engine, await fleet.store.file(run, 'model.onnx'), job, shares.length);
	const expected = await globalBatches(machine, shares);
	const error = relativeError(flatten(trained.graph, layoutOf(trained.graph, trained.parameters)), expected.parameters);
	t.log(`${ledger.rounds.length} steps, relative error ${error.toExponential(2)}, ${ledger.seconds.toFixed(2)} s`);
	t.true(error <= 1e-4, `${error}`);
	t.true(ledger.rounds.at(-1)!.loss < ledger.rounds[0]!.loss);
}

test.serial('a pipeline of two stages with four micro-batches', async t => {
	await equals(
		t,
		{
			version: 1,
			scheme: 'pipeline',
			model: 'lenet5',
			stages: [
				{units: [0, 3], replicas: [{device: 'cam-1'}]},
				{units: [4, 11], replicas: [{device: 'fog-1'}]},
			],
			synchronisation: perStep,
			pipeline: {microBatches: 4},
		},
		{shares: [1]},
	);
});
