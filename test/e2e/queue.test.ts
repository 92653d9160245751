/** Several runs on the same devices, and runs that are stopped wherever they are. */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import type {RunId} from '../../core/ids.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import type {JobDocument} from '../../core/plan/job.js';
import type {PlanDocument} from '../../core/plan/plan.js';
import {aFleet, type TestFleet} from '../support/a-fleet.js';

const devices = ['dev-1', 'dev-2'];

const aJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'mlp',
	data: {dataset: 'digits', limit: 240},
	scheme: {kind: 'd-sgd'},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 24, epochs: 3, seed: 5},
	// Who does not end at once when it is told to ends much later.
	devices: {only: devices, minimum: 2, wait: '10 min'},
	...changes,
});

const plan: PlanDocument = {
	version: 1,
	scheme: 'D-SGD by hand',
	model: 'mlp',
	stages: [{units: 'all', replicas: devices.map(device => ({device}))}],
	synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
};

const stop = async (fleet: TestFleet, run: RunId) => (await fleet.client()).ask({kind: 'stop', run}, 'ack');

/** Follows a run until an update is of this kind; answers it with the time it took. */
async function until(fleet: TestFleet, run: RunId, kind: RunUpdate['kind']) {
	const began = performance.now();
	for await (const update of (await fleet.client()).follow(run)) {
		if (update.kind === kind) {
			return {update, ms: performance.now() - began};
		}
	}
	throw new Error(`no «${kind}»`);
}

async function ended(fleet: TestFleet, run: RunId) {
	const {update, ms} = await until(fleet, run, 'ended');
	if (update.kind !== 'ended') {
		throw new Error(update.kind);
	}
	return {...update, ms};
}

test.serial(
	'runs on the same devices follow one after the other, with and without a plan, and all end right',
	async t => {
		const fleet = await aFleet(t);
		await fleet.coordinator();
		await Promise.all(devices.map(name => fleet.device(name)));
		const runs = [
			await fleet.submit(aJob()),
			await fleet.submit(aJob({training: {...aJob().training, seed: 6}})),
			await fleet.submit(aJob({scheme: {kind: 'fedavg', localEpochs: 1}})),
			// This one asks the devices at once, without looking whether they are still busy.
			await fleet.submit(aJob(), plan),
		];
		const ledgers = [];
		for (const run of runs) {
			t.is((await ended(fleet, run)).state, 'done');
			ledgers.push(await fleet.store.ledger(run));
		}
		t.deepEqual(
			ledgers.map(({rounds}) => rounds.length),
			[30, 30, 3, 30],
		);
		for (const {rounds, notes} of ledgers) {
			t.true(rounds.every(round => round.devices.length === 2));
			t.false(notes.some(({text}) => /cannot take part/u.test(text) && !/AGENT_BUSY|taken by another run/u.test(text)));
		}
		// The same job with the same devices is the same run, whatever was trained in between.
		t.deepEqual(
			ledgers[3]!.rounds.map(({loss}) => loss),
			ledgers[0]!.rounds.map(({loss}) => loss),
		);
	},
);

test.serial('a run that waits in the queue is stopped at once, and the one under way does not mind', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(devices.map(name => fleet.device(name)));
	const first = await fleet.submit(aJob());
	const second = await fleet.submit(aJob());
	const third = await fleet.submit(aJob());
	await stop(fleet, second);
	t.is((await ended(fleet, second)).state, 'interrupted');
	t.is((await fleet.store.get(second)).state, 'interrupted');
	t.is((await ended(fleet, first)).state, 'done');
	t.is((await ended(fleet, third)).state, 'done');
});

test.serial('a run that gathers devices is stopped at once', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const run = await fleet.submit(aJob());
	await until(fleet, run, 'gathering');
	await stop(fleet, run);
	const {state, because, ms} = await ended(fleet, run);
	t.is(state, 'interrupted');
	t.regex(because!, /a client asked/u);
	t.true(ms < 60_000, `${ms} ms`);
	t.is((await fleet.store.get(run)).state, 'interrupted');
});

