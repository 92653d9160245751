/**
 * float32 in two bytes, little-endian: IEEE 754 binary16 and bfloat16, rounded to nearest, ties to even. Infinities and NaN
 * stay what they are; finite values beyond the largest finite one are clamped to it.
 */
import {checkBytes, scratch} from '../encoded.js';
import {countBeyond, infinityBits, magnitudeMask, patternsOf} from '../values.js';

/** Patterns, in float32, of the largest finite binary16 (65504) and bfloat16 (≈ 3.39e38). */
export const largestFp16 = 0x477fe000;
export const largestBf16 = 0x7f7f0000;

/**
 * For each sign and float32 exponent: what the two contribute to the binary16, by how much the mantissa is shifted, and its
 * leading one where that is written out (subnormals). So normal, subnormal and vanishing values go one way, without
 * branches, which nobody could predict for gradients around 2⁻¹⁴.
 */
const bases = new Uint16Array(512);
const shifts = new Uint8Array(512);
const leading = new Int32Array(512);
for (let index = 0; index < 512; index++) {
	const exponent = index & 255;
	const normal = exponent > 112;
	bases[index] = ((index & 256) << 7) | (normal ? (Math.min(exponent, 142) - 112) << 10 : 0);
	shifts[index] = normal ? 13 : Math.min(126 - exponent, 25);
	leading[index] = normal ? 0 : 1 << 23;
}

/** What a value beyond the largest finite one becomes, by its sign: that one, infinity or NaN. */
function beyond(pattern: number, most: number, infinite: number, nan: number): number {
	const magnitude = pattern & magnitudeMask;
	const word = magnitude > infinityBits ? nan : magnitude === infinityBits ? infinite : most;
	return ((pattern >>> 16) & 0x8000) | word;
}

/** `largest`: pattern of the values' largest magnitude. */
export function encodeFp16(values: Float32Array, largest: number): Uint8Array {
	const patterns = patternsOf(values);
	const data = scratch(values.length * 2);
	const out = new Uint16Array(data.buffer, data.byteOffset, values.length);
	// Known to the loop as its own, these need not be looked up for each element.
	const base = bases;
	const shiftOf = shifts;
	const lead = leading;
	const size = patterns.length;
	for (let index = 0; index < size; index++) {
		const pattern = patterns[index]!;
		const entry = pattern >>> 23;
		const shift = shiftOf[entry]!;
		const mantissa = (pattern & 0x7fffff) | lead[entry]!;
		// A mantissa that rounds up to 2 carries into the exponent, as it should.
		out[index] = base[entry]! + ((mantissa + (1 << (shift - 1)) - 1 + ((mantissa >>> shift) & 1)) >>> shift);
	}
	for (let index = 0; largest > largestFp16 && index < size; index++) {
		const pattern = patterns[index]!;
		if ((pattern & magnitudeMask) > largestFp16) {
			out[index] = beyond(pattern, 0x7bff, 0x7c00, 0x7e00);
		}
	}
	return data;
}

export function encodeBf16(values: Float32Array, largest: number): Uint8Array {
	const patterns = patternsOf(values);
	const data = scratch(values.length * 2);
	const out = new Uint16Array(data.buffer, data.byteOffset, values.length);
	const size = patterns.length;
	for (let index = 0; index < size; index++) {
		const pattern = patterns[index]!;
		out[index] = (pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16;
	}
	for (let index = 0; largest > largestBf16 && index < size; index++) {
		const pattern = patterns[index]!;
		if ((pattern & magnitudeMask) > largestBf16) {
			out[index] = beyond(pattern, 0x7f7f, 0x7f80, 0x7fc0);
		}
	}
	return data;
}

/** Finite values beyond `limit`, of `nonFinite` values that are not finite. */
export const countSaturated = (values: Float32Array, largest: number, limit: number, nonFinite: number): number =>
	largest <= limit ? 0 : countBeyond(values, limit) - nonFinite;

/** All of binary16, made when it is first needed. */
let fp16Values: Float32Array | undefined;

function makeFp16Values(): Float32Array {
	return Float32Array.from({length: 65536}, (_, pattern) => {
		const sign = pattern & 0x8000 ? -1 : 1;
		const exponent = (pattern >>> 10) & 31;
		const mantissa = pattern & 1023;
		if (exponent === 31) {
			return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
		}
		return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1024 + mantissa) * 2 ** (exponent - 25);
	});
}

/** The data as 16-bit words; copied when they begin at an odd address. */
function words(data: Uint8Array): Uint16Array {
	const aligned = data.byteOffset % 2 === 0 ? data : new Uint8Array(data);
	return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
}

export function decodeFp16(data: Uint8Array, size: number): Float32Array {
	checkBytes('fp16 tensor', data, size * 2);
	fp16Values ??= makeFp16Values();
	const table = fp16Values;
	const source = words(data);
	const values = new Float32Array(size);
	for (let index = 0; index < size; index++) {
		values[index] = table[source[index]!]!;
	}
	return values;
}

export function decodeBf16(data: Uint8Array, size: number): Float32Array {
	checkBytes('bf16 tensor', data, size * 2);
	const source = words(data);
	const values = new Float32Array(size);
	const patterns = patternsOf(values);
	for (let index = 0; index < size; index++) {
		patterns[index] = source[index]! << 16;
	}
	return values;
}
