/** A hardware counter that starts again at zero after its range, as one that goes on. */

export class Unwrapper {
	readonly #range: number | undefined;
	#last: number | undefined;
	#total = 0;

	/** @param range the counter's largest value, after which zero comes; undefined: it never wraps, so falling is a reset. */
	constructor(range: number | undefined) {
		this.#range = range;
	}

	/**
	 * What has been counted since the first reading. More than one turn between two readings cannot be seen, so read often
	 * enough. A reset of a counter that does not wrap counts nothing.
	 */
	next(value: number): number {
		const last = this.#last ?? value;
		this.#last = value;
		this.#total += value >= last ? value - last : this.#range === undefined ? 0 : value + this.#range - last;
		return this.#total;
	}
}
