/** This program's daemons and commands as real processes, for end-to-end tests. */
import {type ChildProcess, spawn} from 'node:child_process';
import path from 'node:path';
import type {ExecutionContext} from 'ava';

const main = path.resolve(import.meta.dirname, '../../cli/main.js');

export interface Finished {
	readonly status: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

export interface RunningProcess {
	readonly process: ChildProcess;
	/** Rejects with the output so far when the process has not ended a while after somebody asked for this. */
	readonly finished: Promise<Finished>;
	/** Resolves with the match once the output (both streams) matches; rejects when the process ends before, or takes too long. */
	until(pattern: RegExp): Promise<RegExpExecArray>;
	/** SIGKILL, and wait. */
	kill(): Promise<void>;
	output(): string;
}

/** Before ava gives up the whole suite, which is after three minutes without news. */
const patienceMs = 120_000;

async function within<T>(promise: Promise<T>, awaited: () => string): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`after ${patienceMs / 1000} s: ${awaited()}`)), patienceMs);
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		clearTimeout(timer);
	}
}

/** Environment without what would change the program's behaviour, and with folders of the test's own. */
export const cleanEnvironment = (folder: string): NodeJS.ProcessEnv => ({
	...Object.fromEntries(
		Object.entries(process.env).filter(([name]) => !name.startsWith('FPL_') && !name.startsWith('XDG_')),
	),
	XDG_STATE_HOME: path.join(folder, 'state'),
	XDG_DATA_HOME: path.join(folder, 'data'),
});

/** Starts `fpl <args>`; it is killed at the end of the test at the latest. */
export function fpl(t: ExecutionContext<unknown>, folder: string, ...args: readonly string[]): RunningProcess {
	const child = spawn(process.execPath, [main, ...args], {
		env: cleanEnvironment(folder),
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let stdout = '';
	let stderr = '';
	const watchers = new Set<() => void>();
	const notify = () => {
		for (const watcher of watchers) {
			watcher();
		}
	};
	child.stdout.on('data', (data: Buffer) => {
		stdout += data.toString();
		notify();
	});
	child.stderr.on('data', (data: Buffer) => {
		stderr += data.toString();
		notify();
	});
	const closed = new Promise<Finished>(resolve => {
		child.once('close', status => {
			resolve({status, stdout, stderr});
			notify();
		});
	});
	const ended = () => child.exitCode !== null || child.signalCode !== null;
	const kill = async () => {
		if (!ended()) {
			child.kill('SIGKILL');
		}
		await closed;
	};
	t.teardown(kill);
	return {
		process: child,
		get finished() {
			return within(closed, () => `fpl ${args.join(' ')} has not ended:\n${stdout}${stderr}`);
		},
		kill,
		output: () => stdout + stderr,
		until(pattern) {
			let look = () => {};
			const found = new Promise<RegExpExecArray>((resolve, reject) => {
				look = () => {
					const match = pattern.exec(stdout + stderr);
					if (match) {
						resolve(match);
					} else if (ended()) {
						reject(
							new Error(`fpl ${args.join(' ')} ended (${child.exitCode}) without ${pattern}:\n${stdout}${stderr}`),
						);
					}
				};
				watchers.add(look);
				look();
			});
			return within(found, () => `fpl ${args.join(' ')} has not said ${pattern}:\n${stdout}${stderr}`).finally(() =>
				watchers.delete(look),
			);
		},
	};
}
