/** The profile that a device measured of itself, kept in its folder: measuring takes seconds and is done once. */
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {makeFolder, writeAtomically} from '../../core/atomic-file.js';
import {asFplError} from '../../core/errors.js';
import type {Logger} from '../../core/log.js';
import type {DeviceProfile} from '../../core/profile/profile.js';
import {parseProfile} from '../../core/profile/schema.js';
import {type MeasuredLink, probeDevice, probeText} from '../../edge-agent/probe.js';
import type {Engine} from '../../models/engines/engine.js';

export interface OwnProfileOptions {
	readonly id: string;
	readonly folder: string;
	readonly engine: Engine;
	readonly link?: () => Promise<MeasuredLink>;
	readonly logger: Logger;
	/** Measures again even if there is a kept one. */
	readonly fresh?: boolean;
}

const fileName = 'profile.json';

const keptSchema = z.object({engine: z.string(), profile: z.unknown()});

/** @throws FplError when the engine cannot measure. A kept profile of another engine or in another form is measured anew. */
export async function ownProfile({
	id,
	folder,
	engine,
	link,
	logger,
	fresh = false,
}: OwnProfileOptions): Promise<DeviceProfile> {
	const file = path.join(folder, fileName);
	if (!fresh) {
		try {
			const kept = keptSchema.parse(JSON.parse(await readFile(file, 'utf8')));
			if (kept.engine === engine.description) {
				return parseProfile(kept.profile, file);
			}
		} catch {
			// None yet, or one of an earlier version: measure.
		}
	}
	const profile = await probeDevice({name: id, engine, ...(link && {link: () => measured(link, logger)})});
	logger.info(`measured this device: ${probeText(profile)}`);
	await keepProfile(folder, engine, profile);
	return profile;
}

/** For the agent of that folder, when it starts the next time with the same engine. @throws FplError `FILE_WRITE` */
export async function keepProfile(folder: string, engine: Engine, profile: DeviceProfile): Promise<void> {
	await makeFolder(folder);
	const kept = JSON.stringify({engine: engine.description, profile}, null, '\t');
	await writeAtomically(path.join(folder, fileName), [Buffer.from(`${kept}\n`)]);
}

async function measured(link: () => Promise<MeasuredLink>, logger: Logger): Promise<MeasuredLink> {
	try {
		return await link();
	} catch (error) {
		logger.warn(`the link was not measured: ${asFplError(error).message}`);
		throw error;
	}
}
