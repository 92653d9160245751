/** The gradient that micro-batches add up to between two updates. */
import {FplError} from '../../../core/errors.js';
import type {Accumulated} from '../stage.js';

export class Sum {
	readonly #stage: string;
	readonly #length: number;
	/** Made when first needed: a stage that only predicts has no gradient. */
	#total: Float32Array | undefined;
	#part: Float32Array | undefined;
	#empty = true;

	constructor(stage: string, length: number) {
		this.#stage = stage;
		this.#length = length;
	}

	/** Where the next micro-batch's gradient is to be written, every element of it; then call `add`. */
	get next(): Float32Array {
		if (this.#empty) {
			this.#total ??= new Float32Array(this.#length);
			return this.#total;
		}
		this.#part ??= new Float32Array(this.#length);
		return this.#part;
	}

	/** Takes in what was written to `next`. */
	add(): void {
		const [total, part] = [this.#total, this.#part];
		if (!this.#empty && total !== undefined && part !== undefined) {
			for (let index = 0; index < total.length; index++) {
				total[index]! += part[index]!;
			}
		}
		this.#empty = false;
	}

	/** @throws FplError `ENGINE_CALL` when nothing was accumulated. */
	current(): Float32Array {
		if (this.#empty) {
			throw new FplError('ENGINE_CALL', {
				where: `stage «${this.#stage}»`,
				problem: 'no gradient is accumulated for an update',
				fix: 'Take a micro-batch backward first, or give a gradient',
			});
		}
		return this.#total ?? new Float32Array(this.#length);
	}

	copy(): Accumulated {
		const gradient = this.#empty || this.#total === undefined ? new Float32Array(this.#length) : this.#total.slice();
		return {gradient, squaredNorm: this.squaredNorm()};
	}

	squaredNorm(): number {
		let squares = 0;
		if (!this.#empty) {
			for (const value of this.#total ?? []) {
				squares += value * value;
			}
		}
		return squares;
	}

	clear(): void {
		this.#empty = true;
	}
}
