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
	readonly finished: Promise<Finished>;
	/** Resolves with the match once the output (both streams) matches; rejects when the process ends before. */
	until(pattern: RegExp): Promise<RegExpExecArray>;
	/** SIGKILL, and wait. */
	kill(): Promise<void>;
	output(): string;
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
	const finished = new Promise<Finished>(resolve => {
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
		await finished;
	};
	t.teardown(kill);
	return {
		process: child,
		finished,
		kill,
		output: () => stdout + stderr,
		until: pattern =>
			new Promise((resolve, reject) => {
				const look = () => {
					const match = pattern.exec(stdout + stderr);
					if (match) {
						watchers.delete(look);
						resolve(match);
					} else if (ended()) {
						watchers.delete(look);
						reject(
							new Error(`fpl ${args.join(' ')} ended (${child.exitCode}) without ${pattern}:\n${stdout}${stderr}`),
						);
					}
				};
				watchers.add(look);
				look();
			}),
	};
}
