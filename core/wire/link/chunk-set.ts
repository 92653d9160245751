/** Which chunks of a transfer have come: a bitmap that knows how far it is complete from the start. */
export class ChunkSet {
	readonly size: number;
	readonly #bits: Uint8Array;
	#count = 0;
	#cumulative = 0;

	/** @param size number of chunks; the set takes size / 8 bytes. */
	constructor(size: number) {
		this.size = size;
		this.#bits = new Uint8Array(Math.ceil(size / 8));
	}

	get count(): number {
		return this.#count;
	}

	/** All chunks below this number are in the set. */
	get cumulative(): number {
		return this.#cumulative;
	}

	get complete(): boolean {
		return this.#count === this.size;
	}

	has(index: number): boolean {
		return index < this.size && (this.#bits[index >> 3]! & (1 << (index & 7))) !== 0;
	}

	/** Whether it is new. Numbers beyond the size are ignored. */
	add(index: number): boolean {
		if (index >= this.size || this.has(index)) {
			return false;
		}
		this.#bits[index >> 3]! |= 1 << (index & 7);
		this.#count++;
		while (this.has(this.#cumulative)) {
			this.#cumulative++;
		}
		return true;
	}

	/** The state as an acknowledgment carries it; chunks further than `span` beyond the first gap are left out. */
	snapshot(span: number): {cumulative: number; bitmap: Uint8Array} {
		const first = this.#cumulative + 1;
		const end = this.#count === this.#cumulative ? first : Math.min(this.size, first + span);
		let last = -1;
		const bitmap = new Uint8Array(Math.ceil(Math.max(0, end - first) / 8));
		for (let index = first; index < end; index++) {
			if (this.has(index)) {
				const offset = index - first;
				bitmap[offset >> 3]! |= 1 << (offset & 7);
				last = offset >> 3;
			}
		}
		return {cumulative: this.#cumulative, bitmap: bitmap.subarray(0, last + 1)};
	}

	/** Adds what an acknowledgment says; returns the chunks that are new. */
	merge({cumulative, bitmap}: {readonly cumulative: number; readonly bitmap: Uint8Array}): number[] {
		const added: number[] = [];
		const add = (index: number) => {
			if (this.add(index)) {
				added.push(index);
			}
		};
		for (let index = this.#cumulative; index < Math.min(cumulative, this.size); index++) {
			add(index);
		}
		for (const [byte, bits] of bitmap.entries()) {
			for (let bit = 0; bit < 8; bit++) {
				if (bits & (1 << bit)) {
					add(cumulative + 1 + byte * 8 + bit);
				}
			}
		}
		return added;
	}
}
