/** What the tests of datasets share: files in the formats under test, and where real data are. */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';
import type {ExecutionContext} from 'ava';
import {type ErrorCode, FplError, isFplError} from '../../../core/errors.js';

export async function file(folder: string, name: string, contents: Uint8Array | string): Promise<string> {
	const target = path.join(folder, name);
	await writeFile(target, name.endsWith('.gz') ? gzipSync(contents) : contents);
	return target;
}

/** An IDX file: type code, dimensions, elements as bytes. */
export function idxBytes(type: number, shape: readonly number[], elements: ArrayLike<number>): Buffer {
	const header = Buffer.alloc(4 + 4 * shape.length);
	header[2] = type;
	header[3] = shape.length;
	for (const [axis, dim] of shape.entries()) {
		header.writeUInt32BE(dim, 4 + 4 * axis);
	}
	return Buffer.concat([header, Uint8Array.from(elements)]);
}

/** A `.npy` file, version 1 unless told otherwise. */
export function npyBytes(
	descr: string,
	shape: readonly number[],
	data: Uint8Array,
	{fortran = false, version = 1} = {},
): Buffer {
	const dims = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
	const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${dims}, }`;
	const head = version === 1 ? 10 : 12;
	const length = Math.ceil((head + text.length + 1) / 64) * 64 - head;
	const header = Buffer.alloc(head);
	header.write('\x93NUMPY', 'latin1');
	header[6] = version;
	if (version === 1) {
		header.writeUInt16LE(length, 8);
	} else {
		header.writeUInt32LE(length, 8);
	}
	return Buffer.concat([header, Buffer.from(`${text.padEnd(length - 1)}\n`), data]);
}

/** Asserts that the promise rejects with this code and a text that matches. */
export async function rejects(
	t: ExecutionContext,
	promise: Promise<unknown>,
	code: ErrorCode,
	text: RegExp,
): Promise<void> {
	const error = await t.throwsAsync(promise, {instanceOf: FplError});
	t.true(isFplError(error, code), `${error}`);
	t.regex(error?.message ?? '', text);
}

/** The folder with real data, which is not part of the project: `$FPL_DATA_DIR`, or `../shared/data` beside it. */
export const realData =
	process.env['FPL_DATA_DIR'] ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
