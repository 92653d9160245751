/** What was answered to whom, so that a repeated request gets the same answer and is not carried out twice. */

/** `pending`: being carried out. Bytes: the answer. `none`: carried out, nothing to answer. */
export type Answered = 'pending' | 'none' | Uint8Array;

export class ReplyCache {
	readonly #answers = new Map<string, Answered>();
	readonly #maxEntries: number;
	readonly #maxBytes: number;
	#bytes = 0;

	constructor({maxEntries = 4096, maxBytes = 16 * 1024 * 1024} = {}) {
		this.#maxEntries = maxEntries;
		this.#maxBytes = maxBytes;
	}

	get(key: string): Answered | undefined {
		return this.#answers.get(key);
	}

	/** Notes a state; the oldest finished entries make room. */
	set(key: string, answered: Answered): void {
		this.delete(key);
		this.#answers.set(key, answered);
		this.#bytes += size(answered);
		for (const [old, value] of this.#answers) {
			if (this.#answers.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) {
				break;
			}
			// A request under way keeps its entry: forgetting it would carry it out a second time.
			if (value !== 'pending' && old !== key) {
				this.delete(old);
			}
		}
	}

	delete(key: string): void {
		const old = this.#answers.get(key);
		if (old !== undefined) {
			this.#bytes -= size(old);
			this.#answers.delete(key);
		}
	}
}

const size = (answered: Answered) => (answered instanceof Uint8Array ? answered.length : 0);
