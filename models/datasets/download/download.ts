/** Downloads datasets from their official addresses into this machine's data folder. */
import {rm, stat} from 'node:fs/promises';
import path from 'node:path';
import {fileProblem, makeFolder} from '../../../core/atomic-file.js';
import {type Clock, systemClock} from '../../../core/clock.js';
import {FplError} from '../../../core/errors.js';
import {fetchFile, isWhole} from './fetch-file.js';
import {type DownloadName, officialSources, type Source, type Sources} from './sources.js';
import {untar} from './untar.js';

export interface Progress {
	/** The file that is under way. */
	readonly file: string;
	/** Bytes of all files that are here, and that there will be. */
	readonly received: number;
	readonly total: number;
}

export interface DownloadOptions {
	/** The folder that gets a folder of the dataset's name; see `userDataFolder`. */
	readonly directory: string;
	readonly onProgress?: (progress: Progress) => void;
	readonly signal?: AbortSignal;
	/** Longest silence of a server before the download is given up, ms. Default 30,000. */
	readonly stallMs?: number;
	readonly sources?: Sources;
	readonly fetch?: typeof globalThis.fetch;
	readonly clock?: Clock;
}

async function isUnpacked(folder: string, {unpack}: Source): Promise<boolean> {
	if (unpack === undefined) {
		return false;
	}
	const lengths = Object.entries(unpack.files).map(([name, bytes]) =>
		stat(path.join(folder, unpack.folder, name)).then(
			info => info.size === bytes,
			() => false,
		),
	);
	return (await Promise.all(lengths)).every(Boolean);
}

const diskError = (where: string, error: unknown) =>
	error instanceof FplError
		? error
		: new FplError('DATA_DOWNLOAD', {where, problem: fileProblem(error)}, {cause: error});

/**
 * Makes sure that a dataset is here: files that are whole already are not fetched again.
 * @returns the dataset's folder.
 * @throws FplError `DATA_DOWNLOAD` when a file cannot be fetched, is not the published one, or cannot be written;
 * `DATA_FORMAT` for a damaged archive; `INTERRUPTED` when the signal aborts.
 */
export async function downloadDataset(name: DownloadName, options: DownloadOptions): Promise<string> {
	const {directory, onProgress, signal, stallMs = 30_000, sources = officialSources} = options;
	const source = sources[name];
	const folder = path.join(directory, name);
	const total = source.files.reduce((sum, {bytes}) => sum + bytes, 0);
	try {
		await makeFolder(folder);
		if (await isUnpacked(folder, source)) {
			return folder;
		}
		let before = 0;
		for (const file of source.files) {
			const target = path.join(folder, file.name);
			const report = (received: number) => onProgress?.({file: file.name, received: before + received, total});
			if (!(await isWhole(target, file))) {
				await fetchFile(file, target, {
					fetch: options.fetch ?? globalThis.fetch,
					clock: options.clock ?? systemClock,
					stallMs,
					signal,
					onBytes: report,
				});
			}
			report(file.bytes);
			before += file.bytes;
		}
		if (source.unpack !== undefined) {
			const archive = path.join(folder, source.files[0]!.name);
			await untar(archive, path.join(folder, source.unpack.folder), source.unpack.files);
			await rm(archive, {force: true});
		}
	} catch (error) {
		throw diskError(folder, error);
	}
	return folder;
}
