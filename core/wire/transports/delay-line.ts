/** One direction of an emulated link: messages leave it in order, no faster than its rate, `latencyMs` later. */
import type {Clock} from '../../clock.js';

interface Entry {
	readonly at: number;
	readonly bytes: number;
	readonly deliver: () => void;
}

export class DelayLine {
	readonly #clock: Clock;
	readonly #bytesPerMs: number;
	readonly #latencyMs: number;
	readonly #maxBytes: number;
	readonly #queue: Entry[] = [];
	/** When the last message has been transmitted. */
	#busyUntil = 0;
	#queuedBytes = 0;
	#busyMs = 0;
	#cancel: (() => void) | undefined;

	constructor(clock: Clock, bytesPerSecond: number, latencyMs: number, maxBytes: number) {
		this.#clock = clock;
		this.#bytesPerMs = bytesPerSecond / 1000;
		this.#latencyMs = latencyMs;
		this.#maxBytes = maxBytes;
	}

	/** Time the line was busy so far, seconds. */
	get busySeconds(): number {
		return this.#busyMs / 1000;
	}

	/**
	 * Lets a message in; false when the line is full.
	 * @param onSent when its last byte has left, which is when the next message may begin.
	 * @param onArrival `latencyMs` later.
	 */
	push(bytes: number, onSent: (() => void) | undefined, onArrival: () => void): boolean {
		if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#maxBytes) {
			return false;
		}
		const now = this.#clock.monotonic();
		const duration = bytes / this.#bytesPerMs;
		this.#busyMs += duration;
		// Virtual time: rounding of timers does not add up.
		this.#busyUntil = Math.max(now, this.#busyUntil) + duration;
		this.#queuedBytes += bytes;
		if (onSent) {
			this.#insert({at: this.#busyUntil, bytes: 0, deliver: onSent});
		}
		this.#insert({at: this.#busyUntil + this.#latencyMs, bytes, deliver: onArrival});
		this.#arm();
		return true;
	}

	clear(): void {
		this.#cancel?.();
		this.#cancel = undefined;
		this.#queue.length = 0;
		this.#queuedBytes = 0;
	}

	/** Entries are nearly in order already: arrivals wait for the latency, sendings do not. */
	#insert(entry: Entry): void {
		let index = this.#queue.length;
		while (index > 0 && this.#queue[index - 1]!.at > entry.at) {
			index--;
		}
		this.#queue.splice(index, 0, entry);
		if (index === 0) {
			this.#cancel?.();
			this.#cancel = undefined;
		}
	}

	#arm(): void {
		const [next] = this.#queue;
		if (next && !this.#cancel) {
			this.#cancel = this.#clock.after(Math.max(0, next.at - this.#clock.monotonic()), () => this.#fire());
		}
	}

	#fire(): void {
		this.#cancel = undefined;
		// Timers may fire up to a millisecond early.
		const due = this.#clock.monotonic() + 0.5;
		while (this.#queue[0] && this.#queue[0].at <= due) {
			const {bytes, deliver} = this.#queue.shift()!;
			this.#queuedBytes -= bytes;
			deliver();
		}
		this.#arm();
	}
}
