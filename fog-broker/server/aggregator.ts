/**
 * Weighted mean of vectors that arrive in pieces from several senders at once, summed in place: memory is one float64
 * accumulator and one weight per block, however many senders there are. Sums are kept in float64 so that the order of
 * arrival does not show in the float32 result.
 *
 * A sender that dies half-way has been counted in the blocks that arrived and in no other: each block is divided by the
 * weight that reached it. Every block is counted once per sender, whatever is sent again.
 */
import {FplError} from '../../core/errors.js';

/** Pieces must begin and end on a multiple of this many bytes (except the vector's end). */
export const blockBytes = 4096;
const blockElements = blockBytes / 4;

export class MeanAggregator {
	readonly #length: number;
	readonly #sums: Float64Array;
	readonly #weights: Float64Array;
	readonly #seen = new Map<string, Uint8Array>();

	/** @param length elements (float32) of the vectors. */
	constructor(length: number) {
		this.#length = length;
		this.#sums = new Float64Array(length);
		this.#weights = new Float64Array(Math.ceil(length / blockElements));
	}

	/**
	 * Adds `weight` × the float32 values in `data` (little-endian), which lie at `byteOffset` of the sender's vector.
	 * @throws FplError `WIRE_INVALID` when the piece does not lie on block borders or within the vector.
	 */
	add(sender: string, weight: number, byteOffset: number, data: Uint8Array): void {
		const end = byteOffset + data.byteLength;
		if (
			byteOffset % blockBytes !== 0 ||
			end > this.#length * 4 ||
			(end % blockBytes !== 0 && end !== this.#length * 4)
		) {
			throw new FplError('WIRE_INVALID', {
				where: `contribution of ${sender}`,
				expected: `a piece on borders of ${blockBytes} bytes within ${this.#length * 4} bytes`,
				got: `bytes ${byteOffset}–${end}`,
			});
		}
		if (!(weight > 0) || !Number.isFinite(weight)) {
			throw new FplError('WIRE_INVALID', {
				where: `contribution of ${sender}`,
				expected: 'a weight > 0',
				got: `${weight}`,
			});
		}
		const values = asFloats(data);
		const seen = this.#seenBy(sender);
		const first = byteOffset / blockBytes;
		for (let block = first; block * blockBytes < end; block++) {
			if (seen[block]) {
				continue;
			}
			seen[block] = 1;
			this.#weights[block]! += weight;
			const from = block * blockElements;
			const to = Math.min(from + blockElements, this.#length);
			const shift = byteOffset / 4;
			for (let index = from; index < to; index++) {
				this.#sums[index]! += weight * values[index - shift]!;
			}
		}
	}

	/** Memory of the sums and of the marks of what has come. */
	get bufferBytes(): number {
		const marks = this.#seen.size * this.#weights.length;
		return this.#sums.byteLength + this.#weights.byteLength + marks;
	}

	/** Whether every block of the sender's vector has been counted. */
	complete(sender: string): boolean {
		return this.#seen.get(sender)?.every(Boolean) ?? this.#length === 0;
	}

	/** Writes the mean into `out`; blocks that nobody sent keep what `out` holds. */
	mean(out: Float32Array): void {
		for (let block = 0; block < this.#weights.length; block++) {
			const weight = this.#weights[block]!;
			if (weight === 0) {
				continue;
			}
			const to = Math.min((block + 1) * blockElements, this.#length);
			for (let index = block * blockElements; index < to; index++) {
				out[index] = this.#sums[index]! / weight;
			}
		}
	}

	reset(): void {
		this.#sums.fill(0);
		this.#weights.fill(0);
		this.#seen.clear();
	}

	#seenBy(sender: string): Uint8Array {
		let seen = this.#seen.get(sender);
		if (!seen) {
			seen = new Uint8Array(this.#weights.length);
			this.#seen.set(sender, seen);
		}
		return seen;
	}
}

/** float32 view of bytes; copies when they do not lie on a multiple of four. */
function asFloats(data: Uint8Array): Float32Array {
	// Not `slice`: of a Buffer it is another view of the same bytes.
	const aligned = data.byteOffset % 4 === 0 ? data : new Uint8Array(data);
	return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
