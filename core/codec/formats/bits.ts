/** Numbers of few bits in a row, least significant bit first; the last byte is filled up with zeros. */
import {malformed} from '../encoded.js';

/** Writes into bytes that are long enough, which the caller has computed. */
export class BitWriter {
	readonly #bytes: Uint8Array;
	#at: number;
	#word = 0;
	#used = 0;

	constructor(bytes: Uint8Array, at: number) {
		this.#bytes = bytes;
		this.#at = at;
	}

	/** The lower `width` bits of `value`, 0 ≤ width ≤ 24; the bits above must be zero. */
	write(value: number, width: number): void {
		this.#word |= value << this.#used;
		this.#used += width;
		while (this.#used >= 8) {
			this.#bytes[this.#at++] = this.#word;
			this.#word >>>= 8;
			this.#used -= 8;
		}
	}

	/** So many zeros and a one. */
	writeUnary(zeros: number): void {
		let rest = zeros;
		for (; rest >= 16; rest -= 16) {
			this.write(0, 16);
		}
		this.write(1 << rest, rest + 1);
	}

	/** Writes what is left; returns where the bits end. */
	end(): number {
		if (this.#used > 0) {
			this.#bytes[this.#at++] = this.#word;
		}
		this.#word = 0;
		this.#used = 0;
		return this.#at;
	}
}

/** Reads what a BitWriter wrote. @throws FplError `WIRE_INVALID` where the bytes end too early. */
export class BitReader {
	readonly #where: string;
	readonly #bytes: Uint8Array;
	#at: number;
	#word = 0;
	#used = 0;

	constructor(where: string, bytes: Uint8Array, at: number) {
		this.#where = where;
		this.#bytes = bytes;
		this.#at = at;
	}

	/** 0 ≤ width ≤ 24. */
	read(width: number): number {
		while (this.#used < width) {
			this.#more();
		}
		const value = this.#word & ((1 << width) - 1);
		this.#word >>>= width;
		this.#used -= width;
		return value;
	}

	/** Zeros before the next one, at most `most`. */
	readUnary(most: number): number {
		let zeros = 0;
		while (this.#word === 0) {
			zeros += this.#used;
			this.#used = 0;
			if (zeros > most) {
				throw malformed(this.#where, 'a number is larger than its place allows');
			}
			this.#more();
		}
		const rest = 31 - Math.clz32(this.#word & -this.#word);
		this.#word >>>= rest + 1;
		this.#used -= rest + 1;
		zeros += rest;
		if (zeros > most) {
			throw malformed(this.#where, 'a number is larger than its place allows');
		}
		return zeros;
	}

	/** Checks that nothing but the filling of the last byte is left. */
	end(): void {
		if (this.#at !== this.#bytes.length || this.#word !== 0) {
			throw malformed(this.#where, 'there are more bits than the tensor has use for');
		}
	}

	#more(): void {
		const byte = this.#bytes[this.#at++];
		if (byte === undefined) {
			throw malformed(this.#where, 'the data end within a number');
		}
		this.#word |= byte << this.#used;
		this.#used += 8;
	}
}
