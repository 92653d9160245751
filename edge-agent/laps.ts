/** Where a device's time goes: every moment since the last reading belongs to exactly one phase. */
import type {Clock} from '../core/clock.js';
import {type Phase, phases} from '../core/ledger/ledger.js';

export class Laps {
	readonly #clock: Clock;
	readonly #seconds = new Map<Phase, number>();
	#mark: number;

	constructor(clock: Clock) {
		this.#clock = clock;
		this.#mark = clock.monotonic();
	}

	/** The time since the last call was spent in this phase. Answers it in seconds. */
	lap(phase: Phase): number {
		const now = this.#clock.monotonic();
		const seconds = (now - this.#mark) / 1000;
		this.#mark = now;
		this.#seconds.set(phase, (this.#seconds.get(phase) ?? 0) + seconds);
		return seconds;
	}

	/** Some of the time in one phase belongs to another. */
	move(from: Phase, to: Phase, seconds: number): void {
		this.#seconds.set(from, (this.#seconds.get(from) ?? 0) - seconds);
		this.#seconds.set(to, (this.#seconds.get(to) ?? 0) + seconds);
	}

	/** Seconds by phase since the last reading; begins anew. */
	read(): Record<Phase, number> {
		const result = Object.fromEntries(phases.map(phase => [phase, this.#seconds.get(phase) ?? 0]));
		this.#seconds.clear();
		return result as Record<Phase, number>;
	}
}
