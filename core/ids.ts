/** Names of things, as branded strings: one syntax for all, since they become MQTT topic levels and file names. */
import {FplError} from './errors.js';

declare const kind: unique symbol;
type Id<K extends string> = string & {readonly [kind]: K};

/** A device's stable name; also the name of the agent on it. */
export type DeviceId = Id<'device'>;
export type RunId = Id<'run'>;

/** 1–64 letters, digits, `-`, `_`, `.`; neither `.` nor `..`; no MQTT wildcard or separator can occur. */
const syntax = /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,64}$/u;

const described = '1–64 letters, digits, «-», «_» or «.»';

/** What documents are told whose device has no usable name. */
export const expectedDevice = `expected a device id of ${described}`;

function check(what: string, text: unknown, where: string): string {
	if (typeof text !== 'string' || !syntax.test(text)) {
		throw new FplError('CONFIG_VALUE', {
			where,
			expected: `a ${what} of ${described}`,
			got: typeof text === 'string' ? `«${text.slice(0, 80)}»` : typeof text,
		});
	}
	return text;
}

export const isId = (text: unknown): boolean => typeof text === 'string' && syntax.test(text);
export const deviceId = (text: unknown, where = 'device id'): DeviceId => check('device id', text, where) as DeviceId;
export const runId = (text: unknown, where = 'run id'): RunId => check('run id', text, where) as RunId;
