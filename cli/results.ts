/** What runs leave behind: found in the state folder of this machine, or fetched from the coordinator. */
import path from 'node:path';
import type {Command} from 'commander';
import {FplError, isFplError} from '../core/errors.js';
import type {RunId} from '../core/ids.js';
import type {Ledger} from '../core/ledger/ledger.js';
import {type Prediction, readPrediction} from '../core/ledger/prediction.js';
import {readLedger} from '../core/ledger/schema.js';
import {latestLedger} from '../fog-broker/run/so-far.js';
import {RunStore} from '../fog-broker/run/store.js';
import {reportJson} from '../reports/json.js';
import {reportText} from '../reports/text.js';
import {type Client, withClient} from './client.js';
import {followRun} from './follow.js';
import {loggerOf, stateDirectory} from './options.js';
import {failureOf} from './outcome.js';
import {print, terminalWidth} from './terminal.js';

const fileNames = {ledger: 'ledger.json', model: 'trained.onnx', events: 'events.jsonl'} as const;

const storeHere = (command: Command): RunStore => {
	const {state} = command.opts() as {state?: string};
	return new RunStore(path.join(stateDirectory(state), 'runs'));
};

/** What lies in the state folder of this machine, or else what the coordinator has. */
async function hereOrThere<T>(
	command: Command,
	run: RunId,
	here: (store: RunStore) => Promise<T>,
	there: (client: Client) => Promise<T>,
): Promise<T> {
	const store = storeHere(command);
	try {
		return await here(store);
	} catch (error) {
		if (!isFplError(error, 'RUN_UNKNOWN')) {
			throw error;
		}
		try {
			return await withClient(command, there);
		} catch (asked) {
			if (!isFplError(asked, 'BROKER_UNREACHABLE')) {
				throw asked;
			}
			throw new FplError('BROKER_UNREACHABLE', {
				where: `run «${run}»`,
				problem: `it is not in ${store.root}, and no coordinator can be asked: ${asked.facts.where} does not answer`,
				fix: 'Check the name, give the folder with --state, or the address of the broker with --broker.',
			});
		}
	}
}

/** One file of a run, from this machine if it is here. */
export const fileOfRun = (command: Command, run: RunId, what: keyof typeof fileNames): Promise<Uint8Array> =>
	hereOrThere<Uint8Array>(
		command,
		run,
		store => store.file(run, fileNames[what]),
		client => client.fetch(run, what),
	);

/**
 * The ledger of a run, as of its last checkpoint where the run has not ended.
 * @throws FplError `RUN_UNKNOWN`, `RUN_UNFINISHED` without a checkpoint, `BROKER_UNREACHABLE`, `CONFIG_VALUE` where it is damaged.
 */
export const ledgerOfRun = (command: Command, run: RunId): Promise<Ledger> =>
	hereOrThere(
		command,
		run,
		store => latestLedger(store, run),
		async client => readLedger(Buffer.from(await client.fetch(run, 'ledger')).toString(), `ledger of «${run}»`),
	);

/** Undefined where nothing was predicted, or the coordinator knows of no predictions. */
async function fetchPrediction(client: Client, run: RunId): Promise<Prediction | undefined> {
	try {
		return readPrediction(Buffer.from(await client.fetch(run, 'prediction')).toString(), `prediction of ${run}`);
	} catch (error) {
		if ((['RUN_UNKNOWN', 'RUN_UNFINISHED', 'WIRE_INVALID'] as const).some(code => isFplError(error, code))) {
			return undefined;
		}
		throw error;
	}
}

/** What was predicted of a run, from where its ledger is; undefined where nothing was, or it is damaged, which is told. */
export async function predictionOfRun(command: Command, run: RunId): Promise<Prediction | undefined> {
	const store = storeHere(command);
	const here = await latestLedger(store, run).then(
		() => true,
		() => false,
	);
	try {
		return await (here ? store.prediction(run) : withClient(command, client => fetchPrediction(client, run)));
	} catch (error) {
		if (!isFplError(error, 'CONFIG_VALUE')) {
			throw error;
		}
		loggerOf(command).warn(`the report is without what was predicted: ${error.message}`);
		return undefined;
	}
}

export interface Kept {
	readonly ledger: Ledger;
	readonly prediction: Prediction | undefined;
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
		const fetched = await fetchPrediction(client, run);
		if (fetched) {
			await store.putPrediction(run, fetched);
		}
	}
	const [ledger, prediction] = [await store.ledger(run), await store.prediction(run)];
	const {reportHtml} = await import('../reports/html.js');
	await store.putFile(run, 'report.html', Buffer.from(reportHtml(ledger, prediction)));
	const directory = store.directory(run);
	return {ledger, prediction, directory, page: path.join(directory, 'report.html')};
}

export interface AttendOptions {
	readonly format: 'text' | 'json';
	/** The state folder; that of this machine by default. */
	readonly state?: string;
	/** Number of the first update. */
	readonly from?: number | undefined;
	/** Asks for the end of the run, which is then waited for. */
	readonly signal: AbortSignal;
	/** What may be done about a run that was stopped so. */
	readonly fix?: string;
}

/**
 * Follows a run to its end, keeps what came out and prints its report.
 * @throws FplError `INTERRUPTED` when it was stopped by the signal, or that of the run where it failed.
 */
export async function attendRun(client: Client, run: RunId, options: AttendOptions): Promise<void> {
	const {format, signal, fix} = options;
	const silence = new AbortController();
	const stopRun = () => {
		client.ask({kind: 'stop', run}, 'ack').catch(() => silence.abort());
	};
	if (signal.aborted) {
		stopRun();
	} else {
		signal.addEventListener('abort', stopRun, {once: true});
	}
	const from = options.from === undefined ? {} : {from: options.from};
	const end = await followRun(client, run, format, {...from, stopping: signal, signal: silence.signal});
	if (end.state === 'interrupted' && signal.aborted) {
		throw new FplError('INTERRUPTED', {where: run, ...(fix === undefined ? {} : {fix})});
	}
	const failure = failureOf(run, end);
	const kept = await keepResults(client, run, stateDirectory(options.state)).catch((error: unknown) => {
		// A run that failed before its devices were ready leaves nothing.
		throw failure ?? error;
	});
	if (format === 'text') {
		print(reportText(kept.ledger, {width: terminalWidth(), prediction: kept.prediction}));
		print(`Page with pictures: ${kept.page}`);
	} else {
		print(reportJson(kept.ledger, kept.prediction));
	}
	if (failure) {
		throw failure;
	}
}
