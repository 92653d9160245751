/**
 * The k values of largest magnitude, exact; the others are zero (Stich, Cordonnier, Jaggi 2018: Sparsified SGD with Memory).
 * Data: u32 k, u8 b, three zero bytes, the values as k × float32 in the tensor's order, then for each the number of
 * elements left out before it, Rice-coded: quotient by 2^b in unary, remainder in b bits. Rice codes come within a few
 * percent of the entropy of random positions and need neither tables nor statistics: at a ratio of 1 %, 8.1 bits a position
 * where plain numbers take 32.
 */
import {checkBytes, malformed, scratch} from '../encoded.js';
import {magnitudeMask, patternsOf} from '../values.js';
import {BitReader, BitWriter} from './bits.js';

const where = 'top-k tensor';
const headBytes = 8;
const maxRemainderBits = 24;
/** Of a 31-bit magnitude, those that the second count looks at. */
const lowerBits = 15;

/** How many of `size` elements a ratio keeps. */
export const keptOf = (size: number, ratio: number): number => Math.min(size, Math.max(1, Math.ceil(ratio * size)));

/** Bits of the remainder: 2^b is about 0.69 of the mean gap, which is best for gaps of random positions. */
export const remainderBits = (size: number, kept: number): number =>
	Math.min(maxRemainderBits, Math.max(0, 31 - Math.clz32((Math.LN2 * size) / kept)));

/** Positions of the `kept` largest magnitudes of finite values, ascending; among equals the first ones win. */
export function largestPositions(values: Float32Array, kept: number): Uint32Array {
	const patterns = patternsOf(values);
	// The kept-th largest magnitude, by counting: first its upper 16 bits, then the rest of it.
	const counts = new Uint32Array(0x10000);
	for (let index = 0; index < patterns.length; index++) {
		const digit = (patterns[index]! & magnitudeMask) >>> lowerBits;
		counts[digit] = counts[digit]! + 1;
	}
	const upper = fromAbove(counts, kept);
	counts.fill(0);
	for (let index = 0; index < patterns.length; index++) {
		const magnitude = patterns[index]! & magnitudeMask;
		if (magnitude >>> lowerBits === upper.digit) {
			const digit = magnitude & ((1 << lowerBits) - 1);
			counts[digit] = counts[digit]! + 1;
		}
	}
	const lower = fromAbove(counts, upper.left);
	const threshold = (upper.digit << lowerBits) | lower.digit;
	let equals = lower.left;
	const positions = new Uint32Array(kept);
	let found = 0;
	for (let index = 0; index < patterns.length && found < kept; index++) {
		const magnitude = patterns[index]! & magnitudeMask;
		if (magnitude > threshold || (magnitude === threshold && equals-- > 0)) {
			positions[found++] = index;
		}
	}
	return positions;
}

/** The digit that the kept-th element from above has, and how many with this digit belong to the first `kept`. */
function fromAbove(counts: Uint32Array, kept: number): {digit: number; left: number} {
	let left = kept;
	let digit = counts.length - 1;
	while (counts[digit]! < left) {
		left -= counts[digit]!;
		digit--;
	}
	return {digit, left};
}

/** `positions` ascending, at least one. */
export function encodeTopK(values: Float32Array, positions: Uint32Array): Uint8Array {
	const kept = positions.length;
	const width = remainderBits(values.length, kept);
	const shorten = 2 ** width;
	let bits = kept * (width + 1);
	for (let index = 0, next = 0; index < kept; index++) {
		bits += Math.floor((positions[index]! - next) / shorten);
		next = positions[index]! + 1;
	}
	const data = scratch(headBytes + 4 * kept + Math.ceil(bits / 8));
	const view = new DataView(data.buffer, data.byteOffset);
	view.setUint32(0, kept, true);
	view.setUint32(4, width, true);
	const sent = new Float32Array(data.buffer, data.byteOffset + headBytes, kept);
	const writer = new BitWriter(data, headBytes + 4 * kept);
	for (let index = 0, next = 0; index < kept; index++) {
		const position = positions[index]!;
		sent[index] = values[position]!;
		const gap = position - next;
		writer.writeUnary(Math.floor(gap / shorten));
		writer.write(gap & (shorten - 1), width);
		next = position + 1;
	}
	writer.end();
	return data;
}

/** @throws FplError `WIRE_INVALID`. `size` must be within the reader's limit: it may be much larger than the data. */
export function decodeTopK(data: Uint8Array, size: number): Float32Array {
	const view = new DataView(data.buffer, data.byteOffset, data.length);
	if (data.length < headBytes) {
		checkBytes(where, data, headBytes);
	}
	const kept = view.getUint32(0, true);
	const width = view.getUint32(4, true);
	if (kept > size || width > maxRemainderBits || data.length < headBytes + 4 * kept) {
		throw malformed(where, 'the head does not fit the shape and the data', {
			got: `${kept} values, ${width} bits, ${data.length} bytes`,
		});
	}
	const values = new Float32Array(size);
	const reader = new BitReader(where, data, headBytes + 4 * kept);
	const shorten = 2 ** width;
	for (let index = 0, next = 0; index < kept; index++) {
		const position = next + reader.readUnary((size - next) / shorten) * shorten + reader.read(width);
		if (position >= size) {
			throw malformed(where, 'a position lies beyond the tensor');
		}
		values[position] = view.getFloat32(headBytes + 4 * index, true);
		next = position + 1;
	}
	reader.end();
	return values;
}
