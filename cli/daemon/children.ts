/** This program's own daemons as child processes: started, waited for, ended with their parent. */
import {type ChildProcess, spawn} from 'node:child_process';
import {createWriteStream} from 'node:fs';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {systemClock, withDeadline} from '../../core/clock.js';
import {FplError} from '../../core/errors.js';

const main = path.resolve(import.meta.dirname, '../main.js');
const startMs = 30_000;
const stopMs = 10_000;

export interface Child {
	readonly name: string;
	readonly process: ChildProcess;
	/** Where its log goes. */
	readonly log: string;
	/** Asks it to stop, and makes it after ten seconds. */
	stop(): Promise<void>;
}

/** Starts `fpl <args>`, with further environment variables; what it says on stderr goes to `<name>.log` in the folder. */
export function startChild(
	name: string,
	folder: string,
	args: readonly string[],
	environment: NodeJS.ProcessEnv = {},
): Child {
	const log = path.join(folder, `${name}.log`);
	const process_ = spawn(process.execPath, [main, ...args], {
		stdio: ['ignore', 'pipe', 'pipe'],
		env: {...process.env, ...environment},
	});
	process_.stderr!.pipe(createWriteStream(log));
	const ended = new Promise<void>(resolve => process_.once('exit', () => resolve()));
	return {
		name,
		process: process_,
		log,
		async stop() {
			if (process_.exitCode === null && process_.signalCode === null) {
				process_.kill('SIGTERM');
				await withDeadline(systemClock, stopMs, `the end of ${name}`, ended).catch(() => process_.kill('SIGKILL'));
				await ended;
			}
		},
	};
}

/**
 * The first line on the child's standard output that matches.
 * @throws FplError `AGENT_FAILED` when it ends before, `WIRE_TIMEOUT` when it says nothing in time; both name its log.
 */
export async function lineOf({name, process: process_, log}: Child, pattern: RegExp): Promise<RegExpExecArray> {
	const found = new Promise<RegExpExecArray>((resolve, reject) => {
		createInterface({input: process_.stdout!}).on('line', line => {
			const match = pattern.exec(line);
			if (match) {
				resolve(match);
			}
		});
		process_.once('exit', status =>
			reject(
				new FplError('AGENT_FAILED', {where: name, problem: `it ended with status ${status}`, fix: `See ${log}.`}),
			),
		);
	});
	return withDeadline(systemClock, startMs, `${name} (see ${log})`, found);
}
