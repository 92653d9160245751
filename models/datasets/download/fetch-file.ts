/** One file from one address: resumed where it was broken off, checked, and put in its place at once. */
import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {type FileHandle, open, rename, rm, stat} from 'node:fs/promises';
import type {Clock} from '../../../core/clock.js';
import {FplError} from '../../../core/errors.js';
import type {SourceFile} from './sources.js';

export interface FetchFileOptions {
	readonly fetch: typeof globalThis.fetch;
	readonly clock: Clock;
	/** Longest silence of the server, ms. */
	readonly stallMs: number;
	readonly signal: AbortSignal | undefined;
	/** Bytes of this file that are here, resumed ones included. */
	readonly onBytes: (received: number) => void;
}

const lengthOf = (file: string): Promise<number> =>
	stat(file).then(
		info => info.size,
		() => 0,
	);

export async function sha256Of(file: string): Promise<string> {
	const hash = createHash('sha256');
	for await (const chunk of createReadStream(file, {highWaterMark: 1 << 20}) as AsyncIterable<Uint8Array>) {
		hash.update(chunk);
	}
	return hash.digest('hex');
}

/** Whether the file is there, whole and unchanged. */
export const isWhole = async (file: string, {bytes, sha256}: SourceFile): Promise<boolean> =>
	(await lengthOf(file)) === bytes && (await sha256Of(file)) === sha256;

const failed = (address: string, problem: string, cause?: unknown) =>
	new FplError(
		'DATA_DOWNLOAD',
		{where: address, problem, fix: 'Check the connection and try again; what has arrived is kept.'},
		{cause},
	);

/** The reason at the bottom: `fetch failed` alone says nothing. */
function reasonOf(error: unknown): string {
	let reason = error instanceof Error ? error : new Error(String(error));
	while (reason.cause instanceof Error) {
		reason = reason.cause;
	}
	const {code} = reason as NodeJS.ErrnoException;
	return reason.message || code || 'the connection failed';
}

/** Aborts when nobody calls `alive` for so long. */
function watchdog({clock, stallMs, signal}: FetchFileOptions) {
	const controller = new AbortController();
	const onAbort = () => controller.abort(signal?.reason);
	signal?.addEventListener('abort', onAbort, {once: true});
	if (signal?.aborted) {
		onAbort();
	}
	let stalled = false;
	const start = () =>
		clock.after(stallMs, () => {
			stalled = true;
			controller.abort();
		});
	let cancel = start();
	return {
		signal: controller.signal,
		stalled: () => stalled,
		alive() {
			cancel();
			cancel = start();
		},
		stop() {
			cancel();
			signal?.removeEventListener('abort', onAbort);
		},
	};
}

async function receive(source: SourceFile, part: FileHandle, start: number, options: FetchFileOptions): Promise<void> {
	const {address, bytes} = source;
	const dog = watchdog(options);
	try {
		const response = await options.fetch(address, {
			signal: dog.signal,
			// Unpacked on the way, the file would not be the one whose hash is known.
			headers: {'accept-encoding': 'identity', ...(start > 0 && {range: `bytes=${start}-`})},
		});
		if (!response.ok || response.body === null) {
			await response.body?.cancel();
			throw failed(address, `the server answered ${response.status} ${response.statusText}`.trim());
		}
		const resumed = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${start}-`);
		let received = resumed ? start : 0;
		if (!resumed) {
			await part.truncate(0);
		}
		for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
			dog.alive();
			if (received + chunk.length > bytes) {
				await part.truncate(0);
				throw failed(address, `the file is longer than the published ${bytes} bytes`);
			}
			await part.write(chunk, 0, chunk.length, received);
			received += chunk.length;
			options.onBytes(received);
		}
		if (received < bytes) {
			throw failed(address, `the connection ended after ${received} of ${bytes} bytes`);
		}
	} catch (error) {
		if (options.signal?.aborted) {
			throw new FplError('INTERRUPTED', {where: address}, {cause: error});
		}
		if (dog.stalled()) {
			throw failed(address, `nothing came for ${options.stallMs / 1000} s`, error);
		}
		throw error instanceof FplError ? error : failed(address, reasonOf(error), error);
	} finally {
		dog.stop();
	}
}

/**
 * Downloads a file to `target`, by way of `<target>.part`, which a broken download leaves and the next one continues.
 * @throws FplError `DATA_DOWNLOAD` when the server cannot be reached, answers wrongly, falls silent, or sends another file;
 * `INTERRUPTED` when the signal aborts.
 */
export async function fetchFile(source: SourceFile, target: string, options: FetchFileOptions): Promise<void> {
	const temporary = `${target}.part`;
	const here = await lengthOf(temporary);
	const part = await open(temporary, here > 0 ? 'r+' : 'w');
	try {
		// A part that is as long as the whole was broken off before its check, or is wrong; the check below tells.
		if (here !== source.bytes) {
			const start = here < source.bytes ? here : 0;
			options.onBytes(start);
			await receive(source, part, start, options);
		}
		await part.sync();
	} finally {
		await part.close();
	}
	const digest = await sha256Of(temporary);
	if (digest !== source.sha256) {
		await rm(temporary, {force: true});
		throw new FplError('DATA_DOWNLOAD', {
			where: source.address,
			problem: 'the file is not the published one, and was removed',
			expected: `SHA-256 ${source.sha256}`,
			got: digest,
		});
	}
	await rename(temporary, target);
}
