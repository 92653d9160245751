/** Jobs without a scheme: the coordinator plans for the devices that are there, and says what it expects. */
import test from 'ava';
import type {RunUpdate} from '../../../core/ledger/run-update.js';
import {planDigest} from '../../../core/plan/digest.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {JobDocument} from '../../../core/plan/job.js';
import {libraryProfile} from '../../../core/profile/library.js';
import {aFleet, type TestFleet} from '../../support/a-fleet.js';

const aJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit: 240},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 24, epochs: 2, seed: 5},
	devices: {only: ['cam-1', 'cam-2', 'fog-1'], minimum: 1, wait: '20 s'},
	// The devices are not as slow as they say, and the plan that is made for what they say is the question.
	planning: {replanFactor: 100},
	...changes,
});

const facts = (profile: string, device: string) => ({profile: JSON.stringify(libraryProfile(profile, device))});

/** Two slow boards and a fast machine. */
async function smallFleet(fleet: TestFleet): Promise<void> {
	await fleet.coordinator();
	await fleet.device('cam-1', {}, facts('raspberry-pi-zero-2w', 'cam-1'));
	await fleet.device('cam-2', {}, facts('raspberry-pi-zero-2w', 'cam-2'));
	await fleet.device('fog-1', {}, facts('mini-pc-n100', 'fog-1'));
}

test.serial(
	'a job without a scheme is planned for the fleet that is there, trained to its end, and its prediction kept',
	async t => {
		const fleet = await aFleet(t);
		await smallFleet(fleet);
		const run = await fleet.submit(aJob({data: {dataset: 'digits', limit: 240, sources: ['cam-1', 'cam-2']}}));
		const updates: RunUpdate[] = [];
		for await (const update of (await fleet.client()).follow(run)) {
			updates.push(update);
		}
		const planned = updates.find(update => update.kind === 'planned')!;
		const {plan} = (await fleet.store.find(run))!;
		t.deepEqual(planned.plan, plan);
		t.is(plan!.stages.length, 2, plan!.scheme);
		t.deepEqual(plan!.stages[0]!.replicas.map(({device}) => device).sort(), ['cam-1', 'cam-2']);
		t.deepEqual(
			plan!.stages[1]!.replicas.map(({device}) => device),
			['fog-1'],
		);
		const prediction = (await fleet.store.prediction(run))!;
		t.is(prediction.planDigest, planDigest(plan!));
		t.true(prediction.alternatives.length > 1);
		const {predicted} = planned;
		t.is(predicted!.seconds, prediction.ledger.seconds);
		t.true(predicted!.bytes > 0 && predicted!.joules > 0 && predicted!.stepSeconds > 0);
		const ledger = await fleet.store.ledger(run);
		t.is(ledger.final.state, 'done', ledger.final.because);
		t.is(ledger.rounds.length, prediction.steps);
		const told = Buffer.from(await (await fleet.client()).fetch(run, 'prediction')).toString();
		t.is(JSON.parse(told).planDigest, prediction.planDigest);
	},
);

test.serial('dealt data go where they are computed fastest, and slow devices are left out', async t => {
	const fleet = await aFleet(t);
	await smallFleet(fleet);
	const run = await fleet.submit(aJob());
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.deepEqual(devicesOf((await fleet.store.find(run))!.plan!), ['fog-1']);
});

test.serial('what a plan of a named scheme costs is predicted as well, while it runs', async t => {
	const fleet = await aFleet(t);
	await smallFleet(fleet);
	const run = await fleet.submit(aJob({scheme: {kind: 'd-sgd'}}));
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	const prediction = (await fleet.store.prediction(run))!;
	t.is(prediction.planDigest, planDigest((await fleet.store.find(run))!.plan!));
	t.deepEqual(prediction.ledger.devices.map(({device}) => device).sort(), ['cam-1', 'cam-2', 'fog-1']);
});

test.serial('a job that no plan can satisfy fails and says by how much', async t => {
	const fleet = await aFleet(t);
	await smallFleet(fleet);
	const run = await fleet.submit(aJob({objective: {minimise: 'energy', subjectTo: {time: '1 ms'}}}));
	for await (const update of (await fleet.client()).follow(run)) {
		if (update.kind === 'ended') {
			t.is(update.state, 'failed');
			t.is(update.code, 'PLAN_INFEASIBLE');
			t.regex(update.because!, /at most 1 ms/u);
		}
	}
});
