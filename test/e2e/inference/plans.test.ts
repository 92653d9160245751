/** What inference can be asked of: every scheme for a trained model, models without a run, codecs; and a coordinator that restarts. */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {readInference, submitInference} from '../../../cli/inference.js';
import type {RunId} from '../../../core/ids.js';
import type {Ledger} from '../../../core/ledger/ledger.js';
import type {JobDocument} from '../../../core/plan/job.js';
import type {PlanDocument} from '../../../core/plan/plan.js';
import {aFleet, type TestFleet} from '../../support/a-fleet.js';

const job: JobDocument = {
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit: 320, partition: {kind: 'iid'}},
	scheme: {kind: 'd-sgd'},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 32, epochs: 3, seed: 3},
	devices: {wait: '20 s'},
};

const items = 1000;
const usual = {batch: 32, inFlight: 4} as const;

async function trained(t: ExecutionContext, fleet: TestFleet): Promise<{run: RunId; accuracy: number}> {
	const run = await fleet.submit(job);
	const {final} = await fleet.finish(run);
	t.is(final.state, 'done', final.because);
	return {run, accuracy: final.accuracy!};
}

async function answered(t: ExecutionContext, fleet: TestFleet, run: RunId): Promise<Ledger> {
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	return ledger;
}

async function threeDevices(t: ExecutionContext): Promise<TestFleet> {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(['cam-1', 'cam-2', 'fog-1'].map(name => fleet.device(name)));
	return fleet;
}

/** One with turns, one with a junction, one that comes back to the source, one with several sources and one trunk. */
const shapes = ['split-learning', 'fpl-aligned', 'u-shaped', 'parallel-split'] as const;

test.serial('whichever scheme spreads a model, it answers as well as it was trained', async t => {
	const fleet = await threeDevices(t);
	const client = await fleet.client();
	const {run, accuracy} = await trained(t, fleet);
	for (const scheme of shapes) {
		const wish = await readInference(run, {...usual, scheme});
		const ledger = await answered(t, fleet, await submitInference(client, wish));
		t.is(ledger.inference!.items, items, scheme);
		t.true(Math.abs(ledger.inference!.accuracy! - accuracy) <= 0.001, `${scheme}: ${ledger.inference!.accuracy}`);
		t.log(`${scheme}: ${ledger.inference!.itemsPerSecond.toFixed(0)} items/s`);
	}
});

test.serial('a model of the zoo and an ONNX file need no run', async t => {
	const fleet = await threeDevices(t);
	const client = await fleet.client();
	const {run, accuracy} = await trained(t, fleet);
	const file = path.join(fleet.folder, 'given.onnx');
	await writeFile(file, await fleet.store.file(run, 'trained.onnx'));
	const common = {...usual, dataset: 'digits', limit: items} as const;
	const ofFile = await submitInference(client, await readInference(file, {...common, scheme: 'pipeline'}));
	const ledger = await answered(t, fleet, ofFile);
	t.is(ledger.inference!.accuracy, accuracy);
	const ofZoo = await submitInference(client, await readInference('mlp', {...common, limit: 100}));
	t.is((await answered(t, fleet, ofZoo)).inference!.items, 100);
	await t.throwsAsync(readInference('mlp', usual), {code: 'USAGE'});
	await t.throwsAsync(readInference(file, {...common, plan: 'plan.yaml', scheme: 'pipeline'}), {code: 'USAGE'});
	await t.throwsAsync(readInference('no such run', usual), {code: 'CONFIG_VALUE'});
});

const halved: PlanDocument = {
	version: 1,
	scheme: 'pipeline',
	model: 'lenet5',
	stages: [
		{units: [0, 3], replicas: [{device: 'cam-1'}]},
		{units: [4, 11], replicas: [{device: 'fog-1'}]},
	],
	synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
	links: [{codec: {kind: 'fp16'}}],
};

test.serial('a link with a codec carries fewer bytes, and hardly changes the answers', async t => {
	const fleet = await threeDevices(t);
	const client = await fleet.client();
	const {run, accuracy} = await trained(t, fleet);
	const file = path.join(fleet.folder, 'plan.json');
	await writeFile(file, JSON.stringify(halved));
	const ledger = await answered(
		t,
		fleet,
		await submitInference(client, await readInference(run, {...usual, plan: file})),
	);
	const {codecs} = ledger.devices.find(({device}) => device === 'cam-1')!;
	t.true(codecs!.bytesAfter * 2 <= codecs!.bytesBefore * 1.01, JSON.stringify(codecs));
	t.true(Math.abs(ledger.inference!.accuracy! - accuracy) <= 0.005);
});

test.serial('a device whose software does not know the codec of its link is passed over', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(['cam-1', 'cam-2'].map(name => fleet.device(name)));
	await fleet.device('fog-1', {}, {codecs: ['fp32']});
	const file = path.join(fleet.folder, 'plan.json');
	await writeFile(file, JSON.stringify(halved));
	const wish = await readInference('lenet5', {...usual, dataset: 'digits', limit: 100, plan: file});
	const ledger = await answered(t, fleet, await submitInference(await fleet.client(), wish));
	t.is(ledger.inference!.items, 100);
	t.true(ledger.notes.some(({device, text}) => device === 'fog-1' && text.includes('codec')));
	t.true(ledger.notes.some(({device, text}) => device === 'cam-2' && text === 'takes over stage 1'));
});

test.serial('after a restart of the coordinator the run begins again, and counts every item once', async t => {
	const fleet = await aFleet(t);
	const stop = await fleet.coordinator();
	await Promise.all(['cam-1', 'cam-2'].map(name => fleet.device(name)));
	const client = await fleet.client();
	const {run, accuracy} = await trained(t, fleet);
	const inferred = await submitInference(client, await readInference(run, {...usual, batch: 2, inFlight: 1}));
	for await (const update of client.follow(inferred)) {
		if (update.kind === 'round' && update.record.round >= 2) {
			break;
		}
	}
	await stop();
	t.is((await fleet.store.get(inferred)).state, 'running');
	await fleet.coordinator();
	const ledger = await answered(t, fleet, inferred);
	t.is(ledger.inference!.items, items);
	t.is(ledger.inference!.accuracy, accuracy);
	t.is((await fleet.store.get(inferred)).state, 'done');
});

test.serial('a run that a client stops ends with what was answered, and sets its devices free', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await fleet.device('cam-1');
	const client = await fleet.client();
	const common = {...usual, dataset: 'digits'} as const;
	const run = await submitInference(client, await readInference('cnn-small', {...common, batch: 1, inFlight: 1}));
	let asked = false;
	for await (const update of client.follow(run)) {
		if (update.kind === 'round' && !asked) {
			asked = true;
			await client.ask({kind: 'stop', run}, 'ack');
		}
	}
	const ledger = await fleet.store.ledger(run);
	t.is(ledger.final.state, 'interrupted');
	t.true(ledger.inference!.items > 0 && ledger.inference!.items < items, `${ledger.inference!.items}`);
	const next = await submitInference(client, await readInference('lenet5', {...common, limit: 50}));
	t.is((await answered(t, fleet, next)).inference!.items, 50);
});
