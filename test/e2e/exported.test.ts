/** A model that PyTorch exported is trained by real processes, exported again, and computes what the report says. */
import {copyFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {InferenceSession} from 'onnxruntime-node';
import {accuracyOf} from '../../cli/accuracy.js';
import {aBroker, aJob, anAgent, submit} from '../support/daemons.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

const fixtures = path.resolve(import.meta.dirname, '../../../test/fixtures/onnx');
test.serial(
	'a model exported from PyTorch trains over real agents, and the file that comes out is as accurate as reported',
	async t => {
		const folder = await temporaryFolder(t);
		const {url} = await aBroker(t, folder);
		anAgent(t, folder, url, 'dev-1', 'laptop');
		anAgent(t, folder, url, 'dev-2', 'laptop');
		for (const [export_, scheme, rounds] of [
			['lenet-dynamo', {kind: 'd-sgd'}, 80],
			['lenet-script', {kind: 'fedavg', localEpochs: 1}, 4],
		] as const) {
			// A path in a job is relative to the job's file.
			await copyFile(path.join(fixtures, `${export_}.onnx`), path.join(folder, 'mine.onnx'));
			const job = aJob({
				model: './mine.onnx',
				data: {dataset: 'digits', limit: 1600},
				scheme,
				training: {
					optimizer: {kind: 'adam', lr: 0.005},
					batch: rounds > 4 ? 40 : 20,
					epochs: rounds > 4 ? 2 : 4,
					seed: 3,
				},
			});
			const run = await submit(t, folder, url, job);
			const {status, stdout, stderr} = await run.finished;
			t.is(status, 0, stderr);
			const [, name] = /"run": "([^"]+)"/u.exec(stdout)!;
			const {ledger} = JSON.parse(stdout.slice(stdout.indexOf('\n{\n'))) as {
				ledger: {model: string; final: {state: string; accuracy: number}; rounds: unknown[]};
			};
			t.is(ledger.final.state, 'done');
			t.is(ledger.model, 'mine');
			t.is(ledger.rounds.length, rounds);
			t.log(`${export_}: ${ledger.final.accuracy}`);
			t.true(ledger.final.accuracy > 0.7, `${export_}: ${ledger.final.accuracy}`);

			const trained = path.join(folder, `${export_}.onnx`);
			t.is((await fpl(t, folder, 'export', name!, trained).finished).status, 0);
			const accuracy = await accuracyOf(trained, 'digits');
			t.true(Math.abs(accuracy - ledger.final.accuracy) < 0.0015, `${accuracy} against ${ledger.final.accuracy}`);
			// As the exporter had them: whoever used the file goes on using it.
			const [before, after] = await Promise.all(
				[path.join(folder, 'mine.onnx'), trained].map(file => InferenceSession.create(file, {logSeverityLevel: 3})),
			);
			t.deepEqual([after!.inputNames, after!.outputNames], [before!.inputNames, before!.outputNames]);
			await Promise.all([before!.release(), after!.release()]);
		}
	},
);
