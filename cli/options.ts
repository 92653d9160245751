/** Options that several subcommands share, with their environment variables. */
import {homedir} from 'node:os';
import path from 'node:path';
import {type Command, Option} from 'commander';
import {consoleLogger, type Logger, type LogLevel, logLevels} from '../core/log.js';

/** For commands that ask a coordinator or read its runs; daemons have their own configuration. */
export const logOption = (): Option =>
	new Option('--log-level <level>', 'how much is logged, on stderr')
		.choices([...logLevels])
		.default('warn')
		.env('FPL_LOG_LEVEL');

export const brokerOption = (): Option =>
	new Option('--broker <url>', 'MQTT broker of the fleet').default('mqtt://127.0.0.1:1883').env('FPL_BROKER');

export const namespaceOption = (): Option =>
	new Option('--namespace <name>', 'keeps fleets on one broker apart').default('fpl').env('FPL_NAMESPACE');

export const stateOption = (): Option =>
	new Option('--state <directory>', 'where runs are kept (default: $XDG_STATE_HOME/fpl)').env('FPL_STATE');

export const configOption = (): Option =>
	new Option('--config <file>', 'configuration file (YAML or JSON)').env('FPL_CONFIG');

export const formatOption = <const F extends readonly string[]>(...formats: F): Option =>
	new Option('--format <format>', 'how results are printed').choices(formats).default(formats[0]);

/** Where runs, models and keys are kept: what is given, else `$XDG_STATE_HOME/fpl`. */
export const stateDirectory = (directory: string | undefined): string =>
	path.resolve(directory ?? path.join(process.env['XDG_STATE_HOME'] ?? path.join(homedir(), '.local', 'state'), 'fpl'));

/** The flags that were given. */
export const given = (flags: Readonly<Record<string, unknown>>): Record<string, unknown> =>
	Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));

/** The logger that a command's `--log-level` asks for. */
export const loggerOf = (command: Command): Logger => consoleLogger((command.opts() as {logLevel: LogLevel}).logLevel);

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

/** Resolves when the signal aborts, and keeps the process alive until then. */
export const untilStopped = (signal: AbortSignal): Promise<undefined> =>
	new Promise(resolve => {
		const alive = setInterval(() => {}, 3_600_000);
		const stop = () => {
			clearInterval(alive);
			resolve(undefined);
		};
		if (signal.aborted) {
			stop();
		} else {
			signal.addEventListener('abort', stop, {once: true});
		}
	});
