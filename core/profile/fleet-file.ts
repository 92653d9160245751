/** The fleet file: devices that are not here to be asked, by their profiles. Version 1; unknown keys are errors. */
import {z} from 'zod';
import {readConfig} from '../config/config.js';
import type {ConfigDocument} from '../config/document.js';
import {FplError} from '../errors.js';
import {isId} from '../ids.js';
import {libraryProfile} from './library.js';
import type {DeviceProfile} from './profile.js';
import {overrideProfile, overrideShape} from './schema.js';

const device = z.strictObject({
	id: z.string().refine(isId, 'expected a device id'),
	/** A built-in profile; every field of it can be overridden here. */
	profile: z.string().min(1),
	/** The data that it owns; devices without are no sources. */
	data: z.strictObject({samples: z.number().int().positive()}).optional(),
	...overrideShape,
});

export const fleetSchema = z.strictObject({
	version: z.literal(1),
	devices: z.array(device).min(1).max(10_000),
});

export interface DeclaredDevice {
	readonly device: string;
	readonly profile: DeviceProfile;
	/** Items of its own data; undefined: it has none. */
	readonly samples: number | undefined;
}

/**
 * The devices of a fleet file, in its order.
 * @throws FplError `CONFIG_KEY`, `CONFIG_VALUE`, `DEVICE_UNKNOWN` with the place in the file.
 */
export function readFleet(document: ConfigDocument): readonly DeclaredDevice[] {
	const {devices} = readConfig(fleetSchema, {document});
	const ids = devices.map(({id}) => id);
	return devices.map(({id, profile, data, ...overrides}, index) => {
		const where = document.placeOf(['devices', index, 'id']);
		if (ids.indexOf(id) !== index) {
			throw new FplError('CONFIG_VALUE', {where, problem: `device «${id}» is there already`});
		}
		const base = libraryProfile(profile, document.placeOf(['devices', index, 'profile']));
		return {device: id, profile: overrideProfile(base, overrides, document.name), samples: data?.samples};
	});
}
