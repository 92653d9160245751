/** What was used most recently, up to a number; what has to go is released. */
export class Recent<T> {
	readonly #most: number;
	readonly #release: (value: T) => Promise<void>;
	/** The least recently used is the first in the map's order. */
	readonly #values = new Map<string, T>();

	constructor(most: number, release: (value: T) => Promise<void> = async () => {}) {
		this.#most = most;
		this.#release = release;
	}

	/** A `make` that fails leaves no trace. */
	async get(key: string, make: () => T | Promise<T>): Promise<T> {
		const existing = this.#values.get(key);
		if (existing !== undefined) {
			this.#values.delete(key);
			this.#values.set(key, existing);
			return existing;
		}
		const made = await make();
		for (const [oldest, value] of this.#values) {
			if (this.#values.size < this.#most) {
				break;
			}
			this.#values.delete(oldest);
			await this.#release(value);
		}
		this.#values.set(key, made);
		return made;
	}

	async clear(): Promise<void> {
		const values = [...this.#values.values()];
		this.#values.clear();
		for (const value of values) {
			await this.#release(value);
		}
	}
}
