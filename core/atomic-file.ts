/** Files that are either wholly there or not at all, after a crash at any moment. */
import {access, constants, type FileHandle, mkdir, open, rename, rm, stat} from 'node:fs/promises';
import path from 'node:path';
import {FplError} from './errors.js';

/** The part of the file system that writing needs; tests pass one whose disk is full. */
export interface FileWriter {
	open(file: string, flags: 'w'): Promise<Pick<FileHandle, 'write' | 'sync' | 'close'>>;
	rename(from: string, to: string): Promise<void>;
	remove(file: string): Promise<void>;
	/** Makes a rename durable. */
	syncDirectory(directory: string): Promise<void>;
}

export const systemFiles: FileWriter = {
	open: (file, flags) => open(file, flags),
	rename: (from, to) => rename(from, to),
	remove: file => rm(file, {force: true}),
	async syncDirectory(directory) {
		const handle = await open(directory, 'r');
		try {
			await handle.sync();
		} finally {
			await handle.close();
		}
	},
};

const problems: Readonly<Record<string, string>> = {
	ENOENT: 'there is no such file or folder',
	ENOTDIR: 'a part of the path is a file and no folder',
	EISDIR: 'it is a folder',
	EEXIST: 'there is a file of this name',
	EACCES: 'the access rights forbid it',
	EPERM: 'the system does not permit it',
	EROFS: 'the file system is read-only',
	ENOSPC: 'the disk is full',
	EDQUOT: "this user's share of the disk is used up",
	EMFILE: 'too many files are open',
};

/** What is wrong with a file, in words, from what the system said. */
export function fileProblem(error: unknown): string {
	const code = error instanceof Error && 'code' in error ? String(error.code) : '';
	return problems[code] ?? (error instanceof Error ? error.message : String(error));
}

const failed = (where: string, error: unknown): FplError =>
	new FplError('FILE_WRITE', {where, problem: fileProblem(error)}, {cause: error});

/** Makes a folder and those above it, unless they are there, and sees that it can be written. @throws FplError `FILE_WRITE`. */
export async function makeFolder(directory: string): Promise<void> {
	try {
		await makeLevels(path.resolve(directory));
		await access(directory, constants.W_OK);
	} catch (error) {
		throw failed(directory, error);
	}
}

/** Sees that a file can be written, before work begins whose result is to go there. @throws FplError `FILE_WRITE`. */
export async function checkWritable(file: string): Promise<void> {
	try {
		await access(path.dirname(path.resolve(file)), constants.W_OK);
		if ((await stat(file).catch(() => undefined))?.isDirectory()) {
			throw Object.assign(new Error('a folder'), {code: 'EISDIR'});
		}
	} catch (error) {
		throw failed(file, error);
	}
}

/** Level by level: where a file system refuses a folder as if its parent were missing, as /proc does, Node tries for ever. */
async function makeLevels(directory: string): Promise<void> {
	const what = (name: string) => stat(name).catch(() => undefined);
	if ((await what(directory))?.isDirectory()) {
		return;
	}
	const parent = path.dirname(directory);
	if (parent !== directory && !(await what(parent))) {
		await makeLevels(parent);
	}
	try {
		await mkdir(directory);
	} catch (error) {
		// Somebody else may have made it just now.
		if (!(await what(directory))?.isDirectory()) {
			throw error;
		}
	}
}

/** A nearly full disk takes a part of a write without an error. */
async function writeAll(handle: Pick<FileHandle, 'write'>, bytes: Uint8Array): Promise<void> {
	for (let done = 0; done < bytes.length; ) {
		const {bytesWritten} = await handle.write(bytes.subarray(done));
		if (bytesWritten === 0) {
			throw new Error('nothing more can be written');
		}
		done += bytesWritten;
	}
}

/**
 * Writes the parts one after the other to a temporary file beside `file`, then renames it into place.
 * @throws FplError `FILE_WRITE`; what was there before is then untouched.
 */
export async function writeAtomically(
	file: string,
	parts: readonly Uint8Array[],
	files: FileWriter = systemFiles,
): Promise<void> {
	const temporary = `${file}.${process.pid}.tmp`;
	try {
		const handle = await files.open(temporary, 'w');
		try {
			for (const part of parts) {
				await writeAll(handle, part);
			}
			await handle.sync();
		} finally {
			await handle.close();
		}
		await files.rename(temporary, file);
		await files.syncDirectory(path.dirname(file));
	} catch (error) {
		await files.remove(temporary).catch(() => {});
		throw failed(file, error);
	}
}
