/** `--what-if "cam-1.link.up=5 Mbit/s"`: the same devices with some of their figures changed. */
import {parseValue} from '../../core/config/config.js';
import type {Evaluation} from '../../core/cost/evaluate.js';
import {FplError} from '../../core/errors.js';
import {suggestion} from '../../core/nearest.js';
import {overrideProfile, overridesSchema} from '../../core/profile/schema.js';
import type {Participant} from './plan-input.js';
import type {WithoutEffect} from './without-effect.js';

/** One of the changes, by itself. */
export interface DeviceChange {
	/** As it was written. */
	readonly text: string;
	readonly device: string;
	/** «link.up»; undefined: the device is away. */
	readonly field: string | undefined;
	/** The devices with this change alone. */
	readonly devices: readonly Participant[];
}

/** What changes do to the plan that was best before, and what is best with them. */
export interface WhatIf {
	readonly changes: readonly string[];
	readonly before: Evaluation;
	/** The same plan on the changed devices; absent where a device of it is away, or nothing can be planned. */
	readonly same?: Evaluation | undefined;
	/** Why the same plan could not be used: limits that it exceeds, devices that are away. */
	readonly lacks: readonly string[];
	/** Changes that do nothing to the plan as it is, and why. */
	readonly withoutEffect: readonly WithoutEffect[];
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

/** `device.field=value` taken apart. @throws FplError `USAGE`. */
function partsOf(change: string, where: string): readonly [device: string, path: string | undefined, text: string] {
	const match = /^\s*([^=.\s]+)(?:\.([^=]+?))?\s*=\s*(.+?)\s*$/u.exec(change);
	if (!match) {
		throw new FplError('USAGE', {
			where,
			expected: '«device.field=value», such as «cam-1.link.up=5 Mbit/s», or «cam-1=away»',
			got: `«${change}»`,
		});
	}
	return match.slice(1) as [string, string | undefined, string];
}

function changed(participants: readonly Participant[], change: string, timesFrom: TimesFrom): readonly Participant[] {
	const where = `--what-if «${change}»`;
	const [device, path, text] = partsOf(change, where);
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
	const profile = overrideProfile(found.profile, overrides, where);
	return participants.map(one => (one === found ? {...one, profile, memoryBytes: profile.memoryBytes} : one));
}

/** @throws FplError `USAGE`, `DEVICE_UNKNOWN`, `CONFIG_KEY`, `CONFIG_VALUE` naming the change. */
export const withChanges = (
	participants: readonly Participant[],
	changes: readonly string[],
	timesFrom: TimesFrom = () => undefined,
): readonly Participant[] =>
	changes.reduce((all, change) => {
		const [device] = partsOf(change, '--what-if');
		if (participants.some(one => one.device === device) && !all.some(one => one.device === device)) {
			throw new FplError('USAGE', {
				where: `--what-if «${change}»`,
				problem: `by another change «${device}» is away already`,
			});
		}
		return changed(all, change, timesFrom);
	}, participants);

/** The changes one by one. @throws FplError as `withChanges`, which takes them all. */
export const oneByOne = (
	participants: readonly Participant[],
	changes: readonly string[],
	timesFrom: TimesFrom,
): readonly DeviceChange[] =>
	changes.map(text => {
		const [device, field] = partsOf(text, '--what-if');
		return {text, device, field, devices: changed(participants, text, timesFrom)};
	});
