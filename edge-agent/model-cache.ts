/** Models by digest in a folder, so that a device that comes back need not fetch them again. The oldest go first. */
import {createHash} from 'node:crypto';
import {readdir, readFile, rm, stat, utimes} from 'node:fs/promises';
import path from 'node:path';
import {makeFolder, writeAtomically} from '../core/atomic-file.js';

export class ModelCache {
	readonly #directory: string;
	readonly #keep: number;

	constructor(directory: string, keep = 8) {
		this.#directory = directory;
		this.#keep = keep;
	}

	/** The model's bytes; undefined when it is not here or no longer what its name says. */
	async find(digest: string): Promise<Uint8Array | undefined> {
		const file = this.#file(digest);
		try {
			const bytes = await readFile(file);
			if (createHash('sha256').update(bytes).digest('hex') === digest) {
				const now = new Date();
				await utimes(file, now, now);
				return bytes;
			}
			await rm(file, {force: true});
		} catch {
			// Not here.
		}
		return undefined;
	}

	async put(digest: string, bytes: Uint8Array): Promise<void> {
		await makeFolder(this.#directory);
		await writeAtomically(this.#file(digest), [bytes]);
		const names = (await readdir(this.#directory)).filter(name => name.endsWith('.onnx'));
		const aged = await Promise.all(
			names.map(async name => ({name, used: (await stat(path.join(this.#directory, name))).mtimeMs})),
		);
		aged.sort((a, b) => b.used - a.used);
		for (const {name} of aged.slice(this.#keep)) {
			await rm(path.join(this.#directory, name), {force: true});
		}
	}

	#file(digest: string): string {
		return path.join(this.#directory, `${digest.replaceAll(/[^0-9a-f]/gu, '')}.onnx`);
	}
}
