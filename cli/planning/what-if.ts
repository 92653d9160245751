/** `--what-if "cam-1.link.up=5 Mbit/s"`: the same devices with some of their figures changed. */
import {parseValue} from '../../core/config/config.js';
import type {Evaluation} from '../../core/cost/evaluate.js';
import {FplError} from '../../core/errors.js';
import {suggestion} from '../../core/nearest.js';
import {overrideProfile, overridesSchema} from '../../core/profile/schema.js';
import type {Participant} from './plan-input.js';

/** What changes do to the plan that was best before, and what is best with them. */
export interface WhatIf {
	readonly changes: readonly string[];
	readonly before: Evaluation;
	/** The same plan on the changed devices; absent where a device of it is away, or nothing can be planned. */
	readonly same?: Evaluation | undefined;
	/** Why the same plan could not be used: limits that it exceeds, devices that are away. */
	readonly lacks: readonly string[];
	/** The best plan on the changed devices; absent where there is none. */
	readonly after?: Evaluation;
	/** Why there is none. */
	readonly impossible?: string;
}

/** Numbers are numbers; everything else is text with its unit, as in a fleet file. */
const valueOfText = (text: string): unknown => (/^\d+(?:\.\d+)?$/u.test(text) ? Number(text) : text);

const nested = (keys: readonly string[], value: unknown): unknown =>
	keys.reduceRight<unknown>((inner, key) => ({[key]: inner}), value);

/** Why the times of a device's passes do not follow from its profile; undefined: they do. */
export type TimesFrom = (participant: Participant) => string | undefined;

/** What times follow from, where nobody measured them. */
const timing = ['speeds', 'dispatch', 'cores'] as const;

function changed(participants: readonly Participant[], change: string, timesFrom: TimesFrom): readonly Participant[] {
	const where = `--what-if «${change}»`;
	const match = /^\s*([^=.\s]+)(?:\.([^=]+?))?\s*=\s*(.+?)\s*$/u.exec(change);
	if (!match) {
		throw new FplError('USAGE', {
			where,
			expected: '«device.field=value», such as «cam-1.link.up=5 Mbit/s», or «cam-1=away»',
			got: `«${change}»`,
		});
	}
	const [, device, path, text] = match as unknown as [string, string, string | undefined, string];
	const found = participants.find(one => one.device === device);
	if (!found) {
		const names = participants.map(one => one.device);
		throw new FplError('DEVICE_UNKNOWN', {
			where,
			problem: `there is no device «${device}»`,
			fix: suggestion(device, names) ?? `Known are ${names.join(', ')}.`,
		});
	}
	if (path === undefined) {
		if (text !== 'away') {
			throw new FplError('USAGE', {where, expected: '«away», or a field such as «cam-1.link.up=…»', got: `«${text}»`});
		}
		return participants.filter(one => one !== found);
	}
	if (!found.profile) {
		throw new FplError('DEVICE_UNKNOWN', {where, problem: `nothing is known of «${device}»`});
	}
	const measured = timing.some(key => key === path.split('.')[0]) ? timesFrom(found) : undefined;
	if (measured !== undefined) {
		throw new FplError('USAGE', {
			where,
			problem: `how long «${device}» takes is measured (${measured}); speeds, dispatch and cores of its profile do not count`,
			fix: 'Change another field, or plan without these times.',
		});
	}
	const overrides = parseValue(overridesSchema, nested(path.split('.'), valueOfText(text)), where);
	const profile = overrideProfile(found.profile, overrides, 'what-if');
	return participants.map(one => (one === found ? {...one, profile, memoryBytes: profile.memoryBytes} : one));
}

/** @throws FplError `USAGE`, `DEVICE_UNKNOWN`, `CONFIG_KEY`, `CONFIG_VALUE` naming the change. */
export const withChanges = (
	participants: readonly Participant[],
	changes: readonly string[],
	timesFrom: TimesFrom = () => undefined,
): readonly Participant[] => changes.reduce((all, change) => changed(all, change, timesFrom), participants);
