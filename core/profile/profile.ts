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

/** Speeds with fewer threads than cores. */
export interface ThreadSpeeds {
	readonly threads: number;
	readonly speeds: Readonly<Record<OpClass, number>>;
}

/** The way from this device through the broker to another one, and back, as it was measured. */
export interface PeerLink {
	/** Id of the other device. */
	readonly peer: string;
	/** One way: half of a round trip. */
	readonly latencySeconds: number;
	readonly bytesPerSecond: number;
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
	/** Of having the device for an hour, US dollars; undefined: it costs nothing, or nobody said what. */
	readonly pricePerHour?: number;
	/** Ascending in `threads`; undefined: not measured. `speeds` are those with all cores. */
	readonly scaling?: readonly ThreadSpeeds[];
	/** Ways to other devices that were measured; undefined: none was. */
	readonly pairs?: readonly PeerLink[];
	/** Field → where its number comes from. */
	readonly sources: Readonly<Record<string, string>>;
	/** `measured` by a probe, from the built-in `library`, or `declared` in a fleet file. */
	readonly origin: 'measured' | 'library' | 'declared';
}
