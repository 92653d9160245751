/** Devices and coordinators come and go while a run is under way. */
import test from 'ava';
import type {JobDocument} from '../../core/plan/job.js';
import {aFleet} from '../support/a-fleet.js';

const aJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'mlp',
	data: {dataset: 'digits', limit: 600},
	scheme: {kind: 'd-sgd'},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 60, epochs: 3, seed: 3},
	devices: {only: ['dev-1', 'dev-2', 'dev-3'], minimum: 1, wait: '20 s'},
	faults: {roundDeadline: '3 s', checkpointInterval: '0 s'},
	...changes,
});

test.serial('a device that dies is not waited for, and takes part again when it is back', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await fleet.device('dev-1');
	await fleet.device('dev-2');
	const third = await fleet.device('dev-3');
	const run = await fleet.submit(aJob({training: {...aJob().training, epochs: 6}}));
	const client = await fleet.client();
	let killed = false;
	let back = false;
	for await (const update of client.follow(run)) {
		if (update.kind === 'round' && update.record.round > 10 && !killed) {
			killed = true;
			// It is to be back before the end, however long that takes it.
			fleet.brake.stepMs = 400;
			await third.kill();
		}
		if (update.kind === 'round' && back && update.record.devices.includes('dev-3')) {
			fleet.brake.stepMs = 0;
		}
		if (update.kind === 'note' && update.device === 'dev-3' && /left/u.test(update.text) && !back) {
			back = true;
			await fleet.device('dev-3');
		}
		if (update.kind === 'ended') {
			t.is(update.state, 'done', update.because);
		}
	}
	const ledger = await fleet.store.ledger(run);
	const device = ledger.devices.find(({device: name}) => name === 'dev-3')!;
	t.true(killed && back);
	t.true(device.roundsDone < ledger.rounds.length);
	t.true(ledger.rounds.at(-1)!.devices.includes('dev-3'));
	t.true(ledger.rounds.some(({devices}) => !devices.includes('dev-3')));
});

test.serial('a coordinator that is stopped goes on with the run when it starts again', async t => {
	const fleet = await aFleet(t);
	const stop = await fleet.coordinator();
	await Promise.all(['dev-1', 'dev-2', 'dev-3'].map(name => fleet.device(name)));
	const run = await fleet.submit(aJob({training: {...aJob().training, epochs: 4}}));
	const client = await fleet.client();
	let stopped = 0;
	const rounds: number[] = [];
	for await (const update of client.follow(run)) {
		if (update.kind === 'round') {
			rounds.push(update.record.round);
			if (update.record.round > 10 && stopped === 0) {
				stopped = update.record.round;
				void stop().then(() => fleet.coordinator());
			}
		}
		if (update.kind === 'ended') {
			t.is(update.state, 'done', update.because);
		}
	}
	const ledger = await fleet.store.ledger(run);
	t.true(stopped > 0);
	t.is((await fleet.store.get(run)).attempt, 2);
	t.is(ledger.rounds.at(-1)?.round, 39);
	t.deepEqual(
		ledger.rounds.map(({round}) => round),
		Array.from({length: 40}, (_, round) => round),
	);
});

test.serial('deadlines need not be whole milliseconds, and may lie years ahead', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await fleet.device('dev-1');
	const run = await fleet.submit(
		aJob({
			training: {...aJob().training, epochs: 1},
			devices: {only: ['dev-1'], minimum: 1, wait: '20000 h'},
			faults: {roundDeadline: '2.2004 s', checkpointInterval: '0 s'},
		}),
	);
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.is(ledger.rounds.length, 10);
});

test.serial('a run that reaches its target ends early, and its accuracy is that of the weights it leaves', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await fleet.device('dev-1');
	const run = await fleet.submit(
		aJob({
			training: {...aJob().training, epochs: 30, targetAccuracy: 0.5},
			devices: {only: ['dev-1'], minimum: 1, wait: '20 s'},
		}),
	);
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.true(ledger.rounds.length < 200, `${ledger.rounds.length} rounds`);
	t.true(ledger.final.accuracy! > 0.4, `${ledger.final.accuracy}`);
});

test.serial('FedAvg averages weights after local epochs, and learns', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(['dev-1', 'dev-2', 'dev-3'].map(name => fleet.device(name)));
	const run = await fleet.submit(
		aJob({scheme: {kind: 'fedavg', localEpochs: 2}, training: {...aJob().training, batch: 20, epochs: 12}}),
	);
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.is(ledger.rounds.length, 6);
	t.is(ledger.scheme, 'FedAvg, 2 local epochs');
	t.true(ledger.final.accuracy! > 0.7, `${ledger.final.accuracy}`);
});

test.serial('a run survives a network that loses, repeats, delays and reorders messages', async t => {
	const fleet = await aFleet(t, {faults: {loss: 0.05, duplication: 0.05, reordering: 0.1, reorderMs: 5}});
	await fleet.coordinator();
	await Promise.all(['dev-1', 'dev-2', 'dev-3'].map(name => fleet.device(name)));
	const ledger = await fleet.finish(await fleet.submit(aJob()));
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.is(ledger.rounds.length, 30);
});

test.serial('a learning rate that is far too high ends the run with the round and the device named', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await fleet.device('dev-1');
	const training = {...aJob().training, optimizer: {kind: 'sgd', lr: 1e30} as const};
	const run = await fleet.submit(aJob({training, devices: {only: ['dev-1'], minimum: 1, wait: '20 s'}}));
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'failed');
	t.regex(ledger.final.because!, /no longer a finite number.*device «dev-1»/su);
});

test.serial('a job that cannot work is refused at once, with the reason', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await t.throwsAsync(fleet.submit(aJob({model: 'lenet6'})), {code: 'MODEL_UNKNOWN'});
	await t.throwsAsync(fleet.submit(aJob({model: 'cnn-small', data: {dataset: 'vibration'}})), {code: 'MODEL_SHAPE'});
	const training = {...aJob().training, loss: 'mse'} as const;
	await t.throwsAsync(fleet.submit(aJob({training})), {code: 'DATA_SHAPE', message: /softmax-cross-entropy/u});
	await t.throwsAsync(fleet.submit({...aJob(), colour: 'red'} as never), {code: 'CONFIG_KEY'});
});

test.serial('without devices a run ends with the reason', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const run = await fleet.submit(aJob({devices: {minimum: 1, wait: '1 s'}}));
	const client = await fleet.client();
	for await (const update of client.follow(run)) {
		if (update.kind === 'ended') {
			t.is(update.state, 'failed');
			t.is(update.code, 'RUN_NO_DEVICES');
		}
	}
});
