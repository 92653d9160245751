/** The devices that are here, as the coordinator sees them. */
import {asFplError} from '../core/errors.js';
import type {DeviceId} from '../core/ids.js';
import type {Logger} from '../core/log.js';
import type {DeviceProfile} from '../core/profile/profile.js';
import {parseProfile} from '../core/profile/schema.js';
import type {Birth} from '../core/wire/presence/roster.js';
import {type PresenceWatch, type WatchOptions, watchPresence} from '../core/wire/presence/watch.js';

export interface FleetDevice {
	readonly device: DeviceId;
	readonly profile: DeviceProfile;
	readonly emulated: boolean;
	readonly engines: readonly string[];
	readonly datasets: readonly string[];
	/** Training items of its own, of the datasets of which it says so. */
	readonly holdings: readonly {readonly dataset: string; readonly items: number}[];
	/** Undefined: it does not say. */
	readonly codecs: readonly string[] | undefined;
	readonly softwareVersion: string;
	/** The run it works for; undefined when idle. */
	readonly run: string | undefined;
	/** When it joined, milliseconds since 1970. */
	readonly since: number;
}

export interface FleetFollower {
	readonly joined: (device: FleetDevice) => void;
	readonly left: (device: DeviceId) => void;
	/** It works for this run no more, and for no other one. */
	readonly freed: (device: DeviceId, from: string) => void;
}

type FleetOptions = Omit<WatchOptions, 'onJoin' | 'onUpdate' | 'onLeave'> &
	Required<Pick<WatchOptions, 'clock' | 'logger'>>;

export class Fleet {
	readonly #devices = new Map<DeviceId, FleetDevice>();
	readonly #followers = new Set<FleetFollower>();
	#watch: PresenceWatch | undefined;

	static async watch(options: FleetOptions): Promise<Fleet> {
		const fleet = new Fleet();
		const set = (birth: Birth, since: number): FleetDevice | undefined => {
			const device = readBirth(birth, since, options.logger);
			if (device) {
				fleet.#devices.set(birth.device, device);
			}
			return device;
		};
		fleet.#watch = await watchPresence({
			...options,
			onJoin: birth => {
				const device = set(birth, options.clock.now());
				for (const follower of device ? fleet.#followers : []) {
					follower.joined(device!);
				}
			},
			onUpdate: birth => {
				const before = fleet.#devices.get(birth.device);
				const device = set(birth, before?.since ?? options.clock.now());
				for (const follower of before?.run !== undefined && device?.run === undefined ? fleet.#followers : []) {
					follower.freed(birth.device, before!.run!);
				}
			},
			onLeave: ({device}) => {
				fleet.#devices.delete(device);
				for (const follower of fleet.#followers) {
					follower.left(device);
				}
			},
		});
		return fleet;
	}

	list(): readonly FleetDevice[] {
		return [...this.#devices.values()].sort((a, b) => a.device.localeCompare(b.device));
	}

	find(device: string): FleetDevice | undefined {
		return this.#devices.get(device as DeviceId);
	}

	/** Devices that work for no run. */
	idle(): DeviceId[] {
		return this.list().flatMap(({device, run}) => (run === undefined ? [device] : []));
	}

	/** Answers its cancellation. */
	follow(follower: FleetFollower): () => void {
		this.#followers.add(follower);
		return () => this.#followers.delete(follower);
	}

	async close(): Promise<void> {
		await this.#watch?.close();
	}
}

/** Undefined, with a warning, when the profile in it cannot be understood. */
function readBirth(birth: Birth, since: number, logger: Logger): FleetDevice | undefined {
	const {device, engines, datasets, holdings = [], codecs, softwareVersion, run, emulated} = birth;
	try {
		const profile = parseProfile(JSON.parse(birth.profile), `profile of ${device}`);
		return {
			device,
			profile,
			emulated: emulated !== '',
			engines,
			datasets,
			holdings,
			codecs: codecs.length > 0 ? codecs : undefined,
			softwareVersion,
			run: run === '' ? undefined : run,
			since,
		};
	} catch (error) {
		logger.warn(`${device} is ignored: ${asFplError(error).message}`);
		return undefined;
	}
}
