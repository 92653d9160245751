/**
 * Built-in device profiles. They are for planning before a device has measured itself: an agent's own probe always wins.
 * «HPL» figures are sustained fp64 rates of the High-Performance Linpack; fp32 on the same SIMD units is 1.6–1.8 times that.
 */
import {deepFreeze} from '../config/config.js';
import {FplError} from '../errors.js';
import {suggestion} from '../nearest.js';
import {megabitsPerSecond} from '../units.js';
import {type LinkField, type LinkPreset, linkFrom, linkPresets} from './links.js';
import type {DeviceProfile} from './profile.js';
import {estimate, estimateMark, type Sourced} from './sourced.js';

interface Entry {
	readonly cores: number;
	readonly memory: Sourced;
	/** Sustained fp32 rate of matrix products, all cores, FLOP/s. */
	readonly matmul: Sourced;
	/** Memory copy, bytes/s, reading and writing counted once each. */
	readonly bandwidth: Sourced;
	readonly dispatch: Sourced;
	readonly idle: Sourced;
	readonly busy: Sourced;
	readonly link: LinkPreset;
	readonly linkValues?: Partial<Record<LinkField, Sourced>>;
}

const gib = 2 ** 30;
const sheet = 'data sheet';
const top500 = 'geerlingguy/top500-benchmark';
const both = (value: Sourced) => ({upBytesPerSecond: value, downBytesPerSecond: value});

const entries = {
	'raspberry-pi-zero-2w': {
		cores: 4,
		memory: [gib / 2, sheet],
		matmul: estimate(6e9, '4 × A53 at 1.0 GHz, 32 GFLOP/s peak (the published HPL run starved for memory)'),
		bandwidth: estimate(1.8e9, 'LPDDR2, half of a Raspberry Pi 4'),
		dispatch: estimate(40e-6, 'scaled from a laptop by single-core speed'),
		idle: [0.6, 'mechatronicslab.net (itself an estimate)'],
		busy: [2.1, `${top500}, issue 26: 2.1 W under HPL`],
		link: linkPresets.wifi,
		linkValues: both(estimate(megabitsPerSecond(40), '2.4 GHz 802.11n, one antenna')),
	},
	'raspberry-pi-3b-plus': {
		cores: 4,
		memory: [gib, sheet],
		matmul: estimate(8.5e9, 'about 5.3 GFLOP/s HPL × 1.6 for fp32'),
		bandwidth: estimate(2e9, 'LPDDR2-900, 3.6 GB/s peak'),
		dispatch: estimate(30e-6, 'scaled from a laptop by single-core speed'),
		idle: [1.9, 'pidramble.com: 1.9 W, 5 min after boot'],
		busy: [5.1, 'pidramble.com: 5.1 W at 400 % CPU'],
		link: linkPresets['ethernet-1g'],
		linkValues: both(estimate(megabitsPerSecond(300), 'gigabit Ethernet behind USB 2')),
	},
	'raspberry-pi-4b': {
		cores: 4,
		memory: [4 * gib, `${sheet}; the 4 GB variant`],
		matmul: estimate(20e9, `${top500}: 11.889 GFLOP/s HPL × 1.7 for fp32`),
		bandwidth: estimate(4e9, 'LPDDR4-3200, 12.8 GB/s peak, of which the cores reach a third'),
		dispatch: estimate(15e-6, 'scaled from a laptop by single-core speed'),
		idle: [2.7, 'pidramble.com: 2.7 W, 5 min after boot'],
		busy: [6.4, 'pidramble.com: 6.4 W at 400 % CPU'],
		link: linkPresets['ethernet-1g'],
	},
	'raspberry-pi-5': {
		cores: 4,
		memory: [8 * gib, `${sheet}; the 8 GB variant`],
		matmul: estimate(60e9, `${top500}: 35.169 GFLOP/s HPL × 1.7 for fp32`),
		bandwidth: estimate(9e9, 'LPDDR4X-4267, 17 GB/s peak, half of it reached'),
		dispatch: estimate(6e-6, 'scaled from a laptop by single-core speed'),
		idle: [3.3, 'iiab/iiab issue 4050: 0.65 A at 5.1 V'],
		busy: estimate(8, '7–9 W under stress; HPL draws 11–13 W'),
		link: linkPresets['ethernet-1g'],
	},
	'jetson-nano': {
		cores: 4,
		memory: [4 * gib, sheet],
		matmul: estimate(15e9, '4 × A57 at 1.43 GHz, processor only: the engine does not use the GPU'),
		bandwidth: estimate(10e9, 'LPDDR4, 25.6 GB/s peak shared with the GPU'),
		dispatch: estimate(20e-6, 'scaled from a laptop by single-core speed'),
		idle: estimate(2.8, 'module 1.9 W (saltylab power budget) and carrier board 0.5–1.25 W'),
		busy: estimate(10, 'the larger of its two power modes, 5 W and 10 W'),
		link: linkPresets['ethernet-1g'],
	},
	'jetson-orin-nano': {
		cores: 6,
		memory: [8 * gib, sheet],
		matmul: estimate(80e9, '6 × A78AE at 1.5 GHz, processor only: the engine does not use the GPU'),
		bandwidth: estimate(25e9, 'LPDDR5, 68 GB/s peak shared with the GPU'),
		dispatch: estimate(8e-6, 'scaled from a laptop by single-core speed'),
		idle: [2.6, 'forums.developer.nvidia.com, thread 348662: 2.6 W, tuned, by Joulescope'],
		busy: estimate(15, 'the middle one of its power modes, 7 W, 15 W and 25 W'),
		link: linkPresets['ethernet-1g'],
	},
	'mini-pc-n100': {
		cores: 4,
		memory: [8 * gib, sheet],
		matmul: estimate(110e9, `${top500}: 62.851 GFLOP/s HPL (LattePanda Mu) × 1.75 for fp32`),
		bandwidth: estimate(20e9, 'one channel of DDR5-4800 or LPDDR5, 38 GB/s peak'),
		dispatch: estimate(4e-6, 'scaled from a laptop by single-core speed'),
		idle: estimate(6, 'typical of fanless N100 boxes'),
		busy: [25, `${top500}: 25 W under HPL (LattePanda Mu)`],
		link: linkPresets['ethernet-1g'],
	},
	laptop: {
		cores: 6,
		memory: estimate(16 * gib, 'the smallest common configuration'),
		matmul: estimate(150e9, `${top500}: 88.787 GFLOP/s HPL (Framework 13, Ryzen AI 340) × 1.7 for fp32`),
		bandwidth: estimate(40e9, 'two channels of DDR5-5600, 90 GB/s peak'),
		dispatch: estimate(3e-6, 'onnxruntime on a current laptop core'),
		idle: estimate(8, '5–11 W with the screen dimmed'),
		busy: [41.6, `${top500}: 41.6 W under HPL (Framework 13, Ryzen AI 340)`],
		link: linkPresets.wifi,
		linkValues: both(estimate(megabitsPerSecond(400), 'Wi-Fi 6, 300–900 Mbit/s')),
	},
	'server-core': {
		cores: 1,
		memory: estimate(4 * gib, 'the share of one core'),
		matmul: estimate(50e9, 'one x86 core with AVX2 at about 2.5 GHz, 80 GFLOP/s peak'),
		bandwidth: estimate(8e9, 'one core of a loaded socket'),
		dispatch: estimate(3e-6, 'onnxruntime on a current server core'),
		idle: estimate(2, 'the share of one core of a 64-core server idling at 130 W'),
		busy: estimate(6, 'the share of one core of a 64-core server drawing 400 W'),
		link: linkPresets['ethernet-1g'],
	},
} as const satisfies Record<string, Entry>;

