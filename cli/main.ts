#!/usr/bin/env node
/** The `fpl` command: one file per subcommand; help, version, errors and exit status here. */
import {Command, CommanderError} from 'commander';
import {asFplError, FplError} from '../core/errors.js';
import {agentCommand} from './commands/agent.js';
import {brokerCommand} from './commands/broker.js';
import {dataCommand} from './commands/data.js';
import {demoCommand} from './commands/demo.js';
import {devicesCommand} from './commands/devices.js';
import {doctorCommand} from './commands/doctor.js';
import {exportCommand} from './commands/export.js';
import {reportCommand} from './commands/report.js';
import {runCommand} from './commands/run.js';
import {softwareVersion} from './version.js';

const program = new Command('fpl')
	.description('Trains deep networks across edge devices over MQTT.')
	.version(softwareVersion)
	.showSuggestionAfterError()
	.addHelpText('after', '\nErrors and exit statuses: docs/errors.md');

for (const make of [
	brokerCommand,
	agentCommand,
	devicesCommand,
	runCommand,
	reportCommand,
	exportCommand,
	dataCommand,
	doctorCommand,
	demoCommand,
]) {
	program.addCommand(make());
}

/** Commander's own complaints become ours, so that every error looks alike and has a documented exit status. */
function everyCommand(command: Command, change: (command: Command) => void): void {
	change(command);
	for (const sub of command.commands) {
		everyCommand(sub, change);
	}
}
everyCommand(program, command => {
	command.exitOverride().configureOutput({writeErr: () => {}});
});

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
