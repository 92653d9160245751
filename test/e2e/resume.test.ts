/** A run that was stopped and went on computes what it would have computed without the break. */
import {setTimeout as sleep} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import type {RunId} from '../../core/ids.js';
import type {JobDocument} from '../../core/plan/job.js';
import {fileCheckpoints} from '../../fog-broker/server/checkpoints.js';
import {aFleet, type TestFleet} from '../support/a-fleet.js';
import {relativeError} from '../support/one-machine.js';

const devices = ['dev-1', 'dev-2'];

const aJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'mlp',
	data: {dataset: 'digits', limit: 300},
	scheme: {kind: 'd-sgd'},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 24, epochs: 3, seed: 5},
	devices: {only: devices, minimum: 2, wait: '20 s'},
	faults: {checkpointInterval: '0 s'},
	...changes,
});

/** How a run may be broken off and taken up again. */
type Break = (fleet: TestFleet, run: RunId, stop: () => Promise<void>) => Promise<() => Promise<void>>;

/** The coordinator goes, and goes on with what was under way when it is back. */
const restart: Break = async (fleet, _run, stop) => {
	await stop();
	return fleet.coordinator();
};

/** A client stops the run, and a client resumes it. */
const stopAndResume: Break = async (fleet, run, stop) => {
	const client = await fleet.client();
	await client.ask({kind: 'stop', run}, 'ack');
	while ((await fleet.store.get(run)).state === 'running') {
		await sleep(10);
	}
	await fleet.resume(run);
	return stop;
};

async function weightsAfter(t: ExecutionContext, job: JobDocument, at: readonly number[] = [], how: Break = restart) {
	const fleet = await aFleet(t);
	let stop = fleet.coordinator();
	await stop;
	await Promise.all(devices.map(name => fleet.device(name)));
	const run = await fleet.submit(job);
	const client = await fleet.client();
	const resumedFrom: number[] = [];
	const waiting = [...at];
	let seen = 0;
	let state: string | undefined;
	while (state !== 'done') {
		for await (const update of client.follow(run, {from: seen})) {
			seen += 1;
			if (
				update.kind === 'checkpoint' &&
				update.round >= waiting[0]! &&
				resumedFrom.length === at.length - waiting.length
			) {
				waiting.shift();
				stop = stop.then(before => how(fleet, run, before));
			} else if (update.kind === 'planned' && update.resumedFrom !== undefined) {
				resumedFrom.push(update.resumedFrom);
			} else if (update.kind === 'ended') {
				state = update.state;
				t.not(state, 'failed', update.because);
			}
		}
		await stop;
	}
	t.is(resumedFrom.length, at.length, 'breaks');
	t.log(`went on from round ${resumedFrom.join(', ') || 'none'}`);
	const {checkpoint} = await fileCheckpoints(fleet.store.checkpoints(run)).latest();
	const ledger = await fleet.store.ledger(run);
	t.deepEqual(
		ledger.rounds.map(({round}) => round),
		[...ledger.rounds.keys()],
	);
	return {...checkpoint!.state, rounds: ledger.rounds.length, losses: ledger.rounds.map(({loss}) => loss)};
}

async function same(t: ExecutionContext, job: JobDocument, at: readonly number[], how: Break): Promise<void> {
	const whole = await weightsAfter(t, job);
	const broken = await weightsAfter(t, job, at, how);
	t.is(broken.rounds, whole.rounds);
	t.is(broken.updates, whole.updates);
	for (const [what, got, expected] of [
		['parameters', broken.parameters, whole.parameters],
		['buffers', broken.buffers, whole.buffers],
		...whole.slots.map((slot, index) => [`slot ${index}`, broken.slots[index]!, slot] as const),
	] as const) {
		const error = relativeError(got, expected);
		t.true(error <= 1e-6, `${what}: ${error}`);
	}
	t.true(relativeError(Float32Array.from(broken.losses), Float32Array.from(whole.losses)) <= 1e-5);
}

test.serial('D-SGD with momentum goes on exactly where the coordinator left it, twice', t =>
	same(t, aJob(), [7, 19], restart),
);

test.serial('D-SGD with Adam and a schedule goes on exactly after a client stopped and resumed it', t =>
	same(
		t,
		aJob({
			training: {
				...aJob().training,
				optimizer: {kind: 'adam', lr: 0.001},
				schedule: {kind: 'cosine', warmup: 4},
			},
		}),
		[11],
		stopAndResume,
	),
);

const sensors: Partial<JobDocument> = {model: 'sensor-cnn', data: {dataset: 'vibration', limit: 120}};

test.serial('D-SGD with batch norms goes on exactly', t =>
	same(t, aJob({...sensors, training: {...aJob().training, batch: 16, epochs: 2}}), [5], restart),
);

test.serial('FedAvg with batch norms and Adam goes on exactly', t =>
	same(
		t,
		aJob({
			...sensors,
			training: {...aJob().training, optimizer: {kind: 'adam', lr: 0.001}, batch: 16, epochs: 6},
			scheme: {kind: 'fedavg', localEpochs: 1},
		}),
		[2],
		restart,
	),
);
