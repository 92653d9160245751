/** The devices and links that a plan is evaluated on. */
import type {DeviceProfile} from '../profile/profile.js';
import type {PassTimes} from './pass-times.js';

export interface CostDevice {
	readonly device: string;
	readonly profile: DeviceProfile;
	/** Passes of the model in question on it. */
	readonly times: PassTimes;
	/** Items of its own; undefined: it owns no data. */
	readonly samples: number | undefined;
	/** Share of its cores that computing uses, in (0, 1]. */
	readonly utilisation: number;
	/** Price while it takes part, USD per second. */
	readonly pricePerSecond: number;
	/** Whether its profile is emulated on another machine. */
	readonly emulated: boolean;
}

/** The machine that all messages go through, with the parameter server and the coordinator. */
export interface CostBroker {
	/** What all links together can bring in and out, bytes/s; infinite where nobody says. */
	readonly inBytesPerSecond: number;
	readonly outBytesPerSecond: number;
	/** Taking one float32 element into a mean and updating it, seconds. */
	readonly secondsPerElement: number;
	/** Deciding on the next step once the last report is there, seconds. */
	readonly secondsPerStep: number;
}

/** How messages are made, which every link has in common. */
export interface Messaging {
	readonly chunkBytes: number;
	/** Software of sender, broker and receiver per message, seconds. */
	readonly secondsPerMessage: number;
	/** Fewer pieces that transfers are divided into make evaluating faster and coarser; by default up to 64. */
	readonly mostPieces?: number;
}

export interface CostFleet {
	readonly devices: readonly CostDevice[];
	readonly broker: CostBroker;
	readonly messaging: Messaging;
}

/**
 * A broker whose machine is no bottleneck. Times are those of two cores of a current server with the fog broker and four agents
 * on it, fitted to measured steps (docs/cost-model.md, «Constants»).
 */
export const defaultBroker: CostBroker = {
	inBytesPerSecond: Number.POSITIVE_INFINITY,
	outBytesPerSecond: Number.POSITIVE_INFINITY,
	secondsPerElement: 20e-9,
	secondsPerStep: 5e-3,
};

/** `secondsPerMessage` contains about a millisecond of timers: those of emulated links. */
export const defaultMessaging: Messaging = {chunkBytes: 256 * 1024, secondsPerMessage: 1.5e-3};

const byName = new WeakMap<CostFleet, ReadonlyMap<string, CostDevice>>();

/** The devices of a fleet by name; planners ask for those of the same fleet thousands of times. */
export function devicesByName(fleet: CostFleet): ReadonlyMap<string, CostDevice> {
	let devices = byName.get(fleet);
	if (!devices) {
		devices = new Map(fleet.devices.map(device => [device.device, device]));
		byName.set(fleet, devices);
	}
	return devices;
}
