/** Takes chosen files out of a gzipped tar archive (POSIX ustar), one pass, in bounded memory. */
import {createReadStream} from 'node:fs';
import {open, rename, rm} from 'node:fs/promises';
import path from 'node:path';
import {createGunzip} from 'node:zlib';
import {makeFolder} from '../../../core/atomic-file.js';
import {FplError} from '../../../core/errors.js';

const block = 512;

/** Bytes from a stream in the portions that the reader asks for. */
class Source {
	readonly #chunks: AsyncIterator<Uint8Array>;
	#rest: Uint8Array = new Uint8Array(0);

	constructor(stream: AsyncIterable<Uint8Array>) {
		this.#chunks = stream[Symbol.asyncIterator]();
	}

	/** At most `count` bytes, at least one; undefined at the end. */
	async some(count: number): Promise<Uint8Array | undefined> {
		while (this.#rest.length === 0) {
			const next = await this.#chunks.next();
			if (next.done) {
				return undefined;
			}
			this.#rest = next.value;
		}
		const portion = this.#rest.subarray(0, count);
		this.#rest = this.#rest.subarray(portion.length);
		return portion;
	}

	/** Hands out exactly `count` bytes in portions; false when the archive ends before. */
	async each(count: number, use: (portion: Uint8Array) => Promise<void> | void): Promise<boolean> {
		for (let left = count; left > 0; ) {
			const portion = await this.some(left);
			if (portion === undefined) {
				return false;
			}
			await use(portion);
			left -= portion.length;
		}
		return true;
	}
}

const textOf = (header: Uint8Array, start: number, length: number) => {
	const field = header.subarray(start, start + length);
	const end = field.indexOf(0);
	return new TextDecoder('latin1').decode(end < 0 ? field : field.subarray(0, end));
};

/** The checksum counts its own field as spaces. */
function checksumHolds(header: Uint8Array): boolean {
	const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
	return Number.parseInt(textOf(header, 148, 8), 8) === sum;
}

async function extract(source: Source, archive: string, folder: string, wanted: Readonly<Record<string, number>>) {
	const missing = new Set(Object.keys(wanted));
	const broken = (problem: string) => new FplError('DATA_FORMAT', {where: archive, problem});
	const header = new Uint8Array(block);
	while (missing.size > 0) {
		let filled = 0;
		const whole = await source.each(block, portion => {
			header.set(portion, filled);
			filled += portion.length;
		});
		if (!whole || header.every(byte => byte === 0)) {
			throw broken(`it has no ${[...missing].join(', ')}`);
		}
		if (!checksumHolds(header)) {
			throw broken('it is no sound tar archive');
		}
		const size = Number.parseInt(textOf(header, 124, 12).trim(), 8);
		if (!Number.isSafeInteger(size) || size < 0) {
			throw broken('an entry has no valid length');
		}
		// Only the last part of the name counts, so that no entry can name a place outside the folder.
		const name = path.posix.basename(textOf(header, 0, 100));
		const isFile = header[156] === 0 || header[156] === 48;
		let complete: boolean;
		if (isFile && missing.has(name)) {
			if (size !== wanted[name]) {
				throw broken(`its ${name} has ${size} bytes instead of ${wanted[name]}`);
			}
			const handle = await open(path.join(folder, name), 'w');
			try {
				complete = await source.each(size, async portion => {
					await handle.appendFile(portion);
				});
				await handle.sync();
			} finally {
				await handle.close();
			}
			missing.delete(name);
		} else {
			complete = await source.each(size, () => {});
		}
		if (!complete || !(await source.each((block - (size % block)) % block, () => {}))) {
			throw broken('it ends too early');
		}
	}
}

/**
 * Puts the wanted files of an archive into a folder, which appears only when it is complete.
 * @param wanted file name → its exact length.
 * @throws FplError `DATA_FORMAT` when the archive is damaged or lacks one of them.
 */
export async function untar(archive: string, folder: string, wanted: Readonly<Record<string, number>>): Promise<void> {
	const temporary = `${folder}.part`;
	await rm(temporary, {recursive: true, force: true});
	await makeFolder(temporary);
	const raw = createReadStream(archive);
	const unpacked = raw.pipe(createGunzip({chunkSize: 1 << 18}));
	raw.on('error', error => unpacked.destroy(error));
	try {
		await extract(new Source(unpacked as AsyncIterable<Uint8Array>), archive, temporary, wanted);
		await rm(folder, {recursive: true, force: true});
		await rename(temporary, folder);
	} catch (error) {
		await rm(temporary, {recursive: true, force: true});
		throw error instanceof FplError
			? error
			: new FplError('DATA_FORMAT', {where: archive, problem: (error as Error).message}, {cause: error});
	} finally {
		raw.destroy();
		unpacked.destroy();
	}
}
