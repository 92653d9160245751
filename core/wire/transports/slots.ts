/** A bounded number of permits with a bounded line of waiters, first come first served. */
import {FplError} from '../../errors.js';

export class Slots {
	#free: number;
	readonly #maxWaiting: number;
	readonly #line: Array<{readonly resolve: () => void; readonly reject: (error: FplError) => void}> = [];

	constructor(free: number, maxWaiting: number) {
		this.#free = free;
		this.#maxWaiting = maxWaiting;
	}

	/** Takes a permit at once when there is one. */
	tryTake(): boolean {
		if (this.#free === 0) {
			return false;
		}
		this.#free--;
		return true;
	}

	/** @throws FplError `WIRE_TIMEOUT` when too many wait already: the network is slower than those who send. */
	async take(where: string): Promise<void> {
		if (this.tryTake()) {
			return;
		}
		if (this.#line.length >= this.#maxWaiting) {
			throw new FplError('WIRE_TIMEOUT', {where, problem: `${this.#maxWaiting} messages wait to be sent already`});
		}
		await new Promise<void>((resolve, reject) => this.#line.push({resolve, reject}));
	}

	give(): void {
		const next = this.#line.shift();
		if (next) {
			next.resolve();
		} else {
			this.#free++;
		}
	}

	/** Sends all waiters away. */
	refuse(error: FplError): void {
		for (const waiter of this.#line.splice(0)) {
			waiter.reject(error);
		}
	}
}
