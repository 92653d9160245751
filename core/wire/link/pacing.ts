/**
 * How fast a transfer may go: round-trip estimate and retransmission timeout as in RFC 6298, but two round trips at least, a
 * window that doubles per round trip from a cautious start and is halved when chunks get lost (as TCP's, RFC 5681, in chunks).
 * It also stops growing when chunks begin to queue, as the delay shows (the idea of LEDBAT, RFC 6817): control messages share the
 * connection, and on a slow link a full window in front of them would keep them waiting for seconds.
 */
export interface PacingOptions {
	readonly firstWindow: number;
	readonly maxWindow: number;
	readonly firstRtoMs: number;
	readonly minRtoMs: number;
	readonly maxRtoMs: number;
	/** Delay beyond the shortest round trip at which the window stops growing; at three times as much it shrinks. */
	readonly queueMs: number;
}

export const defaultPacing: PacingOptions = {
	firstWindow: 8,
	maxWindow: 64,
	firstRtoMs: 5000,
	minRtoMs: 300,
	maxRtoMs: 10_000,
	queueMs: 150,
};

export class Pacing {
	readonly #options: PacingOptions;
	#window: number;
	#srtt: number | undefined;
	#variation = 0;
	#shortest = Number.POSITIVE_INFINITY;
	#backoff = 1;
	/** When the window was last halved: one loss event per round trip. */
	#halvedAt = Number.NEGATIVE_INFINITY;

	/** @param before what was learnt on the way to the same party: a transfer need not begin cautiously again. */
	constructor(options: PacingOptions, before?: Pacing) {
		this.#options = options;
		this.#window = Math.max(options.firstWindow, before?.window ?? 0);
		if (before) {
			this.#srtt = before.#srtt;
			this.#variation = before.#variation;
			this.#shortest = before.#shortest;
		}
	}

	/** Chunks that may be under way. */
	get window(): number {
		return Math.floor(this.#window);
	}

	/** Milliseconds after which an unacknowledged chunk counts as lost. */
	get rtoMs(): number {
		const {firstRtoMs, minRtoMs, maxRtoMs} = this.#options;
		// Where round trips are all alike the variation dies away. On a slow link these are seconds of queueing, and a chunk sent again
		// for a little more of it would make the queue longer for everybody.
		const estimate = this.#srtt === undefined ? firstRtoMs : this.#srtt + Math.max(4 * this.#variation, this.#srtt);
		return Math.min(maxRtoMs, Math.max(minRtoMs, estimate) * this.#backoff);
	}

	/** The receiver's own bound. */
	limit(maxWindow: number): void {
		this.#window = Math.max(1, Math.min(this.#window, maxWindow));
	}

	/** Chunks were acknowledged; `sample`: milliseconds from sending to acknowledgment of one that was sent once. */
	acknowledged(count: number, sample: number | undefined, maxWindow: number): void {
		this.#backoff = 1;
		if (sample !== undefined) {
			this.#estimate(sample);
		}
		const queued = sample === undefined ? 0 : sample - this.#shortest;
		const {queueMs} = this.#options;
		const growth = queued <= queueMs ? count : queued > 3 * queueMs && this.#window > 2 ? -1 : 0;
		this.#window = Math.max(1, Math.min(this.#window + growth, this.#options.maxWindow, maxWindow));
	}

	#estimate(sample: number): void {
		this.#shortest = Math.min(this.#shortest, sample);
		if (this.#srtt === undefined) {
			this.#srtt = sample;
			this.#variation = sample / 2;
		} else {
			this.#variation = 0.75 * this.#variation + 0.25 * Math.abs(this.#srtt - sample);
			this.#srtt = 0.875 * this.#srtt + 0.125 * sample;
		}
	}

	/** A chunk was lost; `timeout`: nothing said so but the time. */
	lost(now: number, timeout: boolean): void {
		if (now - this.#halvedAt < (this.#srtt ?? this.#options.minRtoMs)) {
			return;
		}
		this.#halvedAt = now;
		this.#window = Math.max(2, this.#window / 2);
		if (timeout) {
			this.#backoff = Math.min(this.#backoff * 2, 16);
		}
	}
}
