/**
 * Virtual time: events in order, and processes that wait for them. A process is a generator that yields what it waits for, so
 * that it reads like the agent or the coordinator that it plays.
 */
import {Heap} from '../../core/cost/heap.js';

/** What waits for signals one after the other. */
export type Process<T = void> = Generator<Signal, T, void>;

/** Something that happens once. */
export class Signal {
	#fired = false;
	#waiting: (() => void)[] = [];

	get fired(): boolean {
		return this.#fired;
	}

	fire(): void {
		if (this.#fired) {
			return;
		}
		this.#fired = true;
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const resume of waiting) {
			resume();
		}
	}

	/** Calls back when it happens, at once where it has. */
	whenFired(resume: () => void): void {
		if (this.#fired) {
			resume();
		} else {
			this.#waiting.push(resume);
		}
	}
}

export class Kernel {
	readonly #events = new Heap<() => void>();
	#now = 0;

	/** Seconds since the beginning. */
	get now(): number {
		return this.#now;
	}

	/** Of equal times, what was asked for first happens first. */
	at(time: number, action: () => void): void {
		this.#events.push(Math.max(time, this.#now), action);
	}

	after(seconds: number, action: () => void): void {
		this.at(this.#now + seconds, action);
	}

	until(time: number): Signal {
		const signal = new Signal();
		this.at(time, () => signal.fire());
		return signal;
	}

	/** Starts a process; the signal fires when it has ended. */
	spawn(process: Process<unknown>): Signal {
		const ended = new Signal();
		const resume = () => {
			for (;;) {
				const {done, value} = process.next();
				if (done) {
					ended.fire();
					return;
				}
				if (!value.fired) {
					value.whenFired(resume);
					return;
				}
			}
		};
		resume();
		return ended;
	}

	/** Until nothing is left to happen. */
	run(): void {
		while (this.#events.size > 0) {
			this.#now = this.#events.least;
			this.#events.pop()!();
		}
	}
}

/** Waits for all of them. */
export function* all(signals: readonly Signal[]): Process {
	for (const signal of signals) {
		yield signal;
	}
}
