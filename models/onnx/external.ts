/** Tensor data that lie in files beside the model. */
import {closeSync, fstatSync, openSync, readSync, realpathSync} from 'node:fs';
import path from 'node:path';
import {FplError} from '../../core/errors.js';
import type {StringStringEntryProto} from './onnx_pb.js';

interface OpenFile {
	readonly descriptor: number;
	readonly size: number;
	/** Bytes that may still be read: regions of tensors do not overlap, so together they fit in the file. */
	left: number;
	/** Regions read before, by `offset:length`, for tensors that share one. */
	readonly regions: Map<string, Uint8Array<ArrayBuffer>>;
}

export class ExternalData {
	private readonly directory: string | undefined;
	private readonly files = new Map<string, OpenFile>();

	/** @param directory where the model lies; undefined: it came as bytes, and has no neighbours. */
	constructor(directory: string | undefined) {
		this.directory = directory;
	}

	/**
	 * The bytes of one tensor.
	 * @param expected their number, from dtype and shape.
	 * @throws FplError `MODEL_FILE` when the location leaves the directory or the region leaves the file.
	 */
	read(entries: readonly StringStringEntryProto[], expected: number, where: string): Uint8Array<ArrayBuffer> {
		const fields = new Map(entries.map(({key = '', value = ''}) => [key, value]));
		const file = this.open(fields.get('location') ?? '', where);
		const offset = Number(fields.get('offset') ?? 0);
		const length = Number(fields.get('length') ?? expected);
		if (!Number.isSafeInteger(offset) || offset < 0 || length !== expected || offset + length > file.size) {
			throw new FplError('MODEL_FILE', {
				where,
				problem: 'its external data are not where the model says',
				expected: `${expected} bytes within the file's ${file.size}`,
				got: `${fields.get('length') ?? expected} bytes at ${fields.get('offset') ?? 0}`,
			});
		}
		const key = `${offset}:${length}`;
		const known = file.regions.get(key);
		if (known !== undefined) {
			return known;
		}
		if (length > file.left) {
			throw new FplError('MODEL_FILE', {where, problem: 'the external data of several tensors overlap'});
		}
		file.left -= length;
		const bytes = readRegion(file, offset, length, where);
		file.regions.set(key, bytes);
		return bytes;
	}

	close(): void {
		for (const {descriptor} of this.files.values()) {
			closeSync(descriptor);
		}
		this.files.clear();
	}

	private open(location: string, where: string): OpenFile {
		const known = this.files.get(location);
		if (known !== undefined) {
			return known;
		}
		const descriptor = openSync(this.resolve(location, where), 'r');
		const stats = fstatSync(descriptor);
		if (!stats.isFile()) {
			closeSync(descriptor);
			throw new FplError('MODEL_FILE', {where, problem: 'its external data are not in a regular file'});
		}
		const file = {descriptor, size: stats.size, left: stats.size, regions: new Map()};
		this.files.set(location, file);
		return file;
	}

	/** The real path of the file, which must lie below the model's directory, symbolic links included. */
	private resolve(location: string, where: string): string {
		if (this.directory === undefined) {
			throw new FplError('MODEL_FILE', {
				where,
				problem: 'the model keeps its weights in another file, which was not given',
				fix: 'Open the model by its path',
			});
		}
		const refuse = (problem: string, cause?: unknown) =>
			new FplError('MODEL_FILE', {where, problem, got: JSON.stringify(location.slice(0, 200))}, {cause});
		if (location === '' || path.isAbsolute(location) || location.includes('\0')) {
			throw refuse('the file of its external data must be named relative to the model');
		}
		try {
			const home = realpathSync(this.directory);
			const real = realpathSync(path.join(home, location));
			if (!path.relative(home, real).startsWith('..') && !path.isAbsolute(path.relative(home, real))) {
				return real;
			}
		} catch (error) {
			throw refuse('the file of its external data cannot be opened', error);
		}
		throw refuse('the file of its external data lies outside the model’s folder');
	}
}

function readRegion(file: OpenFile, offset: number, length: number, where: string): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(length);
	let done = 0;
	while (done < length) {
		const count = readSync(file.descriptor, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
		if (count === 0) {
			throw new FplError('MODEL_FILE', {where, problem: 'the file of its external data ended early'});
		}
		done += count;
	}
	return bytes;
}