export type ProfileName = keyof typeof entries;
export const profileNames = Object.keys(entries) as ProfileName[];

/** How the classes nobody publishes figures for follow from matrix products and memory bandwidth. */
const derived = {
	convolution: ({matmul}: Entry) => matmul[0] * 0.8,
	depthwise: ({matmul}: Entry) => matmul[0] * 0.15,
	/** Three float32 values are moved per operation. */
	elementwise: ({bandwidth}: Entry) => bandwidth[0] / 12,
} as const;

function build(name: string, entry: Entry): DeviceProfile {
	const {link, sources} = linkFrom(entry.link, entry.linkValues);
	return {
		name,
		speeds: {
			convolution: derived.convolution(entry),
			depthwise: derived.depthwise(entry),
			matmul: entry.matmul[0],
			elementwise: derived.elementwise(entry),
			memory: entry.bandwidth[0],
		},
		dispatchSeconds: entry.dispatch[0],
		cores: entry.cores,
		memoryBytes: entry.memory[0],
		idleWatts: entry.idle[0],
		busyWatts: entry.busy[0],
		link,
		sources: {
			'speeds.convolution': `0.8 × matmul; ${estimateMark}`,
			'speeds.depthwise': `0.15 × matmul; ${estimateMark}`,
			'speeds.matmul': entry.matmul[1],
			'speeds.elementwise': `memory bandwidth / 12 bytes per operation; ${estimateMark}`,
			'speeds.memory': entry.bandwidth[1],
			dispatchSeconds: entry.dispatch[1],
			cores: sheet,
			memoryBytes: entry.memory[1],
			idleWatts: entry.idle[1],
			busyWatts: entry.busy[1],
			...sources,
		},
		origin: 'library',
	};
}

const library: ReadonlyMap<string, DeviceProfile> = new Map(
	profileNames.map(name => [name, deepFreeze(build(name, entries[name]))]),
);

/**
 * The built-in profile of that name.
 * @throws FplError `DEVICE_UNKNOWN` with the nearest names.
 */
export function libraryProfile(name: string, where = 'device profile'): DeviceProfile {
	const profile = library.get(name);
	if (!profile) {
		const fix = suggestion(name, profileNames);
		throw new FplError('DEVICE_UNKNOWN', {
			where,
			problem: `there is no profile «${name.slice(0, 80)}»`,
			fix: fix ?? `Known are ${profileNames.join(', ')}.`,
		});
	}
	return profile;
}
