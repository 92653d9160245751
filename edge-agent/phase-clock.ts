/**
 * Where a device's time goes when several things happen at once: every moment belongs to one phase, the first of computing,
 * sending, receiving and waiting that is under way. When none is, the device waits for the others of the run.
 */
import type {Clock} from '../core/clock.js';
import {type Phase, phases} from '../core/ledger/ledger.js';

export class PhaseClock {
	readonly #clock: Clock;
	readonly #under = new Map<Phase, number>();
	readonly #seconds = new Map<Phase, number>();
	#mark: number;

	constructor(clock: Clock) {
		this.#clock = clock;
		this.#mark = clock.monotonic();
	}

	/** Counts the time until the promise settles as this phase, unless an earlier one is under way. */
	async during<T>(phase: Phase, task: () => Promise<T>): Promise<T> {
		this.#change(phase, 1);
		try {
			return await task();
		} finally {
			this.#change(phase, -1);
		}
	}

	/** Some of the time in one phase belongs to another. */
	move(from: Phase, to: Phase, seconds: number): void {
		// What is just being spent can be moved too.
		this.#advance();
		const movable = Math.max(0, Math.min(seconds, this.#seconds.get(from) ?? 0));
		this.#add(from, -movable);
		this.#add(to, movable);
	}

	/** Seconds by phase since the last reading; begins anew. */
	read(): Record<Phase, number> {
		this.#advance();
		const result = Object.fromEntries(phases.map(phase => [phase, Math.max(0, this.#seconds.get(phase) ?? 0)]));
		this.#seconds.clear();
		return result as Record<Phase, number>;
	}

	#change(phase: Phase, by: number): void {
		this.#advance();
		this.#under.set(phase, (this.#under.get(phase) ?? 0) + by);
	}

	#advance(): void {
		const now = this.#clock.monotonic();
		const current = phases.find(phase => (this.#under.get(phase) ?? 0) > 0) ?? 'wait';
		this.#add(current, (now - this.#mark) / 1000);
		this.#mark = now;
	}

	#add(phase: Phase, seconds: number): void {
		this.#seconds.set(phase, (this.#seconds.get(phase) ?? 0) + seconds);
	}
}
