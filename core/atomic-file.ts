/** Files that are either wholly there or not at all, after a crash at any moment. */
import {type FileHandle, open, rename, rm} from 'node:fs/promises';
import path from 'node:path';

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

/** Writes the parts one after the other to a temporary file beside `file`, then renames it into place. */
export async function writeAtomically(
	file: string,
	parts: readonly Uint8Array[],
	files: FileWriter = systemFiles,
): Promise<void> {
	const temporary = `${file}.${process.pid}.tmp`;
	const handle = await files.open(temporary, 'w');
	try {
		try {
			for (const part of parts) {
				await handle.write(part);
			}
			await handle.sync();
		} finally {
			await handle.close();
		}
		await files.rename(temporary, file);
		await files.syncDirectory(path.dirname(file));
	} catch (error) {
		await files.remove(temporary);
		throw error;
	}
}
