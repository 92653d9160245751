/**
 * Batteries below /sys/class/power_supply (kernel documentation, «Linux power supply class»): `power_now` in µW, else
 * `current_now` · `voltage_now` in µA and µV, else the falling counter `energy_now` in µWh; some drivers give what flows out a
 * minus sign. What a battery gives is what the device takes only while it is discharging; in between the meter is silent.
 */
import path from 'node:path';
import {type Clock, systemClock} from '../clock.js';
import {type MeterOutcome, unavailable} from './meter.js';
import {NotNow, openSampled, type Sample} from './sampled.js';
import {namesIn, numberIn, textIn, whyUnreadable} from './sysfs.js';

const joulesPerMicrowattHour = 3.6e-3;

/** The best first. */
const ways = ['power_now', 'current_now', 'energy_now'] as const;
type Way = (typeof ways)[number];

interface Battery {
	readonly name: string;
	readonly folder: string;
	/** How its power is told; undefined: not at all. */
	readonly way: Way | undefined;
	readonly files: readonly string[];
}

async function batteriesIn(root: string): Promise<Battery[]> {
	const found: Battery[] = [];
	for (const name of await namesIn(root)) {
		const folder = path.join(root, name);
		// Batteries of mice and pens have the scope «Device».
		if ((await textIn(folder, 'type')) !== 'Battery' || (await textIn(folder, 'scope')) === 'Device') {
			continue;
		}
		const files = await namesIn(folder);
		const way = ways.find(file => files.includes(file) && (file !== 'current_now' || files.includes('voltage_now')));
		found.push({name, folder, way, files});
	}
	return found;
}

/** Undefined while it is not discharging. */
async function sampleOf({folder}: Battery, way: Way): Promise<Sample | undefined> {
	const status = await textIn(folder, 'status');
	if (status !== undefined && status !== 'Discharging') {
		return undefined;
	}
	switch (way) {
		case 'power_now':
			return {kind: 'power', watts: Math.abs(await numberIn(folder, way)) / 1e6};
		case 'current_now': {
			const [current, voltage] = [await numberIn(folder, way), await numberIn(folder, 'voltage_now')];
			return {kind: 'power', watts: Math.abs(current * voltage) / 1e12};
		}
		case 'energy_now':
			return {kind: 'counter', joules: -(await numberIn(folder, way)) * joulesPerMicrowattHour};
		default:
			return way satisfies never;
	}
}

/** Together: of several batteries, usually one after the other is discharged. */
async function sampleAll(batteries: readonly Battery[], way: Way): Promise<Sample> {
	const samples = await Promise.all(batteries.map(battery => sampleOf(battery, way)));
	const flowing = samples.filter(sample => sample !== undefined);
	if (flowing.length === 0) {
		throw new NotNow(`${batteries.map(({name}) => name).join(' and ')} is not discharging: the device runs on mains`);
	}
	const sum = flowing.reduce((total, one) => total + (one.kind === 'power' ? one.watts : one.joules), 0);
	return way === 'energy_now' ? {kind: 'counter', joules: sum} : {kind: 'power', watts: sum};
}

/** Batteries that tell their power in the same way. @param sysfs where the system's tree is, `/sys`. */
export async function openBatteryMeter(sysfs = '/sys', clock: Clock = systemClock): Promise<MeterOutcome> {
	const root = path.join(sysfs, 'class/power_supply');
	const batteries = await batteriesIn(root);
	if (batteries.length === 0) {
		return unavailable(`no battery below ${root}.`);
	}
	const way = ways.find(candidate => batteries.some(battery => battery.way === candidate));
	if (way === undefined) {
		return unavailable(`battery ${batteries[0]!.name} tells neither power, current nor energy.`);
	}
	// A falling counter of one battery stands still while another one is discharged, so only one of them is followed.
	const alike = batteries.filter(battery => battery.way === way).slice(0, way === 'energy_now' ? 1 : undefined);
	const names = alike.map(({name}) => name).join(' and ');
	return openSampled(
		{
			name: 'battery',
			description: way === 'energy_now' ? `energy left in ${names}` : `power of ${names}, integrated`,
			coverage: 'device',
			method: way === 'energy_now' ? 'counter' : 'power',
			clock,
			everyMs: 2000,
			// The fuel gauge sets the pace: its values change every few seconds only.
			maxGapMs: way === 'energy_now' ? 60_000 : 10_000,
			sample: () => sampleAll(alike, way),
		},
		error => whyUnreadable(error, path.join(alike[0]!.folder, way), 'the battery was taken out'),
	);
}

/** Energy left in all batteries of this device, joules; undefined where no battery tells. */
export async function batteryJoulesLeft(sysfs = '/sys'): Promise<number | undefined> {
	let sum: number | undefined;
	for (const {folder, files} of await batteriesIn(path.join(sysfs, 'class/power_supply'))) {
		try {
			const left = files.includes('energy_now')
				? await numberIn(folder, 'energy_now')
				: ((await numberIn(folder, 'charge_now')) * (await numberIn(folder, 'voltage_now'))) / 1e6;
			if (left >= 0 && left < 1e12) {
				sum = (sum ?? 0) + left * joulesPerMicrowattHour;
			}
		} catch {
			// This one does not tell.
		}
	}
	return sum;
}
