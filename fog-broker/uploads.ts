/** Files that clients send before the job that needs them, by digest, in memory and few. */
import {createHash} from 'node:crypto';
import {formatSi} from '../core/units.js';
import type {Acceptance} from '../core/wire/tensor-link.js';

const maxBytes = 1024 ** 3;
/** The oldest is forgotten when there are more. */
const mostKept = 4;

export class Uploads {
	readonly #files = new Map<string, Uint8Array>();

	accept(digest: string, bytes: number): Acceptance {
		if (this.#files.has(digest)) {
			return 'already';
		}
		if (bytes > maxBytes) {
			return {refuse: `expected at most ${formatSi(maxBytes, 'B')}, got ${formatSi(bytes, 'B')}`};
		}
		const data = new Uint8Array(bytes);
		return {
			chunk: (_sequence, offset, chunk) => data.set(chunk, offset),
			done: () => {
				// A file that is not what it claims to be is never found by its digest.
				this.#files.set(createHash('sha256').update(data).digest('hex'), data);
				const [oldest] = this.#files.keys();
				if (this.#files.size > mostKept && oldest !== undefined) {
					this.#files.delete(oldest);
				}
			},
			abort: () => {},
		};
	}

	get(digest: string): Uint8Array | undefined {
		return this.#files.get(digest);
	}

	delete(digest: string): void {
		this.#files.delete(digest);
	}
}
