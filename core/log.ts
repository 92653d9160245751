/** Logging as a parameter. Lines go to stderr: standard output belongs to results. */
import {pino} from 'pino';

export const logLevels = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
	error(text: string, fields?: LogFields): void;
	warn(text: string, fields?: LogFields): void;
	info(text: string, fields?: LogFields): void;
	debug(text: string, fields?: LogFields): void;
	/** A logger whose lines carry `<this>/<namespace>` as their namespace. */
	child(namespace: string): Logger;
}

type Severity = Exclude<LogLevel, 'silent' | 'trace'>;
type Sink = (severity: Severity, namespace: string, text: string, fields: LogFields) => void;

const fromSink = (sink: Sink, namespace: string): Logger => ({
	error: (text, fields = {}) => sink('error', namespace, text, fields),
	warn: (text, fields = {}) => sink('warn', namespace, text, fields),
	info: (text, fields = {}) => sink('info', namespace, text, fields),
	debug: (text, fields = {}) => sink('debug', namespace, text, fields),
	child: name => fromSink(sink, namespace === '' ? name : `${namespace}/${name}`),
});

export const silentLogger: Logger = fromSink(() => {}, '');

/** JSON lines on stderr, or short readable lines when stderr is a terminal. */
export function consoleLogger(level: LogLevel, {pretty = process.stderr.isTTY}: {pretty?: boolean} = {}): Logger {
	const rank = logLevels.indexOf(level);
	if (pretty) {
		return fromSink((severity, namespace, text, fields) => {
			if (logLevels.indexOf(severity) > rank) {
				return;
			}
			const extra = Object.entries(fields).map(
				([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
			);
			process.stderr.write(
				`${new Date().toISOString().slice(11, 23)} ${severity.padEnd(5)} ${namespace}: ${text}${extra.join('')}\n`,
			);
		}, '');
	}
	const backend = pino({level, base: null}, pino.destination({fd: 2, sync: true}));
	return fromSink((severity, namespace, text, fields) => backend[severity]({ns: namespace, ...fields}, text), '');
}

export interface RecordedLine {
	readonly severity: Severity;
	readonly namespace: string;
	readonly text: string;
	readonly fields: LogFields;
}

/** Keeps its lines, for tests. */
export function recordingLogger(): Logger & {readonly lines: readonly RecordedLine[]} {
	const lines: RecordedLine[] = [];
	const logger = fromSink((severity, namespace, text, fields) => lines.push({severity, namespace, text, fields}), '');
	return Object.assign(logger, {lines});
}
