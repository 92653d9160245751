/** Options that several subcommands share, with their environment variables. */
import {homedir} from 'node:os';
import path from 'node:path';
import {type Command, Option} from 'commander';
import {consoleLogger, type Logger, type LogLevel, logLevels} from '../core/log.js';

export const globalOptions = (command: Command): Command =>
	command.addOption(
		new Option('--log-level <level>', 'how much is logged, on stderr')
			.choices([...logLevels])
			.default('warn')
			.env('FPL_LOG_LEVEL'),
	);

export const brokerOption = (): Option =>
	new Option('--broker <url>', 'MQTT broker').default('mqtt://127.0.0.1:1883').env('FPL_BROKER');

export const namespaceOption = (): Option =>
	new Option('--namespace <name>', 'keeps fleets on one broker apart').default('default').env('FPL_NAMESPACE');

/** Where runs, models and keys are kept: `$XDG_STATE_HOME/fpl` by default. */
export const stateOption = (): Option =>
	new Option('--state <directory>', 'where runs and caches are kept')
		.default(path.join(process.env['XDG_STATE_HOME'] ?? path.join(homedir(), '.local', 'state'), 'fpl'))
		.env('FPL_STATE_DIR');

export const formatOption = <const F extends readonly string[]>(...formats: F): Option =>
	new Option('--format <format>', 'how results are printed').choices(formats).default(formats[0]);

/** The logger that the options of a command ask for. */
export const loggerOf = (command: Command): Logger =>
	consoleLogger((command.optsWithGlobals() as {logLevel: LogLevel}).logLevel);

/** Aborts at SIGINT or SIGTERM; a second signal ends the process at once. */
export function stopSignal(): AbortSignal {
	const controller = new AbortController();
	for (const signal of ['SIGINT', 'SIGTERM'] as const) {
		process.on(signal, () => {
			if (controller.signal.aborted) {
				process.exit(130);
			}
			controller.abort();
		});
	}
	return controller.signal;
}
