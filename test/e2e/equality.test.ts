/** A distributed run computes what one machine would: the promise that everything else rests on. */
import test, {type ExecutionContext} from 'ava';
import type {JobDocument} from '../../core/plan/job.js';
import type {PlanDocument} from '../../core/plan/plan.js';
import {fileCheckpoints} from '../../fog-broker/server/checkpoints.js';
import {aFleet} from '../support/a-fleet.js';
import {
	federatedAveraging,
	globalBatches,
	type OneMachine,
	oneMachine,
	relativeError,
	stepsOf,
	type Weights,
} from '../support/one-machine.js';

const devices = ['dev-1', 'dev-2', 'dev-3'];

const aJob = (training: JobDocument['training'] = {}, changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'mlp',
	data: {dataset: 'digits', limit: 320, partition: {kind: 'iid'}},
	scheme: {kind: 'd-sgd'},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 32, epochs: 2, seed: 3, ...training},
	devices: {only: devices, minimum: 3, wait: '30 s'},
	faults: {checkpointInterval: '0 s'},
	...changes,
});

/** Runs a job over three devices and compares its weights with what one machine computes. */
async function equals(
	t: ExecutionContext,
	job: JobDocument,
	alone: (machine: OneMachine) => Promise<Weights>,
	{bound, plan}: {readonly bound: number; readonly plan?: PlanDocument},
): Promise<void> {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(devices.map(name => fleet.device(name)));
	const run = await fleet.submit(job, plan);
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	const {checkpoint} = await fileCheckpoints(fleet.store.checkpoints(run)).latest();
	t.is(checkpoint?.round, ledger.rounds.length);
	const machine = await oneMachine(fleet.engine, await fleet.store.file(run, 'model.onnx'), job, devices.length);
	const expected = await alone(machine);
	const error = relativeError(checkpoint!.state.parameters, expected.parameters);
	t.log(`${ledger.rounds.length} rounds, relative error ${error.toExponential(2)}`);
	t.true(error <= bound, `${error}`);
	if (expected.buffers.length > 0) {
		const ofBuffers = relativeError(checkpoint!.state.buffers, expected.buffers);
		t.true(ofBuffers <= bound, `buffers: ${ofBuffers}`);
	}
	t.true(ledger.rounds.at(-1)!.loss < ledger.rounds[0]!.loss);
}

const evenly = (machine: OneMachine) => globalBatches(machine, [1, 1, 1]);

test.serial('after 20 steps of D-SGD over three devices the weights are those of one machine, to 1e-5', async t => {
	await equals(t, aJob({}, {model: 'lenet5'}), evenly, {bound: 1e-5});
});

test.serial('so they are with unequal shares of the batch', async t => {
	const plan: PlanDocument = {
		version: 1,
		scheme: 'D-SGD, uneven',
		model: 'mlp',
		stages: [{units: 'all', replicas: devices.map((device, index) => ({device, share: [1, 5, 2][index]!}))}],
		synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
	};
	await equals(t, aJob(), machine => globalBatches(machine, [1, 5, 2]), {bound: 1e-5, plan});
});

test.serial('so they are with AdamW, weight decay, clipped gradients and a learning rate that changes', async t => {
	const training: JobDocument['training'] = {
		// Adam divides by the gradient's own size: where that is near nothing, a smaller epsilon makes rounding errors large.
		optimizer: {kind: 'adamw', lr: 0.002, weightDecay: 0.05, epsilon: 1e-5},
		clipNorm: 0.5,
		schedule: {kind: 'cosine', warmup: 3, floor: 0.1},
	};
	await equals(t, aJob(training), evenly, {bound: 1e-5});
});

test.serial('so they are with Nesterov momentum, coupled weight decay and steps of the learning rate', async t => {
	const training: JobDocument['training'] = {
		optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.001},
		schedule: {kind: 'step', every: 6, gamma: 0.3},
	};
	await equals(t, aJob(training), evenly, {bound: 1e-5});
});

test.serial(
	'FedAvg over devices that own unequal parts of the data is the algorithm of its paper, to 1e-5',
	async t => {
		const job = aJob(
			{epochs: 6, batch: 10},
			{
				data: {dataset: 'digits', limit: 200, partition: {kind: 'dirichlet', alpha: 0.6}},
				scheme: {kind: 'fedavg', localEpochs: 2},
			},
		);
		await equals(t, job, machine => federatedAveraging(machine, 3, 2), {bound: 1e-5});
	},
);

test.serial('so it is with running statistics of batch norms, Adam and a learning rate that changes', async t => {
	const job = aJob(
		{epochs: 3, batch: 16, optimizer: {kind: 'adam', lr: 0.001}, schedule: {kind: 'linear', warmup: 1}},
		{
			model: 'sensor-cnn',
			data: {dataset: 'vibration', limit: 120, partition: {kind: 'shards', perDevice: 2}},
			scheme: {kind: 'fedavg', localEpochs: 1},
		},
	);
	await equals(
		t,
		job,
		async machine => {
			t.is(stepsOf(machine), 24);
			return federatedAveraging(machine, 3, 1);
		},
		{bound: 1e-5},
	);
});
