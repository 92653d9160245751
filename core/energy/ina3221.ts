/**
 * The INA3221 of Nvidia's Jetson boards measures three supply rails. One of them is the input of the whole module: it alone
 * is read, since the others are parts of it. What the carrier board takes past the module (a fan, USB devices, a Wi-Fi card)
 * is not seen.
 *
 * Two drivers show it. The kernel's (`Documentation/hwmon/ina3221.rst`): below /sys/class/hwmon, `in<n>_label`, `in<n>_input`
 * in mV and `curr<n>_input` in mA for n = 1…3. Nvidia's older one (L4T up to 32): below /sys/bus/i2c/drivers/ina3221x,
 * `iio:device<m>/rail_name_<n>` and `in_power<n>_input` in mW for n = 0…2.
 * Rails by the «Jetson Developer Guide», power monitors: `VDD_IN` (Orin NX and Nano, Xavier NX), `POM_5V_IN` (Nano),
 * `VDD_IN`/`VDD_SYS_…` (TX2); AGX Orin has no rail for the whole, there the three rails of its first chip make the sum.
 */
import path from 'node:path';
import {type Clock, systemClock} from '../clock.js';
import {type MeterOutcome, unavailable} from './meter.js';
import {openSampled} from './sampled.js';
import {namesIn, numberIn, textIn, whyUnreadable} from './sysfs.js';

interface Rail {
	readonly label: string;
	readonly watts: () => Promise<number>;
	readonly file: string;
}

/** Names of the rail through which everything flows, the best first. */
const inputRails = ['VDD_IN', 'POM_5V_IN', 'VDD_IN_5V0', '5V_IN'];
/** AGX Orin: these three are everything. */
const sumRails = ['VDD_GPU_SOC', 'VDD_CPU_CV', 'VIN_SYS_5V0'];

async function hwmonRails(sysfs: string): Promise<Rail[]> {
	const root = path.join(sysfs, 'class/hwmon');
	const rails: Rail[] = [];
	for (const entry of await namesIn(root)) {
		const folder = path.join(root, entry);
		if ((await textIn(folder, 'name')) !== 'ina3221') {
			continue;
		}
		// Channels 4 to 7 are shunt voltages and their sum, in µV.
		for (const channel of [1, 2, 3]) {
			const label = await textIn(folder, `in${channel}_label`);
			const disabled = (await textIn(folder, `in${channel}_enable`)) === '0';
			if (label !== undefined && !disabled) {
				const [volts, amperes] = [`in${channel}_input`, `curr${channel}_input`];
				rails.push({
					label,
					file: path.join(folder, amperes),
					watts: async () => ((await numberIn(folder, volts)) * (await numberIn(folder, amperes))) / 1e6,
				});
			}
		}
	}
	return rails;
}

async function iioRails(sysfs: string): Promise<Rail[]> {
	const root = path.join(sysfs, 'bus/i2c/drivers/ina3221x');
	const rails: Rail[] = [];
	for (const chip of await namesIn(root)) {
		for (const entry of (await namesIn(root, chip)).filter(name => name.startsWith('iio:device'))) {
			const folder = path.join(root, chip, entry);
			for (const channel of [0, 1, 2]) {
				const label = await textIn(folder, `rail_name_${channel}`);
				if (label !== undefined) {
					const file = `in_power${channel}_input`;
					rails.push({
						label,
						file: path.join(folder, file),
						watts: async () => (await numberIn(folder, file)) / 1000,
					});
				}
			}
		}
	}
	return rails;
}

/** The rails whose sum is the whole, or the reason why there are none. */
function wholeOf(rails: readonly Rail[]): readonly Rail[] | string {
	const input = inputRails.flatMap(name => rails.filter(({label}) => label === name))[0];
	if (input) {
		return [input];
	}
	const parts = sumRails.flatMap(name => rails.filter(({label}) => label === name));
	if (parts.length === sumRails.length) {
		return parts;
	}
	return `an INA3221 is here, but none of its rails (${rails.map(({label}) => label).join(', ')}) is known as the board's input.`;
}

/** @param sysfs where the system's tree is, `/sys`. */
export async function openIna3221Meter(sysfs = '/sys', clock: Clock = systemClock): Promise<MeterOutcome> {
	const rails = [...(await hwmonRails(sysfs)), ...(await iioRails(sysfs))];
	if (rails.length === 0) {
		return unavailable(
			`no INA3221 below ${sysfs}/class/hwmon or ${sysfs}/bus/i2c/drivers/ina3221x: this is no Jetson.`,
		);
	}
	const whole = wholeOf(rails);
	if (typeof whole === 'string') {
		return unavailable(whole);
	}
	return openSampled(
		{
			name: 'ina3221',
			description: `INA3221, rail ${whole.map(({label}) => label).join(' + ')}, power integrated`,
			coverage: 'board',
			method: 'power',
			clock,
			everyMs: 250,
			maxGapMs: 5000,
			async sample() {
				const watts = await Promise.all(whole.map(rail => rail.watts()));
				return {kind: 'power', watts: watts.reduce((sum, one) => sum + one, 0)};
			},
		},
		error => whyUnreadable(error, whole[0]!.file, 'the rail is switched off'),
	);
}
