/** Waiting for something to hold, with a deadline; looked at again whenever something has happened. */
import type {Clock} from '../../core/clock.js';

export class Alarm {
	readonly #clock: Clock;
	#ring = () => {};

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Something has happened. */
	ring(): void {
		this.#ring();
	}

	/** Resolves when it holds, with true; or after so many milliseconds, with false. One caller at a time. */
	async until(holds: () => boolean, ms: number): Promise<boolean> {
		const over = this.#clock.monotonic() + ms;
		while (!holds()) {
			const left = over - this.#clock.monotonic();
			if (left <= 0) {
				return false;
			}
			const woken = new AbortController();
			this.#ring = () => woken.abort();
			await this.#clock.sleep(left, woken.signal);
		}
		return true;
	}
}
