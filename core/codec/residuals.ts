/**
 * Error feedback (Karimireddy, Rebjock, Stich, Jaggi 2019): what a lossy codec left out of a stream's tensors so far, to be
 * added to the next one. Bounded: where there are too many streams or bytes, the one not used for longest is forgotten.
 */
export interface ResidualLimits {
	readonly maxStreams: number;
	readonly maxBytes: number;
}

export const defaultResidualLimits: ResidualLimits = {maxStreams: 1024, maxBytes: 2 ** 29};

export class Residuals {
	readonly #limits: ResidualLimits;
	/** In the order of last use. */
	readonly #byStream = new Map<string, Float32Array>();
	#bytes = 0;
	/** Residuals that were forgotten with something in them. */
	dropped = 0;

	constructor(limits: ResidualLimits) {
		this.#limits = limits;
	}

	/** Hands over the stream's residual; zeros when there is none, or one of another size, which is forgotten. */
	take(stream: string, size: number): Float32Array {
		const known = this.#byStream.get(stream);
		if (known?.length === size) {
			this.#forget(stream, known);
			return known;
		}
		this.drop(stream);
		return new Float32Array(size);
	}

	keep(stream: string, residual: Float32Array): void {
		this.drop(stream);
		this.#byStream.set(stream, residual);
		this.#bytes += residual.byteLength;
		for (const oldest of this.#byStream.keys()) {
			if (this.#byStream.size <= this.#limits.maxStreams && this.#bytes <= this.#limits.maxBytes) {
				break;
			}
			this.drop(oldest);
		}
	}

	drop(stream: string): void {
		const known = this.#byStream.get(stream);
		if (known) {
			this.#forget(stream, known);
			this.dropped++;
		}
	}

	clear(): void {
		this.#byStream.clear();
		this.#bytes = 0;
	}

	#forget(stream: string, residual: Float32Array): void {
		this.#byStream.delete(stream);
		this.#bytes -= residual.byteLength;
	}
}
