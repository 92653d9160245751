/**
 * How fast a transfer may go: round-trip estimate and retransmission timeout as in RFC 6298, a window that doubles per
 * round trip from a cautious start and is halved when chunks get lost (as TCP's, RFC 5681, in chunks).
 */
export interface PacingOptions {
	readonly firstWindow: number;
	readonly maxWindow: number;
	readonly firstRtoMs: number;
	readonly minRtoMs: number;
	readonly maxRtoMs: number;
}

export const defaultPacing: PacingOptions = {
	firstWindow: 8,
	maxWindow: 64,
	firstRtoMs: 2000,
	minRtoMs: 300,
	maxRtoMs: 10_000,
};

export class Pacing {
	readonly #options: PacingOptions;
	#window: number;
	#srtt: number | undefined;
	#variation = 0;
	#backoff = 1;
	/** When the window was last halved: one loss event per round trip. */
	#halvedAt = Number.NEGATIVE_INFINITY;

	constructor(options: PacingOptions) {
		this.#options = options;
		this.#window = options.firstWindow;
	}

	/** Chunks that may be under way. */
	get window(): number {
		return Math.floor(this.#window);
	}

	/** Milliseconds after which an unacknowledged chunk counts as lost. */
	get rtoMs(): number {
		const {firstRtoMs, minRtoMs, maxRtoMs} = this.#options;
		const estimate = this.#srtt === undefined ? firstRtoMs : this.#srtt + 4 * this.#variation;
		return Math.min(maxRtoMs, Math.max(minRtoMs, estimate) * this.#backoff);
	}

	/** The receiver's own bound. */
	limit(maxWindow: number): void {
		this.#window = Math.max(1, Math.min(this.#window, maxWindow));
	}

	/** Chunks were acknowledged; `sample`: milliseconds from sending to acknowledgment of one that was sent once. */
	acknowledged(count: number, sample: number | undefined, maxWindow: number): void {
		this.#backoff = 1;
		this.#window = Math.max(1, Math.min(this.#window + count, this.#options.maxWindow, maxWindow));
		if (sample === undefined) {
			return;
		}
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
