/** What a device can do and what it costs. Every number of a built-in profile carries its source. */

/** Classes of operators whose speed differs enough to be measured apart. */
export const opClasses = ['convolution', 'depthwise', 'matmul', 'elementwise', 'memory'] as const;
export type OpClass = (typeof opClasses)[number];

export type Medium = 'ethernet' | 'wifi' | 'lte' | 'lora' | 'loopback';

export interface LinkProfile {
	/** From the device to the broker, bytes/s. */
	readonly upBytesPerSecond: number;
	readonly downBytesPerSecond: number;
	/** One way, to the broker. */
	readonly latencySeconds: number;
	readonly medium: Medium;
	/** Energy of the device's own radio or wire, joules per byte. */
	readonly joulesPerByteUp: number;
	readonly joulesPerByteDown: number;
	/** Power drawn while the link is in use, besides the energy per byte. */
	readonly activeWatts: number;
}

export interface DeviceProfile {
	/** `raspberry-pi-4b`, or the agent's id when it measured itself. */
	readonly name: string;
	/** Effective FLOP/s by class, fp32, all cores; `memory` in bytes/s. */
	readonly speeds: Readonly<Record<OpClass, number>>;
	/** Fixed time per operator call, seconds. */
	readonly dispatchSeconds: number;
	readonly cores: number;
	readonly memoryBytes: number;
	/** Power when nothing runs, and with all cores busy. */
	readonly idleWatts: number;
	readonly busyWatts: number;
	readonly link: LinkProfile;
	/** Stored energy, joules; undefined: mains. */
	readonly batteryJoules?: number;
	/** Field → where its number comes from. */
	readonly sources: Readonly<Record<string, string>>;
	/** `measured` by a probe, from the built-in `library`, or `declared` in a fleet file. */
	readonly origin: 'measured' | 'library' | 'declared';
}
