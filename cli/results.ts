/** What runs leave behind: found in the state folder of this machine, or fetched from the coordinator. */
import path from 'node:path';
import type {Command} from 'commander';
import {FplError, isFplError} from '../core/errors.js';
import type {RunId} from '../core/ids.js';
import type {Ledger} from '../core/ledger/ledger.js';
import {RunStore} from '../fog-broker/run/store.js';
import {type Client, withClient} from './client.js';
import {stateDirectory} from './options.js';

const fileNames = {ledger: 'ledger.json', model: 'trained.onnx', events: 'events.jsonl'} as const;

/** One file of a run, from this machine if it is here. */
export async function fileOfRun(command: Command, run: RunId, what: keyof typeof fileNames): Promise<Uint8Array> {
	const {state} = command.opts() as {state?: string};
	const store = new RunStore(path.join(stateDirectory(state), 'runs'));
	try {
		return await store.file(run, fileNames[what]);
	} catch (error) {
		if (!isFplError(error, 'RUN_UNKNOWN')) {
			throw error;
		}
		try {
			return await withClient(command, client => client.fetch(run, what));
		} catch (asked) {
			if (!isFplError(asked, 'BROKER_UNREACHABLE')) {
				throw asked;
			}
			throw new FplError('BROKER_UNREACHABLE', {
				where: `run «${run}»`,
				problem: `it is not in ${path.join(stateDirectory(state), 'runs')}, and no coordinator can be asked: ${asked.facts.where} does not answer`,
				fix: 'Check the name, give the folder with --state, or the address of the broker with --broker.',
			});
		}
	}
}

export async function ledgerOfRun(command: Command, run: RunId): Promise<Ledger> {
	return JSON.parse(Buffer.from(await fileOfRun(command, run, 'ledger')).toString()) as Ledger;
}

export interface Kept {
	readonly ledger: Ledger;
	/** The run's folder on this machine. */
	readonly directory: string;
	/** The page with pictures. */
	readonly page: string;
}

/** Fetches what a run made into the state folder of this machine, unless it is the coordinator's own, and writes its report. */
export async function keepResults(client: Client, run: RunId, state: string): Promise<Kept> {
	const store = new RunStore(path.join(state, 'runs'));
	// What was fetched of an earlier attempt of the run is out of date.
	if (!(await store.find(run))) {
		for (const what of ['ledger', 'model', 'events'] as const) {
			await store.putFile(run, fileNames[what], await client.fetch(run, what));
		}
	}
	const ledger = await store.ledger(run);
	const {reportHtml} = await import('../reports/html.js');
	await store.putFile(run, 'report.html', Buffer.from(reportHtml(ledger)));
	const directory = store.directory(run);
	return {ledger, directory, page: path.join(directory, 'report.html')};
}
