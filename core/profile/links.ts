/**
 * Typical links of edge devices, as starting points for a link profile. Energy is the device's own share, beyond its idle
 * power: E = activeWatts · time in use + joulesPerByte · bytes.
 */
import {megabitsPerSecond} from '../units.js';
import type {LinkProfile, Medium} from './profile.js';
import {estimate, type Sourced} from './sourced.js';

export const linkFields = [
	'upBytesPerSecond',
	'downBytesPerSecond',
	'latencySeconds',
	'joulesPerByteUp',
	'joulesPerByteDown',
	'activeWatts',
] as const satisfies Array<keyof LinkProfile>;
export type LinkField = (typeof linkFields)[number];

export interface LinkPreset {
	readonly medium: Medium;
	readonly values: Readonly<Record<LinkField, Sourced>>;
}

const nanojoulesPerBit = (n: number): number => n * 8e-9;
const none = estimate(0, 'contained in the energy per byte');

const wiredGigabit = estimate(nanojoulesPerBit(0.4), 'interface drawing 0.3–0.5 W at 940 Mbit/s');
const wiredFast = estimate(nanojoulesPerBit(2), 'interface drawing about 0.2 W at 100 Mbit/s');
/** The well-known 283 nJ/bit (Huang et al. 2012) are of phones at a few Mbit/s and would give 11 W at 40 Mbit/s. */
const wifiEnergy = estimate(nanojoulesPerBit(7.5), 'Raspberry Pi 4/5 drawing 0.3–0.6 W more at 50–100 Mbit/s');
const huang = 'Huang et al., MobiSys 2012, table 4 (phone), quoted from memory';

export const linkPresets = {
	'ethernet-1g': {
		medium: 'ethernet',
		values: {
			upBytesPerSecond: [megabitsPerSecond(941), 'mpr-projects.com: 941 Mbit/s over TCP on a Raspberry Pi 4'],
			downBytesPerSecond: [megabitsPerSecond(941), 'mpr-projects.com: 941 Mbit/s over TCP on a Raspberry Pi 4'],
			latencySeconds: estimate(0.3e-3, 'one switch'),
			joulesPerByteUp: wiredGigabit,
			joulesPerByteDown: wiredGigabit,
			activeWatts: none,
		},
	},
	'ethernet-100m': {
		medium: 'ethernet',
		values: {
			upBytesPerSecond: estimate(megabitsPerSecond(94), '100BASE-TX less the headers of Ethernet, IP and TCP'),
			downBytesPerSecond: estimate(megabitsPerSecond(94), '100BASE-TX less the headers of Ethernet, IP and TCP'),
			latencySeconds: estimate(0.5e-3, 'one switch'),
			joulesPerByteUp: wiredFast,
			joulesPerByteDown: wiredFast,
			activeWatts: none,
		},
	},
	wifi: {
		medium: 'wifi',
		values: {
			upBytesPerSecond: estimate(megabitsPerSecond(40), 'shared 2.4/5 GHz network, one room away'),
			downBytesPerSecond: estimate(megabitsPerSecond(80), 'shared 2.4/5 GHz network, one room away'),
			latencySeconds: estimate(4e-3, 'one access point'),
			joulesPerByteUp: wifiEnergy,
			joulesPerByteDown: wifiEnergy,
			activeWatts: none,
		},
	},
	lte: {
		medium: 'lte',
		values: {
			upBytesPerSecond: [megabitsPerSecond(6), 'Huang et al., MobiSys 2012: median 6 Mbit/s up'],
			downBytesPerSecond: [megabitsPerSecond(13), 'Huang et al., MobiSys 2012: median 13 Mbit/s down'],
			latencySeconds: estimate(35e-3, 'half of a 70 ms round trip'),
			joulesPerByteUp: estimate(nanojoulesPerBit(438.4), `${huang}: 438 mW per Mbit/s up`),
			joulesPerByteDown: estimate(nanojoulesPerBit(52), `${huang}: 52 mW per Mbit/s down`),
			activeWatts: estimate(1.288, `${huang}: base power of 1288 mW; its tail of about 11 s is not counted`),
		},
	},
	lora: {
		medium: 'lora',
		values: {
			upBytesPerSecond: estimate(5470 / 8, 'SF7 at 125 kHz, 5.47 kbit/s on air; a 1 % duty cycle is not applied'),
			downBytesPerSecond: estimate(5470 / 8, 'SF7 at 125 kHz, 5.47 kbit/s on air; a 1 % duty cycle is not applied'),
			latencySeconds: estimate(0.1, 'preamble and gateway'),
			joulesPerByteUp: estimate(24e-6 * 8, 'transmitter drawing about 0.13 W at 5.47 kbit/s: 24 µJ/bit'),
			joulesPerByteDown: estimate(6.6e-6 * 8, 'receiver drawing about 36 mW at 5.47 kbit/s: 6.6 µJ/bit'),
			activeWatts: none,
		},
	},
	loopback: {
		medium: 'loopback',
		values: {
			upBytesPerSecond: estimate(1e9, 'broker on the same machine'),
			downBytesPerSecond: estimate(1e9, 'broker on the same machine'),
			latencySeconds: estimate(50e-6, 'broker on the same machine'),
			joulesPerByteUp: [0, 'no radio or wire is used'],
			joulesPerByteDown: [0, 'no radio or wire is used'],
			activeWatts: [0, 'no radio or wire is used'],
		},
	},
} as const satisfies Record<string, LinkPreset>;

export type LinkName = keyof typeof linkPresets;
export const linkNames = Object.keys(linkPresets) as LinkName[];

/** The preset that stands for a medium when nothing more is said. */
export const presetOfMedium = {
	ethernet: 'ethernet-1g',
	wifi: 'wifi',
	lte: 'lte',
	lora: 'lora',
	loopback: 'loopback',
} as const satisfies Record<Medium, LinkName>;

/** A preset with some values replaced, as a link profile and the sources of its numbers (`link.…` → text). */
export function linkFrom(
	preset: LinkPreset,
	replaced: Partial<Readonly<Record<LinkField, Sourced>>> = {},
): {readonly link: LinkProfile; readonly sources: Readonly<Record<string, string>>} {
	const values = {...preset.values, ...replaced};
	const pick = (part: 0 | 1) => linkFields.map(field => [field, values[field][part]] as const);
	const numbers = Object.fromEntries(pick(0)) as Record<LinkField, number>;
	return {
		link: {...numbers, medium: preset.medium},
		sources: Object.fromEntries(pick(1).map(([field, source]) => [`link.${field}`, source as string])),
	};
}
