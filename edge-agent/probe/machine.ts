/** What the operating system knows about this machine without measuring anything. */
import {readdir, readFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type {ProfileName} from '../../core/profile/library.js';
import type {Medium} from '../../core/profile/profile.js';

export interface Machine {
	/** «Raspberry Pi 4 Model B Rev 1.4», or the processor's name. */
	readonly description: string;
	/** Cores this process may use, affinity and quotas counted; at least 1. */
	readonly cores: number;
	/** Memory this process may use, limits of its control group counted. */
	readonly memoryBytes: number;
	/** The built-in profile whose power figures suit this machine best. */
	readonly likeness: ProfileName;
	/** Whether the machine is one of that profile's own, or only of its kind. */
	readonly recognised: boolean;
	/** Of the default route; undefined where none is found. */
	readonly medium: Medium | undefined;
}

/** What of `node:os` is needed; tests pass their own. */
export interface SystemFacts {
	readonly cpuModel: string;
	readonly cores: number;
	readonly memoryBytes: number;
}

const systemFacts = (): SystemFacts => ({
	cpuModel: os.cpus()[0]?.model.trim() || os.arch(),
	cores: os.availableParallelism(),
	memoryBytes: os.totalmem(),
});

/** Names in the device tree (boards) or of processors, the more special first. */
const boards: ReadonlyArray<readonly [RegExp, ProfileName]> = [
	[/raspberry pi zero 2/iu, 'raspberry-pi-zero-2w'],
	[/raspberry pi 3 model b plus/iu, 'raspberry-pi-3b-plus'],
	[/raspberry pi (?:4|400|compute module 4)\b/iu, 'raspberry-pi-4b'],
	[/raspberry pi (?:5|500|compute module 5)\b/iu, 'raspberry-pi-5'],
	[/orin nano/iu, 'jetson-orin-nano'],
	[/jetson nano/iu, 'jetson-nano'],
	[/\bN(?:95|97|100|150|200)\b/u, 'mini-pc-n100'],
];

const textOf = async (file: string): Promise<string> => {
	try {
		// Device-tree texts end with a zero byte.
		return (await readFile(file, 'utf8')).replaceAll('\0', '').trim();
	} catch {
		return '';
	}
};

/** «50000 100000» is half a core; «max 100000» is no limit (cgroup v2, `cpu.max`). */
function quotaCores(text: string): number {
	const [quota, period] = text.split(/\s+/u).map(Number);
	return quota && period && quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

/** The medium of the interface that carries the default route, by the kernel's naming scheme. */
function mediumOf(routes: string): Medium | undefined {
	const [, line] = /^(\S+)\s+00000000\s/mu.exec(routes) ?? [];
	return line === undefined
		? undefined
		: /^wl/u.test(line)
			? 'wifi'
			: /^(?:ww|ppp|usb)/u.test(line)
				? 'lte'
				: 'ethernet';
}

async function hasBattery(root: string): Promise<boolean> {
	try {
		return (await readdir(path.join(root, 'sys/class/power_supply'))).some(name => /^BAT\d/u.test(name));
	} catch {
		return false;
	}
}

/** Reads /proc and /sys below `root`; whatever is missing there is left to `node:os`. Never rejects. */
export async function inspectMachine(root = '/', facts: SystemFacts = systemFacts()): Promise<Machine> {
	const at = (file: string) => textOf(path.join(root, file));
	const [board, cpuMax, memoryMax, routes, battery] = await Promise.all([
		at('proc/device-tree/model'),
		at('sys/fs/cgroup/cpu.max'),
		at('sys/fs/cgroup/memory.max'),
		at('proc/net/route'),
		hasBattery(root),
	]);
	const description = board || facts.cpuModel;
	const known = boards.find(([pattern]) => pattern.test(description))?.[1];
	const limit = Number(memoryMax);
	return {
		description,
		cores: Math.max(1, Math.floor(Math.min(facts.cores, quotaCores(cpuMax)))),
		memoryBytes: limit > 0 ? Math.min(facts.memoryBytes, limit) : facts.memoryBytes,
		likeness: known ?? (battery ? 'laptop' : 'server-core'),
		recognised: known !== undefined,
		medium: mediumOf(routes),
	};
}
