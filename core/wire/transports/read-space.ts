/**
 * Memory that a socket is read into, one read behind the other, so that a frame that comes in several reads lies in one
 * piece without being put together. It begins at its front again as soon as nothing is left over, which keeps it in the
 * processor's cache; what is left at its end is moved to its front.
 */

/** Room for a few reads of the size that kernels hand out. Untouched pages cost nothing. */
const firstBytes = 1024 * 1024;

export class ReadSpace {
	#space: Buffer;
	#start = 0;
	#end = 0;

	constructor(bytes = firstBytes) {
		this.#space = Buffer.allocUnsafeSlow(bytes);
	}

	/** Where the next read goes; never empty. */
	room(): Buffer {
		return this.#space.subarray(this.#end);
	}

	/** So many bytes were read into the room: all that is here now, valid until the room is asked for again. */
	filled(count: number): Buffer {
		this.#end += count;
		return this.#space.subarray(this.#start, this.#end);
	}

	/**
	 * @param consumed bytes at the front that are not needed any more.
	 * @param wanted bytes that what is left will have when it is complete.
	 */
	release(consumed: number, wanted: number): void {
		this.#start += consumed;
		const left = this.#end - this.#start;
		if (left > 0 && this.#start + wanted < this.#space.length) {
			return;
		}
		const source = this.#space;
		if (wanted * 2 > source.length) {
			this.#space = Buffer.allocUnsafeSlow(wanted * 2);
		}
		source.copy(this.#space, 0, this.#start, this.#end);
		this.#start = 0;
		this.#end = left;
	}
}
