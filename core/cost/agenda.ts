/** What happens when, in the order of time. */
import {Heap} from './heap.js';

export class Agenda {
	readonly #events = new Heap<() => void>();
	#now = 0;
	#stopped = false;

	/** Seconds since the beginning. */
	get now(): number {
		return this.#now;
	}

	at(time: number, action: () => void): void {
		this.#events.push(Math.max(time, this.#now), action);
	}

	/** What is left will not be done. */
	stop(): void {
		this.#stopped = true;
	}

	/** Until nothing is left to do. */
	run(): void {
		while (!this.#stopped && this.#events.size > 0) {
			this.#now = this.#events.least;
			this.#events.pop()!();
		}
	}
}
