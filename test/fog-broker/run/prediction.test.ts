import test from 'ava';
import {runId} from '../../../core/ids.js';
import {predictionJson, readPrediction} from '../../../core/ledger/prediction.js';
import {aFleet} from '../../support/a-fleet.js';
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
