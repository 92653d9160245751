/** Back-pressure of a source: so many batches may be asked for and not yet answered. */
import {FplError} from '../../core/errors.js';

export class Window {
	readonly #size: number;
	#answered: number;
	#wake: (() => void) | undefined;
	/** When each batch under way was asked for, by its number. */
	readonly #asked = new Map<number, number>();

	/** @param from the first batch. */
	constructor(size: number, from: number) {
		this.#size = size;
		this.#answered = from;
	}

	/** Resolves when batch `number` may be asked for. One caller at a time. @throws FplError `INTERRUPTED`. */
	async admit(number: number, signal: AbortSignal): Promise<void> {
		while (number - this.#answered >= this.#size) {
			if (signal.aborted) {
				throw new FplError('INTERRUPTED', {where: `batch ${number}`});
			}
			await new Promise<void>(resolve => {
				const done = () => {
					signal.removeEventListener('abort', done);
					this.#wake = undefined;
					resolve();
				};
				this.#wake = done;
				signal.addEventListener('abort', done, {once: true});
			});
		}
	}

	ask(number: number, now: number): void {
		this.#asked.set(number, now);
	}

	/** Every batch up to this one is answered. Answers when it was asked for. */
	answer(number: number): number | undefined {
		const asked = this.#asked.get(number);
		this.#asked.delete(number);
		this.#answered = number + 1;
		this.#wake?.();
		return asked;
	}
}
