/**
 * `fpl demo` (what `npm start` runs): a fog broker and four emulated devices, each a process of its own on this machine,
 * train LeNet-5 on real digits where there are some and on drawn ones otherwise; then the report, and a check that the
 * exported model gives the reported accuracy.
 */
import {rm} from 'node:fs/promises';
import path from 'node:path';
import {Command} from 'commander';
import {makeFolder} from '../../core/atomic-file.js';
import {type RunId, runId} from '../../core/ids.js';
import {silentLogger} from '../../core/log.js';
import type {JobDocument} from '../../core/plan/job.js';
import {isAvailable} from '../../models/datasets/open.js';
import {reportText} from '../../reports/text.js';
import {connectClient} from '../client.js';
import {startLocalFleet, untilJoined} from '../daemon/local-fleet.js';
import {followRun} from '../follow.js';
import {stopSignal} from '../options.js';
import {failureOf} from '../outcome.js';
import {keepResults} from '../results.js';
import {print, terminalWidth} from '../terminal.js';

/** Three devices that own digits, and one that helps: slow enough for this machine to be all of them. */
const fleet = {
	'pi-1': 'raspberry-pi-zero-2w',
	'pi-2': 'raspberry-pi-zero-2w',
	'pi-3': 'raspberry-pi-3b-plus',
	'fog-1': 'mini-pc-n100',
} as const;

const demoJob = (dataset: 'mnist' | 'digits'): JobDocument => ({
	version: 1,
	model: 'lenet5',
	data: {dataset, partition: {kind: 'iid'}, sources: ['pi-1', 'pi-2', 'pi-3']},
	training: {
		optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9},
		schedule: {kind: 'cosine', warmup: 10},
		batch: 64,
		epochs: 3,
		seed: 7,
	},
	objective: {minimise: 'time'},
	devices: {only: Object.keys(fleet), minimum: 2, wait: '60 s'},
});

async function train(url: string, state: string, signal: AbortSignal): Promise<RunId> {
	const client = await connectClient({broker: url, namespace: 'fpl', logger: silentLogger, signal});
	try {
		await untilJoined(client, Object.keys(fleet), signal);
		const dataset = (await isAvailable('mnist', {environment: process.env})) ? 'mnist' : 'digits';
		print(dataset === 'mnist' ? 'Data: MNIST.' : 'Data: drawn digits («fpl data get mnist» brings real ones).');
		const job = JSON.stringify(demoJob(dataset));
		const accepted = await client.ask({kind: 'submit', job, plan: '', resume: '', modelDigest: ''}, 'accepted');
		const run = runId(accepted.run);
		const end = await followRun(client, run, 'text', {signal});
		const failure = failureOf(run, end);
		const {ledger, prediction, directory, page} = await keepResults(client, run, state).catch((error: unknown) => {
			throw failure ?? error;
		});
		print('');
		print(reportText(ledger, {width: terminalWidth(), prediction}));
		if (failure) {
			throw failure;
		}
		const model = path.join(directory, 'trained.onnx');
		const {accuracyOf} = await import('../accuracy.js');
		const accuracy = await accuracyOf(model, dataset);
		print(
			`\nExported model, run by itself: test accuracy ${(accuracy * 100).toFixed(2)} % (the run reported ${((ledger.final.accuracy ?? Number.NaN) * 100).toFixed(2)} %).`,
		);
		print(
			`Model:  ${path.relative('.', model)}\nLedger: ${path.relative('.', path.join(directory, 'ledger.json'))}\nPage:   ${path.relative('.', page)}`,
		);
		return run;
	} finally {
		await client.close();
	}
}

export const demoCommand = (): Command =>
	new Command('demo')
		.summary('a broker and four emulated devices on this machine, training together')
		.description(
			'Starts a fog broker and four emulated devices on this machine, trains LeNet-5 over them, and reports.',
		)
		.option('--directory <folder>', 'where everything goes', '.fpl/demo')
		.action(async ({directory}: {directory: string}) => {
			const state = path.resolve(directory);
			const signal = stopSignal();
			await rm(state, {recursive: true, force: true});
			await makeFolder(state);
			const {url, close} = await startLocalFleet(fleet, state, print);
			try {
				await train(url, state, signal);
			} finally {
				await close();
			}
		});
