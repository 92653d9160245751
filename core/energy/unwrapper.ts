/** A hardware counter that starts again at zero after its range, as one that goes on. */

export class Unwrapper {
	readonly #range: number;
	#last: number | undefined;
	#total = 0;

	/** @param range the counter's largest value, after which zero comes. */
	constructor(range: number) {
		this.#range = range;
	}

	/**
	 * What has been counted since the first reading. More than one turn between two readings cannot be seen, so read often
	 * enough. A reset looks like a turn: nearly a whole range, which is more than any device draws in that time.
	 */
	next(value: number): number {
		const last = this.#last ?? value;
		this.#last = value;
		this.#total += value >= last ? value - last : value + this.#range - last;
		return this.#total;
	}
}
