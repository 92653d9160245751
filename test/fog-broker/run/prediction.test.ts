import test from 'ava';
import {runId} from '../../../core/ids.js';
import {predictionJson, readPrediction} from '../../../core/ledger/prediction.js';
import {readLedger} from '../../../core/ledger/schema.js';
import {planSchema} from '../../../core/plan/plan.js';
import {fileCheckpoints} from '../../../fog-broker/server/checkpoints.js';
import {aFleet} from '../../support/a-fleet.js';
import {aLedger} from '../../support/a-ledger.js';
import {aPrediction} from '../../support/predictions/a-prediction.js';

const job = JSON.stringify({version: 1, model: 'lenet5', data: {dataset: 'digits'}});

test('what was predicted of a run is kept with it and told to whoever asks', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const client = await fleet.client();
	const prediction = aPrediction();
	const submission = {kind: 'submit', job, plan: '', resume: '', modelDigest: ''} as const;
	const {run: name} = await client.ask({...submission, prediction: predictionJson(prediction)!}, 'accepted');
	const run = runId(name);
	const told = readPrediction((await client.fetch(run, 'prediction')).toString());
	t.is(told.ledger.run, run);
	t.deepEqual({...told, ledger: undefined}, {...prediction, ledger: undefined});
	t.deepEqual(await fleet.store.prediction(run), told);

	const {run: other} = await client.ask(submission, 'accepted');
	await t.throwsAsync(client.fetch(runId(other), 'prediction'), {code: 'RUN_UNFINISHED'});
	t.is(await fleet.store.prediction(runId(other)), undefined);
	await t.throwsAsync(client.ask({...submission, prediction: '{"version":1}'}, 'accepted'), {
		code: 'CONFIG_VALUE',
		message: /prediction/u,
	});
});

test('whoever asks for the ledger of a run that has not ended gets that of its last checkpoint', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const client = await fleet.client();
	const run = runId('cut-off');
	const stages = [{units: 'all', replicas: [{device: 'cam-1'}]}];
	const synchronisation = {exchange: 'gradients', every: {kind: 'step'}};
	await fleet.store.put({
		version: 1,
		run,
		createdAt: '2026-03-14T09:26:53.000Z',
		job: JSON.parse(job),
		plan: planSchema.parse({version: 1, scheme: 'alone', model: 'lenet5', stages, synchronisation}),
		state: 'running',
		attempt: 1,
	});
	await t.throwsAsync(client.fetch(run, 'ledger'), {code: 'RUN_UNFINISHED', message: /has not ended/u});

	const {devices, rounds, seconds} = aLedger({rounds: 7});
	const state = {parameters: new Float32Array(2), buffers: new Float32Array(0), slots: [], updates: 7};
	const pages = {devices, rounds, notes: [], seconds};
	await fileCheckpoints(fleet.store.checkpoints(run)).save({run, round: 7, state, progress: {pages}});
	const ledger = readLedger((await client.fetch(run, 'ledger')).toString());
	t.is(ledger.final.state, 'running');
	t.is(ledger.final.loss, rounds.at(-1)!.loss);
	t.like(ledger, {run, model: 'lenet5', dataset: 'digits', scheme: 'alone', seconds});
	t.deepEqual(ledger.rounds, rounds);
});
