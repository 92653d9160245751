/**
 * Intel and AMD processors count their own energy (RAPL); Linux shows the counters below /sys/class/powercap as
 * `intel-rapl:<package>` and, inside, sub-zones. A package contains its cores and graphics but not always the memory, so
 * packages and sub-zones named `dram` are summed; `psys` (the whole platform) would count packages twice and is left out.
 * See the Linux kernel documentation, «Power Capping Framework»: `energy_uj`, `max_energy_range_uj`.
 */
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {FplError} from '../errors.js';
import type {MeterOutcome} from './meter.js';

interface Zone {
	readonly label: string;
	readonly file: string;
	/** The counter starts again at zero after this, µJ. */
	readonly range: number;
	last: number;
	sum: number;
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
		const [, , inner] = /^intel-rapl:(\d+)(?::(\d+))?$/u.exec(entry) ?? [];
		if (!/^intel-rapl:\d/u.test(entry)) {
			continue;
		}
		const name = await nameOf(path.join(root, entry));
		if (inner === undefined ? name.startsWith('package') : name === 'dram') {
			found.push(path.join(root, entry));
		}
	}
	return found;
}

async function openZone(folder: string): Promise<Zone> {
	const file = path.join(folder, 'energy_uj');
	const [label, range, last] = await Promise.all([
		nameOf(folder),
		microjoules(path.join(folder, 'max_energy_range_uj')),
		microjoules(file),
	]);
	return {label, file, range, last, sum: 0};
}

function explain(root: string, error: unknown): string {
	const {code, message, path: file} = error as NodeJS.ErrnoException;
	switch (code) {
		case 'ENOENT':
			return `${file ?? root} does not exist: this processor or system shows no RAPL counters.`;
		case 'EACCES':
		case 'EPERM':
			return `${file ?? root} may be read by root only; allow it, for instance with «chmod a+r» in a udev rule.`;
		default:
			return `${root} cannot be read: ${message}.`;
	}
}

/**
 * The processor's own energy counter, or the reason why there is none. It counts the whole machine: an emulated device, or
 * one of several agents on a machine, must not use it.
 * @param root of the powercap tree.
 */
export async function openRaplMeter(root = '/sys/class/powercap'): Promise<MeterOutcome> {
	let zones: Zone[];
	try {
		zones = await Promise.all((await zoneFolders(root)).map(openZone));
	} catch (error) {
		return {kind: 'unavailable', because: explain(root, error)};
	}
	if (zones.length === 0) {
		return {kind: 'unavailable', because: `${root} has no zone of a processor package.`};
	}
	const joules = async (): Promise<number> => {
		for (const zone of zones) {
			let value: number;
			try {
				value = await microjoules(zone.file);
			} catch (cause) {
				throw new FplError('AGENT_FAILED', {where: 'energy meter «rapl»', problem: (cause as Error).message}, {cause});
			}
			zone.sum += value >= zone.last ? value - zone.last : value + zone.range - zone.last;
			zone.last = value;
		}
		return zones.reduce((sum, zone) => sum + zone.sum, 0) / 1e6;
	};
	const labels = zones.map(({label}) => label).join(', ');
	return {
		kind: 'meter',
		meter: {name: 'rapl', description: `RAPL counters of ${labels}`, coverage: 'processor', joules},
	};
}
