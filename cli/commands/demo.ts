/**
 * `fpl demo` (what `npm start` runs): a fog broker and four emulated devices, each a process of its own on this machine,
 * train LeNet-5 on real digits where there are some and on drawn ones otherwise; then the report, and a check that the
 * exported model gives the reported accuracy.
 */
import {rm} from 'node:fs/promises';
import path from 'node:path';
import {Command} from 'commander';
import {makeFolder} from '../../core/atomic-file.js';
import {systemClock} from '../../core/clock.js';
import {FplError} from '../../core/errors.js';
import {type RunId, runId} from '../../core/ids.js';
import {silentLogger} from '../../core/log.js';
import type {JobDocument} from '../../core/plan/job.js';
import {isAvailable} from '../../models/datasets/open.js';
import {reportText} from '../../reports/text.js';
import {type Client, connectClient} from '../client.js';
import {type Child, lineOf, startChild} from '../daemon/children.js';
import {followRun} from '../follow.js';
import {stopSignal} from '../options.js';
import {failureOf} from '../outcome.js';
import {keepResults} from '../results.js';
import {print, terminalWidth} from '../terminal.js';

const fleet = {
	'pi-1': 'raspberry-pi-5',
	'pi-2': 'raspberry-pi-5',
	'pi-3': 'raspberry-pi-4b',
	'pi-4': 'raspberry-pi-4b',
} as const;
const joinMs = 60_000;

const demoJob = (dataset: 'mnist' | 'digits'): JobDocument => ({
	version: 1,
	model: 'lenet5',
	data: {dataset, partition: {kind: 'iid'}},
	training: {
		optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9},
		schedule: {kind: 'cosine', warmup: 10},
		batch: 64,
		epochs: 3,
		seed: 7,
	},
	scheme: {kind: 'd-sgd'},
	devices: {only: Object.keys(fleet), minimum: 2, wait: '60 s'},
});

async function untilJoined(client: Client, signal: AbortSignal): Promise<void> {
	const deadline = systemClock.monotonic() + joinMs;
	for (;;) {
		const {devices} = await client.ask({kind: 'listDevices'}, 'deviceList');
		const here = (JSON.parse(devices) as unknown[]).length;
		if (here === Object.keys(fleet).length) {
			return;
		}
		if (systemClock.monotonic() > deadline || signal.aborted) {
			throw new FplError('RUN_NO_DEVICES', {
				expected: `${Object.keys(fleet).length} devices within ${joinMs / 1000} s`,
				got: `${here}`,
			});
		}
		await systemClock.sleep(200, signal);
	}
}

async function train(url: string, state: string, signal: AbortSignal): Promise<RunId> {
	const client = await connectClient({broker: url, namespace: 'fpl', logger: silentLogger, signal});
	try {
		await untilJoined(client, signal);
		const dataset = (await isAvailable('mnist', {environment: process.env})) ? 'mnist' : 'digits';
		print(dataset === 'mnist' ? 'Data: MNIST.' : 'Data: drawn digits («fpl data get mnist» brings real ones).');
		const job = JSON.stringify(demoJob(dataset));
		const accepted = await client.ask({kind: 'submit', job, plan: '', resume: '', modelDigest: ''}, 'accepted');
		const run = runId(accepted.run);
		const end = await followRun(client, run, 'text', {signal});
		const failure = failureOf(run, end);
		const {ledger, directory, page} = await keepResults(client, run, state).catch((error: unknown) => {
			throw failure ?? error;
		});
		print('');
		print(reportText(ledger, {width: terminalWidth()}));
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
			const children: Child[] = [];
			try {
				const broker = startChild('broker', state, ['broker', '--listen', 'mqtt://127.0.0.1:0', '--state', state]);
				children.push(broker);
				const [, url] = await lineOf(broker, /listening on (\S+)/u);
				print(`Fog broker at ${url}; devices:`);
				for (const [id, profile] of Object.entries(fleet)) {
					const args = [
						'agent',
						'run',
						'--id',
						id,
						'--broker',
						url!,
						'--emulate',
						profile,
						'--threads',
						'1',
						'--state',
						path.join(state, id),
					];
					children.push(startChild(id, state, args));
					print(`  ${id}: emulates a ${profile}`);
				}
				await train(url!, state, signal);
			} finally {
				await Promise.all(children.reverse().map(child => child.stop()));
			}
		});
