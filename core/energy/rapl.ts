/**
 * Intel and AMD processors count their own energy (RAPL); Linux shows the counters below /sys/class/powercap as
 * `intel-rapl:<package>` and, inside, sub-zones. A package contains its cores and graphics but not always the memory, so
 * packages and sub-zones named `dram` are summed; `psys` (the whole platform) would count packages twice and is left out, and
 * so is `intel-rapl-mmio`, which shows the packages a second time.
 * See the Linux kernel documentation, «Power Capping Framework»: `energy_uj`, `max_energy_range_uj`.
 */
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {type Clock, systemClock} from '../clock.js';
import {type MeterOutcome, unavailable} from './meter.js';
import {openSampled} from './sampled.js';
import {whyUnreadable} from './sysfs.js';
import {Unwrapper} from './unwrapper.js';

interface Zone {
	readonly label: string;
	readonly file: string;
	readonly counter: Unwrapper;
}

async function microjoules(file: string): Promise<number> {
	const text = (await readFile(file, 'utf8')).trim();
	const value = Number(text);
	if (text === '' || !Number.isFinite(value) || value < 0) {
		throw new Error(`${file} holds «${text.slice(0, 40)}» instead of microjoules`);
	}
	return value;
}

const nameOf = async (folder: string): Promise<string> => (await readFile(path.join(folder, 'name'), 'utf8')).trim();

/** The folders of packages, and of memory zones inside them. The links at the top level lead to both. */
async function zoneFolders(root: string): Promise<string[]> {
	const found: string[] = [];
	for (const entry of (await readdir(root)).sort()) {
		const match = /^intel-rapl:\d+(:\d+)?$/u.exec(entry);
		if (match) {
			const name = await nameOf(path.join(root, entry));
			if (match[1] === undefined ? name.startsWith('package') : name === 'dram') {
				found.push(path.join(root, entry));
			}
		}
	}
	return found;
}

async function openZone(folder: string): Promise<Zone> {
	const [label, range] = await Promise.all([nameOf(folder), microjoules(path.join(folder, 'max_energy_range_uj'))]);
	return {label, file: path.join(folder, 'energy_uj'), counter: new Unwrapper(range)};
}

/**
 * The processor's own energy counter, or the reason why there is none. It counts the whole machine: an emulated device, or
 * one of several agents on a machine, must not use it. Counters of 262 kJ turn over after ten minutes at 400 W, and are
 * read every second.
 * @param root of the powercap tree.
 */
export async function openRaplMeter(root = '/sys/class/powercap', clock: Clock = systemClock): Promise<MeterOutcome> {
	const explain = (error: unknown) => whyUnreadable(error, root, 'this processor or system shows no RAPL counters');
	let zones: Zone[];
	try {
		zones = await Promise.all((await zoneFolders(root)).map(openZone));
	} catch (error) {
		return unavailable(explain(error));
	}
	if (zones.length === 0) {
		return unavailable(`${root} has no zone of a processor package.`);
	}
	return openSampled(
		{
			name: 'rapl',
			description: `RAPL counters of ${zones.map(({label}) => label).join(', ')}`,
			coverage: 'processor',
			method: 'counter',
			clock,
			async sample() {
				// All values before any is counted, so that a failure leaves no zone ahead of the others.
				const values = await Promise.all(zones.map(({file}) => microjoules(file)));
				const sum = zones.reduce((total, {counter}, index) => total + counter.next(values[index]!), 0);
				return {kind: 'counter', joules: sum / 1e6};
			},
		},
		explain,
	);
}
