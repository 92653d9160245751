/** What was opened, closed in the opposite order; one failure does not keep the rest open. */
import {asFplError} from '../../core/errors.js';
import type {Logger} from '../../core/log.js';

type Close = () => Promise<void> | undefined;

export class Closing {
	readonly #logger: Logger;
	readonly #parts: Close[] = [];

	constructor(logger: Logger) {
		this.#logger = logger;
	}

	add(close: Close): void {
		this.#parts.push(close);
	}

	async close(): Promise<void> {
		for (const close of this.#parts.splice(0).reverse()) {
			try {
				await close();
			} catch (error) {
				this.#logger.warn(`closing: ${asFplError(error).message}`);
			}
		}
	}
}