test.serial('a run whose devices are getting ready, and never will be, is stopped at once', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const never = {engine: () => new Promise<never>(() => {})};
	await Promise.all(devices.map(name => fleet.device(name, never)));
	const run = await fleet.submit(aJob());
	await until(fleet, run, 'planned');
	await sleep(100);
	await stop(fleet, run);
	const {state, ms} = await ended(fleet, run);
	t.is(state, 'interrupted');
	t.true(ms < 60_000, `${ms} ms`);
});

test.serial(
	'a run that trains is stopped within a step, keeps what it has, and its devices are free for the next',
	async t => {
		const fleet = await aFleet(t);
		await fleet.coordinator();
		await Promise.all(devices.map(name => fleet.device(name)));
		const run = await fleet.submit(aJob({training: {...aJob().training, epochs: 100_000}}));
		await until(fleet, run, 'round');
		const began = performance.now();
		await stop(fleet, run);
		t.is((await ended(fleet, run)).state, 'interrupted');
		t.true(performance.now() - began < 60_000);
		const ledger = await fleet.store.ledger(run);
		t.is(ledger.final.state, 'interrupted');
		t.true(ledger.rounds.length > 0);
		t.true((await fleet.store.file(run, 'trained.onnx')).length > 1000);
		t.is((await ended(fleet, await fleet.submit(aJob()))).state, 'done');
		// Stopping what is over changes nothing.
		await stop(fleet, run);
		t.is((await fleet.store.get(run)).state, 'interrupted');
	},
);

test.serial(
	'a run that is resumed while its stop is still under way goes on afterwards, and tells all of it',
	async t => {
		const fleet = await aFleet(t);
		await fleet.coordinator();
		await Promise.all(devices.map(name => fleet.device(name)));
		const run = await fleet.submit(aJob({training: {...aJob().training, epochs: 10}}));
		await until(fleet, run, 'round');
		// Nothing is waited for in between: the run is still the one under way when it is asked to go on.
		await Promise.all([stop(fleet, run), fleet.resume(run)]);
		const client = await fleet.client();
		const told: RunUpdate[] = [];
		while (told.filter(({kind}) => kind === 'ended').length < 2) {
			for await (const update of client.follow(run, {from: told.length})) {
				told.push(update);
			}
		}
		t.deepEqual(
			told.flatMap(update => (update.kind === 'ended' ? [update.state] : [])),
			['interrupted', 'done'],
		);
		const kept = (await fleet.store.file(run, 'events.jsonl')).toString().trim().split('\n');
		t.deepEqual(
			kept.map(line => JSON.parse(line) as RunUpdate),
			told,
		);
		t.is((await fleet.store.ledger(run)).rounds.length, 100);
	},
);

for (const phase of ['gathering', 'round'] as const) {
	test.serial(`a coordinator that is closed while a run is at «${phase}» ends soon, and takes it up again`, async t => {
		const fleet = await aFleet(t);
		const close = await fleet.coordinator();
		const start = () => Promise.all(devices.map(name => fleet.device(name)));
		if (phase === 'round') {
			await start();
		}
		const run = await fleet.submit(aJob({training: {...aJob().training, epochs: 5}}));
		const waiting = await fleet.submit(aJob());
		await until(fleet, run, phase);
		const began = performance.now();
		await close();
		const ms = performance.now() - began;
		t.log(`${ms.toFixed(0)} ms`);
		t.true(ms < 60_000, `${ms} ms`);
		t.is((await fleet.store.get(run)).state, 'running');
		await fleet.coordinator();
		if (phase === 'gathering') {
			await start();
		}
		t.is((await ended(fleet, run)).state, 'done');
		t.is((await ended(fleet, waiting)).state, 'done');
	});
}
