/**
 * Reads a whole data file, gzipped or not, within bounds: what a header promises is compared with what the file can hold
 * before memory is taken for it.
 */
import {createReadStream} from 'node:fs';
import {open, stat} from 'node:fs/promises';
import {createGunzip} from 'node:zlib';
import {FplError} from '../../../core/errors.js';

export interface ReadOptions {
	/** Bytes at the start that `total` wants to see; fewer are given when the file is shorter. Default 0. */
	readonly head?: number;
	/** The exact length that these first bytes promise; it may throw. Without it any length up to `maximum` is fine. */
	readonly total?: (head: Uint8Array) => number;
	/** Most bytes to hold, 1 GiB by default. */
	readonly maximum?: number;
}

/** deflate encodes at most 1032 bytes in one. */
const mostInflated = 1032;

export const formatError = (file: string, facts: {expected?: string; got?: string; problem?: string; fix?: string}) =>
	new FplError('DATA_FORMAT', {where: file, ...facts});

const fileError = (file: string, error: unknown): FplError => {
	if (error instanceof FplError) {
		return error;
	}
	const {code, message} = error as NodeJS.ErrnoException;
	return code?.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE'
		? new FplError('DATA_FORMAT', {where: file, problem: `it is no sound gzip file (${message})`}, {cause: error})
		: new FplError('DATA_FILE', {where: file, problem: message}, {cause: error});
};

async function facts(file: string): Promise<{readonly size: number; readonly gzipped: boolean}> {
	const info = await stat(file);
	if (!info.isFile()) {
		throw new FplError('DATA_FILE', {where: file, problem: 'it is not a file'});
	}
	const handle = await open(file, 'r');
	try {
		const magic = new Uint8Array(2);
		await handle.read(magic, 0, 2, 0);
		return {size: info.size, gzipped: magic[0] === 0x1f && magic[1] === 0x8b};
	} finally {
		await handle.close();
	}
}

/** Collects chunks into memory that grows by doubling, or into exactly the promised bytes. */
class Collector {
	#buffer = new Uint8Array(0);
	#length = 0;

	get length(): number {
		return this.#length;
	}

	get bytes(): Uint8Array {
		return this.#buffer.subarray(0, this.#length);
	}

	reserve(capacity: number): void {
		if (this.#buffer.length < capacity) {
			const larger = new Uint8Array(capacity);
			larger.set(this.bytes);
			this.#buffer = larger;
		}
	}

	add(chunk: Uint8Array): void {
		if (this.#length + chunk.length > this.#buffer.length) {
			this.reserve(Math.max(2 * this.#buffer.length, this.#length + chunk.length));
		}
		this.#buffer.set(chunk, this.#length);
		this.#length += chunk.length;
	}
}

async function collect(file: string, {head = 0, total, maximum = 2 ** 30}: ReadOptions): Promise<Uint8Array> {
	const {size, gzipped} = await facts(file);
	const possible = gzipped ? size * mostInflated : size;
	const collector = new Collector();
	let promised: number | undefined;
	const settle = () => {
		if (total !== undefined && promised === undefined) {
			promised = total(collector.bytes.subarray(0, head));
			if (promised > maximum) {
				throw formatError(file, {
					problem: 'it is larger than allowed',
					expected: `at most ${maximum} bytes`,
					got: `${promised}`,
				});
			}
			if (promised > possible) {
				const expected = `${promised} bytes, as its header says`;
				throw formatError(file, {
					problem: 'it ends too early',
					expected,
					got: gzipped ? `${size} gzipped ones` : `${size}`,
				});
			}
			collector.reserve(promised);
		}
	};
	const raw = createReadStream(file, {highWaterMark: 1 << 18});
	const stream = gzipped ? raw.pipe(createGunzip({chunkSize: 1 << 18})) : raw;
	raw.on('error', error => stream.destroy(error));
	try {
		for await (const chunk of stream as AsyncIterable<Uint8Array>) {
			if (collector.length + chunk.length > (promised ?? maximum)) {
				const problem = promised === undefined ? 'it is larger than allowed' : 'it goes on after its last item';
				throw formatError(file, {problem, expected: `${promised ?? `at most ${maximum}`} bytes`});
			}
			collector.add(chunk);
			if (collector.length >= head) {
				settle();
			}
		}
	} finally {
		raw.destroy();
		stream.destroy();
	}
	settle();
	if (promised !== undefined && collector.length !== promised) {
		const problem = collector.length < promised ? 'it ends too early' : 'it goes on after its last item';
		throw formatError(file, {problem, expected: `${promised} bytes`, got: `${collector.length}`});
	}
	return collector.bytes;
}

/**
 * The contents of a file, unpacked when they are gzip (told by their first bytes, not by the name).
 * @throws FplError `DATA_FILE` when it cannot be read; `DATA_FORMAT` when it is no sound gzip, too large, or of another
 * length than its header promises.
 */
export async function readDataFile(file: string, options: ReadOptions = {}): Promise<Uint8Array> {
	try {
		return await collect(file, options);
	} catch (error) {
		throw fileError(file, error);
	}
}
