/**
 * Joules from samples. Power is integrated by the trapezoid rule, a counter by its differences, and where a meter gives both
 * the power only fills the time since the counter was last read. Pure: times come with the samples.
 *
 * Bounds: samples further apart than `maxGapMs` are not bridged; a counter that falls, or grows faster than 10 kW, counts
 * from there anew; a single power of more than 10 kW, below zero or not finite is refused. What is not bridged is no time
 * that the meter saw, so that whoever models it does not count it twice.
 */

/** No device of a fleet draws more, watts. */
export const maxWatts = 10_000;

/** @throws Error saying what is wrong with it. */
export function checkedWatts(watts: number): number {
	if (!(watts >= 0 && watts <= maxWatts)) {
		throw new Error(`it says ${watts} W, which is not a power between 0 and ${maxWatts} W`);
	}
	return watts;
}

export interface AccumulatorOptions {
	/** Longest time between two samples that is bridged. */
	readonly maxGapMs: number;
	/** How long the last power is taken to last, for meters that speak by themselves; 0 for those that are asked. */
	readonly holdMs?: number;
	/** Readings of a counter closer together than this wait for the next: their difference says nothing yet. */
	readonly minCounterMs?: number;
}

export class Accumulator {
	readonly #options: Required<AccumulatorOptions>;
	/** Final. */
	#joules = 0;
	#ms = 0;
	/** Integrated power that the next reading of the counter replaces. */
	#sinceJoules = 0;
	#sinceMs = 0;
	#power: {readonly at: number; readonly watts: number} | undefined;
	#counter: {readonly at: number; readonly joules: number} | undefined;
	#told = {joules: 0, seconds: 0};

	constructor({maxGapMs, holdMs = 0, minCounterMs = 5}: AccumulatorOptions) {
		this.#options = {maxGapMs, holdMs: Math.min(holdMs, maxGapMs), minCounterMs};
	}

	/** @throws Error for a power that cannot be; the sample is dropped. */
	power(at: number, watts: number): void {
		const last = this.#power;
		if (last && at < last.at) {
			return;
		}
		const now = checkedWatts(watts);
		if (last && at - last.at <= this.#options.maxGapMs) {
			this.#hold((last.watts + now) / 2, at - last.at);
		} else if (last) {
			this.#hold(last.watts, this.#options.holdMs);
			this.#settle();
			// Its difference would span the silence.
			this.#counter = undefined;
		}
		this.#power = {at, watts: now};
	}

	/** @throws Error when it grew faster than can be; it counts from there anew. */
	counter(at: number, joules: number): void {
		if (!Number.isFinite(joules)) {
			throw new Error(`it says ${joules} J`);
		}
		const last = this.#counter;
		const gap = last ? at - last.at : 0;
		if (last && gap < this.#options.minCounterMs) {
			return;
		}
		const grown = last ? joules - last.joules : 0;
		// Watts, since joules are divided by milliseconds.
		const absurd = grown > (maxWatts * gap) / 1000;
		this.#counter = {at, joules};
		if (last && gap <= this.#options.maxGapMs && grown >= 0 && !absurd) {
			this.#joules += grown;
			this.#ms += gap;
			this.#sinceJoules = 0;
			this.#sinceMs = 0;
			if (this.#power) {
				this.#power = {at, watts: this.#power.watts};
			}
			return;
		}
		this.#settle();
		if (absurd) {
			throw new Error(`it counted ${grown} J in ${gap} ms, more than ${maxWatts} W`);
		}
	}

	/** The meter does not answer: nothing is bridged from here on. */
	lost(at: number): void {
		if (this.#power) {
			this.#hold(this.#power.watts, Math.min(Math.max(0, at - this.#power.at), this.#options.holdMs));
		}
		this.#settle();
		this.#power = undefined;
		this.#counter = undefined;
	}

	/** What was seen until then. */
	reading(at: number): {readonly joules: number; readonly seconds: number} {
		const last = this.#power;
		const held = last ? Math.min(Math.max(0, at - last.at), this.#options.holdMs) : 0;
		const joules = this.#joules + this.#sinceJoules + ((last?.watts ?? 0) * held) / 1000;
		const seconds = (this.#ms + this.#sinceMs + held) / 1000;
		// A power that was held too long, or integrated too high, is made good for before more is told.
		this.#told = {
			joules: Math.max(this.#told.joules, joules),
			seconds: Math.max(this.#told.seconds, seconds),
		};
		return this.#told;
	}

	#hold(watts: number, ms: number): void {
		this.#sinceJoules += (watts * ms) / 1000;
		this.#sinceMs += ms;
	}

	#settle(): void {
		this.#joules += this.#sinceJoules;
		this.#ms += this.#sinceMs;
		this.#sinceJoules = 0;
		this.#sinceMs = 0;
	}
}
