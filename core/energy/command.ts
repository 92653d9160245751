/** Runs a small program and hands back what it prints; a parameter, so that tests need no such program. */
import {execFile} from 'node:child_process';

/** @throws Error when it cannot be started, fails, or is not done after `deadlineMs`. */
export type RunCommand = (program: string, args: readonly string[], deadlineMs: number) => Promise<string>;

export const runCommand: RunCommand = (program, args, deadlineMs) =>
	new Promise((resolve, reject) => {
		execFile(
			program,
			[...args],
			{timeout: deadlineMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024, encoding: 'utf8'},
			(error, stdout, stderr) => {
				if (!error) {
					resolve(stdout);
				} else if (error.killed) {
					reject(new Error(`«${program}» was not done after ${deadlineMs} ms`));
				} else {
					const code = (error as NodeJS.ErrnoException).code;
					const said = (stderr || stdout).trim().split('\n')[0]?.slice(0, 200) ?? '';
					reject(Object.assign(new Error(said === '' ? error.message : `«${program}»: ${said}`), {code}));
				}
			},
		);
	});
