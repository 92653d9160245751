/** Which chunk of one transfer goes next: new ones within the window, lost ones first. No clock, no network. */
import type {ChunkSet} from './chunk-set.js';

/** How far new chunks may run ahead of the first missing one; acknowledgments show that many. */
export const maxSpan = 1024;
/** A chunk is lost when chunks sent this much later have come: MQTT keeps order, so this is patience enough. */
const reorderTolerance = 8;

/**
 * What a sender may send right after opening a transfer, before the receiver has said that it takes it: as much as the first
 * window, so that a tensor of a MiB, with its head a little more, need not wait for that answer.
 */
export const earlyChunks = 8;
export const earlyBytes = 2 * 1024 * 1024;

interface Flight {
	readonly sentAt: number;
	/** Position in the order of all sendings. */
	readonly order: number;
	readonly repeated: boolean;
}

export class Schedule {
	readonly #acked: ChunkSet;
	readonly #flying = new Map<number, Flight>();
	readonly #lost = new Set<number>();
	#next = 0;
	#order = 0;
	/** Chunks sent since an acknowledgment was last asked for. */
	#unasked = 0;
	#repeats = 0;

	constructor(acked: ChunkSet) {
		this.#acked = acked;
		while (acked.has(this.#next)) {
			this.#next++;
		}
	}

	get repeats(): number {
		return this.#repeats;
	}

	/** Whether there are chunks that were never sent. */
	get hasNew(): boolean {
		return this.#next < this.#acked.size;
	}

	get flying(): number {
		return this.#flying.size;
	}

	/** When the chunk that has been under way longest was sent; undefined when none is. */
	get oldest(): number | undefined {
		let oldest: number | undefined;
		for (const {sentAt} of this.#flying.values()) {
			oldest = oldest === undefined ? sentAt : Math.min(oldest, sentAt);
		}
		return oldest;
	}

	/** The chunk to send now, or undefined when the window is full or all is under way. */
	pick(window: number): number | undefined {
		if (this.#flying.size >= window) {
			return undefined;
		}
		for (const sequence of this.#lost) {
			return sequence;
		}
		while (this.#acked.has(this.#next)) {
			this.#next++;
		}
		return this.#next < this.#acked.size && this.#next < this.#acked.cumulative + maxSpan ? this.#next : undefined;
	}

	/**
	 * Notes that a chunk is being sent.
	 * @returns whether it should ask for an acknowledgment: a few times per window, and not when all that is left fits in
	 * the window anyway. Each acknowledgment costs a hop, and where a broker leaves Nagle's algorithm on (Mosquitto does),
	 * one shortly before the last delays the last by 40 ms.
	 */
	sent(sequence: number, now: number, window: number): boolean {
		const repeated = this.#lost.delete(sequence) || sequence < this.#next;
		if (repeated) {
			this.#repeats++;
		}
		this.#next = Math.max(this.#next, sequence + 1);
		this.#flying.set(sequence, {sentAt: now, order: this.#order++, repeated});
		this.#unasked++;
		const left = this.#acked.size - this.#next + this.#lost.size;
		if (left <= window - this.#flying.size || this.#unasked < window / 4) {
			return false;
		}
		this.#unasked = 0;
		return true;
	}

	/** A chunk has left this machine only now: until then it waited for others that share the link, and was not late. */
	left(sequence: number, now: number): void {
		const flight = this.#flying.get(sequence);
		if (flight) {
			this.#flying.set(sequence, {...flight, sentAt: now});
		}
	}

	/** Takes in newly acknowledged chunks; returns a round-trip sample and whether chunks turned out lost. */
	acknowledged(sequences: readonly number[], now: number): {sample: number | undefined; lost: boolean} {
		let sample: number | undefined;
		let newest = -1;
		for (const sequence of sequences) {
			const flight = this.#flying.get(sequence);
			this.#flying.delete(sequence);
			this.#lost.delete(sequence);
			if (flight && !flight.repeated) {
				// Karn's rule: a repeated chunk does not say which sending was answered.
				sample = now - flight.sentAt;
				newest = Math.max(newest, flight.order);
			}
		}
		return {sample, lost: this.#lose(({order}) => order + reorderTolerance < newest)};
	}

	/** Gives up waiting for chunks sent before `time`; true when there were any. */
	expire(time: number): boolean {
		return this.#lose(({sentAt}) => sentAt <= time);
	}

	#lose(which: (flight: Flight) => boolean): boolean {
		let any = false;
		for (const [sequence, flight] of this.#flying) {
			if (which(flight)) {
				this.#flying.delete(sequence);
				this.#lost.add(sequence);
				any = true;
			}
		}
		return any;
	}
}
