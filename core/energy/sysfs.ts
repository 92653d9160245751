/** Small files below /sys that hold one value each. */
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';

/** The file's text without the line feed, or undefined when it cannot be read. */
export async function textIn(...parts: readonly string[]): Promise<string | undefined> {
	try {
		return (await readFile(path.join(...parts), 'utf8')).trim();
	} catch {
		return undefined;
	}
}

/** @throws Error when it cannot be read or holds no finite number. */
export async function numberIn(...parts: readonly string[]): Promise<number> {
	const file = path.join(...parts);
	const text = (await readFile(file, 'utf8')).trim();
	const value = Number(text);
	if (text === '' || !Number.isFinite(value)) {
		throw new Error(`${file} holds «${text.slice(0, 40)}» instead of a number`);
	}
	return value;
}

/** Names in a folder, sorted; none when it cannot be read. */
export async function namesIn(...parts: readonly string[]): Promise<string[]> {
	try {
		return (await readdir(path.join(...parts))).sort();
	} catch {
		return [];
	}
}

/** Why a file cannot be read, as a sentence. `who` may read it where that is known. */
export function whyUnreadable(error: unknown, file: string, absent: string): string {
	const {code, message, path: named = file} = error as NodeJS.ErrnoException;
	switch (code) {
		case 'ENOENT':
			return `${named} does not exist: ${absent}.`;
		case 'EACCES':
		case 'EPERM':
			return `${named} may be read by root only; allow it to the agent's group by a udev rule (docs/energy.md).`;
		default:
			return `${message.replace(/\.$/u, '')}.`;
	}
}
