/** Finds the meters of this machine, and opens the one that is wanted. */
import {type Clock, systemClock} from '../clock.js';
import {FplError} from '../errors.js';
import {openBatteryMeter} from './battery.js';
import {type RunCommand, runCommand} from './command.js';
import {openHwmonMeter} from './hwmon.js';
import {openIna3221Meter} from './ina3221.js';
import type {EnergyMeter, MeterOutcome} from './meter.js';
import {openPmicMeter} from './pmic.js';
import {openRaplMeter} from './rapl.js';
import type {MeterSpec} from './spec.js';

/** Meters that are part of the machine, or wired to it. */
export const localMeters = ['ina3221', 'pmic', 'hwmon', 'rapl', 'battery'] as const;
export type LocalMeter = (typeof localMeters)[number];

export interface MeterPlace {
	readonly clock?: Clock;
	/** Where the system's tree is, `/sys`. */
	readonly sysfs?: string;
	readonly run?: RunCommand;
}

export function openLocalMeter(kind: LocalMeter, place: MeterPlace = {}, chip?: string): Promise<MeterOutcome> {
	const {clock = systemClock, sysfs = '/sys', run = runCommand} = place;
	switch (kind) {
		case 'ina3221':
			return openIna3221Meter(sysfs, clock);
		case 'pmic':
			return openPmicMeter(run, clock);
		case 'hwmon':
			return openHwmonMeter(chip, sysfs, clock);
		case 'rapl':
			return openRaplMeter(`${sysfs}/class/powercap`, clock);
		case 'battery':
			return openBatteryMeter(sysfs, clock);
		default:
			return kind satisfies never;
	}
}

export interface MeterFinding {
	readonly kind: LocalMeter;
	/** What it measures, or why it is not there. */
	readonly text: string;
	readonly available: boolean;
	/** Watts at the moment, where the meter answers. */
	readonly watts?: number;
}

/** Long enough for a counter to move. */
const glanceMs = 300;

async function glance(kind: LocalMeter, place: MeterPlace): Promise<MeterFinding> {
	const {clock = systemClock} = place;
	const outcome = await openLocalMeter(kind, place);
	if (outcome.kind === 'unavailable') {
		return {kind, available: false, text: outcome.because};
	}
	const {meter} = outcome;
	try {
		const first = await meter.read();
		await clock.sleep(glanceMs);
		const last = await meter.read();
		const seconds = last.seconds - first.seconds;
		const text = last.silent === undefined ? meter.description : `${meter.description}; silent: ${last.silent}`;
		return {kind, available: true, text, ...(seconds > 0 ? {watts: (last.joules - first.joules) / seconds} : {})};
	} finally {
		await meter.close();
	}
}

/** Which meters answer here, and why the others do not. */
export const surveyMeters = (place: MeterPlace = {}): Promise<MeterFinding[]> =>
	Promise.all(localMeters.map(kind => glance(kind, place)));

export type ChosenMeter =
	| {readonly kind: 'meter'; readonly meter: EnergyMeter}
	/** `because` is a sentence for people. */
	| {readonly kind: 'modelled'; readonly because: string};

/**
 * The first that answers at this moment: those that see the whole device before RAPL. A battery comes last, since its gauge
 * is slow.
 */
async function best(place: MeterPlace): Promise<ChosenMeter> {
	const reasons: string[] = [];
	for (const kind of localMeters) {
		const outcome = await openLocalMeter(kind, place);
		if (outcome.kind === 'unavailable') {
			reasons.push(`${kind}: ${outcome.because}`);
			continue;
		}
		const {silent} = await outcome.meter.read();
		if (silent === undefined) {
			return outcome;
		}
		reasons.push(`${kind}: ${silent}.`);
		await outcome.meter.close();
	}
	return {kind: 'modelled', because: `no meter answers here. ${reasons.join(' ')}`};
}

/**
 * The meter that is wanted, of those on this machine.
 * @throws FplError `CONFIG_VALUE` when a meter that was named is not here, with the reason.
 */
export async function chooseMeter(
	spec: Exclude<MeterSpec, {kind: 'plug'}>,
	place: MeterPlace = {},
): Promise<ChosenMeter> {
	switch (spec.kind) {
		case 'none':
			return {kind: 'modelled', because: 'no meter is wanted.'};
		case 'auto':
			return best(place);
		default: {
			const outcome = await openLocalMeter(spec.kind, place, spec.kind === 'hwmon' ? spec.chip : undefined);
			if (outcome.kind === 'unavailable') {
				throw new FplError('CONFIG_VALUE', {
					where: 'meter',
					expected: `a readable meter «${spec.kind}»`,
					got: 'none',
					fix: `${outcome.because[0]!.toUpperCase()}${outcome.because.slice(1)} «fpl doctor» lists the meters that answer here.`,
				});
			}
			return outcome;
		}
	}
}
