/** The fleet file: devices that are not here to be asked, by their profiles. Version 1; unknown keys are errors. */
import {z} from 'zod';
import {readConfig} from '../config/config.js';
import type {ConfigDocument} from '../config/document.js';
import {FplError} from '../errors.js';
import {expectedDevice, isId} from '../ids.js';
import {libraryProfile, profileNames} from './library.js';
import type {DeviceProfile} from './profile.js';
import {bounded, overrideProfile, overrideShape} from './schema.js';
import {profileWarnings} from './warnings.js';

const device = z.strictObject({
	id: z.string().refine(isId, expectedDevice),
	/** A built-in profile; every field of it can be overridden here. */
	profile: z.string().min(1).optional(),
	/** The data that it owns; devices without are no sources. */
	data: z.strictObject({samples: z.number().int().positive()}).optional(),
	...overrideShape,
});

export const fleetSchema = z.strictObject({
	version: z.literal(1),
	/** The machine of the broker, which every message passes. */
	broker: z
		.strictObject({
			link: z.strictObject({
				/** From the broker to all devices together. */
				up: bounded('rate'),
				/** From all devices together to the broker. */
				down: bounded('rate'),
				/** What the broker itself adds to a message. */
				latency: bounded('time').default(0),
			}),
		})
		.optional(),
	devices: z.array(device).min(1).max(10_000),
});

export interface DeclaredDevice {
	readonly device: string;
	readonly profile: DeviceProfile;
	/** Items of its own data; undefined: it has none. */
	readonly samples: number | undefined;
}

/** The broker's own link, which all devices share. */
export interface BrokerLink {
	/** From the broker to all devices together. */
	readonly upBytesPerSecond: number;
	/** From all devices together to the broker. */
	readonly downBytesPerSecond: number;
	/** What the broker itself adds to a message, besides the latencies of both devices' links. */
	readonly latencySeconds: number;
}

export interface DeclaredFleet {
	readonly devices: readonly DeclaredDevice[];
	/** undefined: the broker's link is never the narrow place. */
	readonly broker: BrokerLink | undefined;
	/** What to tell whoever plans on this fleet, one sentence each. */
	readonly warnings: readonly string[];
}

/**
 * A fleet file, its devices in its order.
 * @throws FplError `CONFIG_KEY`, `CONFIG_VALUE`, `DEVICE_UNKNOWN` with the place in the file.
 */
export function readFleet(document: ConfigDocument): DeclaredFleet {
	const {devices: written, broker} = readConfig(fleetSchema, {document});
	const ids = new Set<string>();
	const devices = written.map(({id, profile, data, ...overrides}, index): DeclaredDevice => {
		if (ids.has(id)) {
			const where = document.placeOf(['devices', index, 'id']);
			throw new FplError('CONFIG_VALUE', {where, problem: `device «${id}» is there already`});
		}
		ids.add(id);
		if (profile === undefined) {
			throw new FplError('CONFIG_VALUE', {
				where: document.placeOf(['devices', index]),
				problem: `nothing says what device «${id}» can do`,
				expected: `a «profile», one of ${profileNames.join(', ')}`,
				got: 'none',
				fix: 'Name the one that is most like it, and write down what differs; or start its agent, which measures it, and plan with «--live».',
			});
		}
		const base = libraryProfile(profile, document.placeOf(['devices', index, 'profile']));
		const placeOf = (field: string) => `${document.placeOf(['devices', index, field])} of «${id}»`;
		return {device: id, profile: overrideProfile(base, overrides, document.name, placeOf), samples: data?.samples};
	});
	return {
		devices,
		broker: broker && {
			upBytesPerSecond: broker.link.up,
			downBytesPerSecond: broker.link.down,
			latencySeconds: broker.link.latency,
		},
		warnings: devices.flatMap(({device: id, profile}) => profileWarnings(id, profile)),
	};
}
