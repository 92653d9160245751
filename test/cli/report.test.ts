/** `fpl report` on what lies in the state folder, whole or damaged. */
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {runId} from '../../core/ids.js';
import {planSchema} from '../../core/plan/plan.js';
import {latestLedger} from '../../fog-broker/run/so-far.js';
import {RunStore} from '../../fog-broker/run/store.js';
import {fileCheckpoints} from '../../fog-broker/server/checkpoints.js';
import {aLedger} from '../support/a-ledger.js';
import {aPrediction, measuredOf} from '../support/predictions/a-prediction.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

test.serial('a damaged ledger is refused with its run, a damaged prediction is left out and told', async t => {
	const state = await temporaryFolder(t);
	const keep = async (run: string, files: Readonly<Record<string, string>>) => {
		const folder = path.join(state, 'runs', run);
		await mkdir(folder, {recursive: true});
		for (const [name, text] of Object.entries(files)) {
			await writeFile(path.join(folder, name), text);
		}
	};
	const report = (...args: readonly string[]) => fpl(t, state, 'report', ...args, '--state', state).finished;
	const ledger = JSON.stringify(aLedger());
	await keep('cut', {'ledger.json': ledger.slice(0, 1000)});
	await keep('negative', {'ledger.json': ledger.replace(/"seconds":[\d.]+/u, '"seconds":-1')});
	const prediction = aPrediction();
	const measured = JSON.stringify(measuredOf(prediction));
	await keep('both', {'ledger.json': measured, 'prediction.json': JSON.stringify(prediction)});
	await keep('half', {'ledger.json': measured, 'prediction.json': JSON.stringify(prediction).slice(0, 500)});

	const cut = await report('cut');
	t.is(cut.status, 12);
	t.regex(cut.stderr, /CONFIG_VALUE.*ledger of «cut»: it is no whole JSON/u);
	const negative = await report('negative');
	t.is(negative.status, 12);
	t.regex(negative.stderr, /CONFIG_VALUE.*ledger of «negative», .*at least 0, got -1/u);
	const both = await report('both');
	t.is(both.status, 0, both.stderr);
	t.regex(both.stdout, /Predicted against measured/u);
	const half = await report('half');
	t.is(half.status, 0, half.stderr);
	t.regex(half.stdout, /Time +compute/u);
	t.notRegex(half.stdout, /Predicted against measured/u);
	t.regex(half.stderr, /without what was predicted.*prediction\.json: it is no whole JSON/u);
});

test.serial('a run whose broker was killed is reported as of its last checkpoint', async t => {
	const state = await temporaryFolder(t);
	const store = new RunStore(path.join(state, 'runs'));
	const prediction = aPrediction();
	const {devices, rounds, seconds} = measuredOf(prediction, {done: 0.5});
	const begun = {
		version: 1,
		createdAt: '2026-03-14T09:26:53.000Z',
		job: {version: 1, model: 'lenet5', data: {dataset: 'digits'}},
		plan: planSchema.parse({
			synchronisation: {topology: 'parameter-server', exchange: 'gradients', every: {kind: 'step'}},
			version: 1,
			scheme: 'alone',
			model: 'lenet5',
			stages: [{units: 'all', replicas: [{device: 'dev-1'}]}],
		}),
		state: 'running',
		attempt: 1,
	} as const;
	const run = runId('killed');
	await store.put({...begun, run});
	await store.putPrediction(run, prediction);
	const state0 = {parameters: new Float32Array(3), buffers: new Float32Array(0), slots: [], updates: rounds.length};
	const report = (...args: readonly string[]) => fpl(t, state, 'report', ...args, '--state', state).finished;

	const early = await report(run);
	t.is(early.status, 78);
	t.regex(
		early.stderr,
		/RUN_UNFINISHED.*killed: it has no «ledger\.json», and has not ended\. Wait .*the run goes on/u,
	);

	const pages = {devices, rounds, notes: [], seconds};
	await fileCheckpoints(store.checkpoints(run)).save({run, round: rounds.length, state: state0, progress: {pages}});
	const {stdout, stderr, status} = await report(run);
	t.is(status, 0, stderr);
	t.regex(stdout, /not ended, so far/u);
	t.regex(stdout, new RegExp(`! The run has not ended: .* last checkpoint, after step ${rounds.length}`, 'u'));
	t.regex(stdout, /Predicted against measured/u);
	const json = JSON.parse((await report(run, '--format', 'json')).stdout) as {
		ledger: {final: {state: string}; rounds: unknown[]};
		prediction: {steps: {measured: number}};
	};
	t.is(json.ledger.final.state, 'running');
	t.is(json.ledger.rounds.length, rounds.length);
	t.is(json.prediction.steps.measured, rounds.length);

	// Stopped, with a ledger of that, and gone on with since: the checkpoints are the later of the two.
	await store.putLedger(run, {...measuredOf(prediction, {done: 0.25}), final: {loss: 1, state: 'interrupted'}});
	t.is((await latestLedger(store, run)).final.state, 'running');
	await store.putLedger(run, {...measuredOf(prediction, {done: 0.75}), final: {loss: 1, state: 'interrupted'}});
	t.is((await latestLedger(store, run)).final.state, 'interrupted');
});
