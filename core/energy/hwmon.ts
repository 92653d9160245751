/**
 * A power sensor that Linux shows below /sys/class/hwmon: `energy1_input` in µJ, a counter, else `power1_input` or
 * `power1_average` in µW (kernel documentation, «Naming and data format standards for sysfs files»). Such sensors also sit in
 * graphics cards and disks, so only chips that are made to measure a supply are taken by themselves; any other has to be named.
 */
import path from 'node:path';
import {type Clock, systemClock} from '../clock.js';
import {type EnergyMeter, type MeterOutcome, unavailable} from './meter.js';
import {openSampled, type Sample} from './sampled.js';
import {namesIn, numberIn, textIn, whyUnreadable} from './sysfs.js';

/** Texas Instruments' and Analog Devices' monitors for one supply, and the meter of ACPI (servers). */
const supplyMonitors = /^(?:ina2\d\d|ltc294[57]|power_meter)$/u;
/** Inside the processor. */
const processorSensors = /^(?:amd_energy|fam15h_power|zenpower)$/u;

interface Sensor {
	readonly chip: string;
	readonly file: string;
	readonly method: EnergyMeter['method'];
}

async function sensorsIn(root: string): Promise<Sensor[]> {
	const found: Sensor[] = [];
	for (const entry of await namesIn(root)) {
		const files = await namesIn(root, entry);
		const chip = (await textIn(root, entry, 'name')) ?? entry;
		const name = ['energy1_input', 'power1_input', 'power1_average'].find(candidate => files.includes(candidate));
		if (name !== undefined) {
			const method = name === 'energy1_input' ? 'counter' : 'power';
			found.push({chip, file: path.join(root, entry, name), method});
		}
	}
	return found;
}

const list = (sensors: readonly Sensor[]): string => sensors.map(({chip}) => `hwmon:${chip}`).join(', ');

/** One sensor, or the reason why it is not clear which. */
function choose(sensors: readonly Sensor[], wanted: string | undefined, root: string): Sensor | string {
	if (sensors.length === 0) {
		return `no chip below ${root} has power1_input or energy1_input.`;
	}
	const fitting = sensors.filter(({chip}) => (wanted === undefined ? supplyMonitors.test(chip) : chip === wanted));
	if (fitting.length === 1) {
		return fitting[0]!;
	}
	if (fitting.length > 1) {
		return wanted === undefined
			? `several sensors could measure the supply: name one of ${list(fitting)}.`
			: `several chips below ${root} are called «${wanted}».`;
	}
	return wanted === undefined
		? `no sensor is known to measure the whole device; if one does, name it: ${list(sensors)}.`
		: `no chip below ${root} is called «${wanted}»; there are ${list(sensors)}.`;
}

/** @param chip what the file `name` of the sensor holds; undefined takes the only monitor of a supply. */
export async function openHwmonMeter(chip?: string, sysfs = '/sys', clock: Clock = systemClock): Promise<MeterOutcome> {
	const root = path.join(sysfs, 'class/hwmon');
	const sensor = choose(await sensorsIn(root), chip, root);
	if (typeof sensor === 'string') {
		return unavailable(sensor);
	}
	return openSampled(
		{
			name: 'hwmon',
			description:
				sensor.method === 'counter'
					? `energy counter of ${sensor.chip}`
					: `power sensor ${sensor.chip}, power integrated`,
			coverage: processorSensors.test(sensor.chip) ? 'processor' : 'device',
			method: sensor.method,
			clock,
			everyMs: 500,
			maxGapMs: sensor.method === 'counter' ? 60_000 : 5000,
			async sample(): Promise<Sample> {
				const value = (await numberIn(sensor.file)) / 1e6;
				return sensor.method === 'counter' ? {kind: 'counter', joules: value} : {kind: 'power', watts: value};
			},
		},
		error => whyUnreadable(error, sensor.file, 'the sensor went away'),
	);
}
