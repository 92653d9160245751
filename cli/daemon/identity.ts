/** Who an agent is: a key made once per installation, and a count of its starts, kept in a file. */
import {randomUUID} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {makeFolder, writeAtomically} from '../../core/atomic-file.js';

const schema = z.object({installation: z.string().min(1).max(64), starts: z.number().int().min(0)});

export interface Identity {
	readonly installation: string;
	/** This start, counted from 1. */
	readonly incarnation: number;
}

/** Reads the identity in a folder, or makes one; counts this start. A damaged file is replaced: the device is then new. */
export async function takeIdentity(directory: string): Promise<Identity> {
	const file = path.join(directory, 'identity.json');
	let before: z.output<typeof schema>;
	try {
		before = schema.parse(JSON.parse(await readFile(file, 'utf8')));
	} catch {
		before = {installation: randomUUID(), starts: 0};
	}
	const next = {...before, starts: before.starts + 1};
	await makeFolder(directory);
	await writeAtomically(file, [Buffer.from(`${JSON.stringify(next)}\n`)]);
	return {installation: next.installation, incarnation: next.starts};
}
