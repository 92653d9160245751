#!/usr/bin/env node
/** The `fpl` command: what was typed, carried out; errors and exit status here. */
import {CommanderError} from 'commander';
import {asFplError, FplError} from '../core/errors.js';
import {createProgram} from './program.js';

/** Commander's own complaints become ours, so that every error looks alike and has a documented exit status. */
function translate(thrown: unknown): FplError | undefined {
	if (!(thrown instanceof CommanderError)) {
		return asFplError(thrown);
	}
	if (thrown.exitCode === 0) {
		return undefined;
	}
	const problem = thrown.message.replace(/^error: /u, '');
	return new FplError('USAGE', {
		problem: problem === '(outputHelp)' ? 'a command is missing' : problem,
		fix: 'See «fpl --help».',
	});
}

/** Whether the command line asked for JSON: then errors are JSON too. */
const wantsJson = process.argv.some(
	(arg, index) => arg === '--format=json' || (arg === '--format' && process.argv[index + 1] === 'json'),
);

// Whoever reads our output may stop reading («fpl report … | head»): that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
	process.exit(error.code === 'EPIPE' ? 0 : 1);
});

try {
	const program = await createProgram(process.argv[2]);
	await program.parseAsync();
} catch (thrown) {
	const error = translate(thrown);
	if (error) {
		const {code, message, facts, exit, retryable} = error;
		process.stderr.write(
			wantsJson ? `${JSON.stringify({code, message, exit, retryable, ...facts})}\n` : `fpl: ${code}: ${message}\n`,
		);
		if (code === 'INTERNAL' && error.cause instanceof Error) {
			process.stderr.write(`${error.cause.stack}\n`);
		}
		process.exitCode = exit;
	}
}
