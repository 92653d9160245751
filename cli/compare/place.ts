/** The devices of a comparison: a broker's, or a fleet started on this machine; and its progress. */
import path from 'node:path';
import type {Command} from 'commander';
import {makeFolder} from '../../core/atomic-file.js';
import {systemClock} from '../../core/clock.js';
import {parseValue} from '../../core/config/config.js';
import {FplError} from '../../core/errors.js';
import {jobSchema} from '../../core/plan/job.js';
import {openJobData} from '../../models/datasets/job-data.js';
import {type Client, connectClient} from '../client.js';
import {startLocalFleet, untilJoined} from '../daemon/local-fleet.js';
import {followRun} from '../follow.js';
import {loggerOf, stateDirectory} from '../options.js';
import {participantsOf, readJob} from '../planning/plan-input.js';
import {readSubmission} from '../submission.js';
import {defaultSchemes, parseSchemes} from './contenders.js';
import {type Contender, compareSchemes} from './contest.js';

/** What was typed. */
export interface CompareOptions {
	readonly schemes?: string;
	readonly seeds: number;
	readonly trunk?: string;
	readonly emulate?: string;
	readonly devices: number;
	readonly helper: string;
	readonly state?: string;
	readonly broker: string;
	readonly namespace: string;
}

/** To stderr, so that standard output holds the result alone. */
export const say = (line: string): void => {
	process.stderr.write(`${line}\n`);
};

/** Progress is a panel on a terminal, JSON lines elsewhere. */
function announce({warmUp, scheme, seed, index, count}: Contender): void {
	if (!process.stderr.isTTY) {
		const time = new Date(systemClock.now()).toISOString();
		say(JSON.stringify({time, kind: 'contender', warmUp, scheme, seed, index, count}));
		return;
	}
	say(warmUp ? `\nwarm-up: ${scheme}, shortened, not compared` : `\n${index + 1}/${count} ${scheme}, seed ${seed}`);
}

/** Where the devices are, and where their runs are kept. */
interface Place {
	readonly broker: string;
	readonly namespace: string;
	readonly state: string;
	/** Devices that must have joined. */
	readonly expected: readonly string[];
}

/** Compares on the fleet of a broker. */
export async function compareAt(
	place: Place,
	file: string,
	options: CompareOptions,
	command: Command,
	signal: AbortSignal,
) {
	const submission = await readSubmission(file, {});
	if (submission.kind !== 'job') {
		throw new FplError('USAGE', {expected: 'a job file', got: 'none'});
	}
	const job = parseValue(jobSchema, JSON.parse(submission.job), file, 'JOB_INVALID');
	const client: Client = await connectClient({...place, logger: loggerOf(command), signal});
	try {
		await untilJoined(client, place.expected, signal);
		return await compareSchemes({
			client,
			submission,
			fleet: await participantsOf(client),
			kinds: options.schemes === undefined ? defaultSchemes(job) : parseSchemes(options.schemes),
			seeds: options.seeds,
			trunk: options.trunk?.split(',').map(name => name.trim()),
			state: place.state,
			signal,
			onContender: announce,
			follow: (run, leave) =>
				followRun(client, run, process.stderr.isTTY ? 'text' : 'json', {output: process.stderr, signal: leave}),
		});
	} finally {
		await client.close();
	}
}

/** Sources that emulate one profile, and a faster device without data. */
const localDevices = ({emulate, devices, helper}: CompareOptions): Record<string, string> =>
	Object.fromEntries([
		...Array.from({length: devices}, (_, index) => [`cam-${index + 1}`, emulate!]),
		...(devices > 1 ? [['fog-1', helper]] : []),
	]);

/** Compares on a fleet that is started for it on this machine. @throws FplError `DATA_FILE` … of data that are not here. */
export async function compareLocally(file: string, options: CompareOptions, command: Command, signal: AbortSignal) {
	// Every device is on this machine: what is not here is nowhere.
	const {job} = await readJob(file);
	await openJobData(job.data, {environment: process.env});
	// A folder of its own: the broker would go on with runs that it found in another.
	const stamp = new Date(systemClock.now()).toISOString().slice(0, 19).replaceAll(/[-:T]/gu, '');
	const state = path.join(stateDirectory(options.state), 'compare', stamp);
	await makeFolder(state);
	const devices = localDevices(options);
	const fleet = await startLocalFleet(devices, state, process.stderr.isTTY ? say : () => {});
	try {
		const place = {broker: fleet.url, namespace: 'fpl', state, expected: Object.keys(devices)};
		return {comparison: await compareAt(place, file, options, command, signal), state};
	} finally {
		await fleet.close();
	}
}
