/** A device's profile, and the energy meters that it has, as rows for people: field, value with its unit, and where the number comes from. */
import type {MeterFinding} from '../core/energy/open.js';
import {type DeviceProfile, opClasses} from '../core/profile/profile.js';
import {formatSi} from '../core/units.js';
import {leastSentence} from './terminal.js';

export const profileColumns = [
	{title: 'field'},
	{title: 'value', wraps: leastSentence},
	{title: 'source', wraps: leastSentence},
] as const;

const speedsText = (speeds: DeviceProfile['speeds']): string =>
	opClasses.map(op => `${op} ${formatSi(speeds[op], op === 'memory' ? 'B/s' : 'FLOP/s')}`).join(', ');

export function profileRows(profile: DeviceProfile): string[][] {
	const {speeds, link, sources} = profile;
	const bits = (bytesPerSecond: number) => formatSi(bytesPerSecond * 8, 'bit/s');
	/** Fields that lists are shown under have the source of their list. */
	const values: ReadonlyArray<readonly [field: string, value: string, source?: string]> = [
		['cores', String(profile.cores)],
		['memoryBytes', formatSi(profile.memoryBytes, 'B')],
		...opClasses.map(op => [`speeds.${op}`, formatSi(speeds[op], op === 'memory' ? 'B/s' : 'FLOP/s')] as const),
		['dispatchSeconds', formatSi(profile.dispatchSeconds, 's')],
		['idleWatts', formatSi(profile.idleWatts, 'W')],
		['busyWatts', formatSi(profile.busyWatts, 'W')],
		['link.medium', link.medium],
		['link.upBytesPerSecond', bits(link.upBytesPerSecond)],
		['link.downBytesPerSecond', bits(link.downBytesPerSecond)],
		['link.latencySeconds', formatSi(link.latencySeconds, 's')],
		['link.joulesPerByteUp', formatSi(link.joulesPerByteUp, 'J/B')],
		['link.joulesPerByteDown', formatSi(link.joulesPerByteDown, 'J/B')],
		['link.activeWatts', formatSi(link.activeWatts, 'W')],
		...(profile.batteryJoules === undefined ? [] : [['batteryJoules', formatSi(profile.batteryJoules, 'J')] as const]),
		...(profile.pricePerHour === undefined ? [] : [['pricePerHour', `${profile.pricePerHour} USD/h`] as const]),
		...(profile.scaling ?? []).map(
			one => [`with ${one.threads} thread${one.threads === 1 ? '' : 's'}`, speedsText(one.speeds), 'scaling'] as const,
		),
		...(profile.pairs ?? []).map(
			({peer, latencySeconds, bytesPerSecond}) =>
				[`pairs.${peer}`, `${bits(bytesPerSecond)}, ${formatSi(latencySeconds, 's')}`, 'pairs'] as const,
		),
	];
	// A field's name says its unit, which the value has already.
	return values.map(([field, value, source = field]) => [
		field.replace(/(?:BytesPerSecond|Seconds|Bytes|Watts|Joules|PerHour)$/u, '').replace(/joulesPerByte/u, 'energy'),
		value,
		sources[source] ?? '',
	]);
}

export const meterColumns = [
	{title: 'meter'},
	{title: 'now'},
	{title: 'what it measures, or why it is not here', wraps: leastSentence},
] as const;

export const meterRows = (meters: readonly MeterFinding[]): string[][] =>
	meters.map(({kind, available, text, watts}) => [
		kind,
		watts === undefined ? (available ? 'here' : '–') : formatSi(watts, 'W'),
		text,
	]);
