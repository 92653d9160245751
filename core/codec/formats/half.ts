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
 * For each sign and float32 exponent: bits 0–15 what sign and exponent contribute, 16–20 how far the mantissa is shifted,
 * 21 whether its leading one is written out (binary16 subnormals). One entry serves normal, subnormal and vanishing
 * values alike, without branches that gradients near 2⁻¹⁴ would make unpredictable.
 */
const fp16Entries = Int32Array.from({length: 512}, (_, index) => {
	const sign = (index & 256) << 7;
	const exponent = index & 255;
	if (exponent > 112) {
		return sign | ((Math.min(exponent, 142) - 112) << 10) | (13 << 16);
	}
	return sign | (Math.min(126 - exponent, 25) << 16) | (1 << 21);
});

/** For values up to `largestFp16`; a mantissa that rounds up carries into the exponent. */
function fp16Pattern(pattern: number): number {
	const entry = fp16Entries[pattern >>> 23]!;
	const shift = (entry >>> 16) & 31;
	const mantissa = (pattern & 0x7fffff) | ((entry >>> 21) << 23);
	return (entry & 0xffff) + ((mantissa + (1 << (shift - 1)) - 1 + ((mantissa >>> shift) & 1)) >>> shift);
}

function fp16Beyond(pattern: number): number {
	const sign = (pattern >>> 16) & 0x8000;
	const magnitude = pattern & magnitudeMask;
	return sign | (magnitude > infinityBits ? 0x7e00 : magnitude === infinityBits ? 0x7c00 : 0x7bff);
}

/** `largest`: pattern of the values' largest magnitude. */
export function encodeFp16(values: Float32Array, largest: number): Uint8Array {
	const patterns = patternsOf(values);
	const data = scratch(values.length * 2);
	const out = new Uint16Array(data.buffer, data.byteOffset, values.length);
	if (largest <= largestFp16) {
		for (let index = 0; index < out.length; index++) {
			out[index] = fp16Pattern(patterns[index]!);
		}
	} else {
		for (let index = 0; index < out.length; index++) {
			const pattern = patterns[index]!;
			out[index] = (pattern & magnitudeMask) <= largestFp16 ? fp16Pattern(pattern) : fp16Beyond(pattern);
		}
	}
	return data;
}

export function encodeBf16(values: Float32Array, largest: number): Uint8Array {
	const patterns = patternsOf(values);
	const data = scratch(values.length * 2);
	const out = new Uint16Array(data.buffer, data.byteOffset, values.length);
	if (largest <= largestBf16) {
		for (let index = 0; index < out.length; index++) {
			const pattern = patterns[index]!;
			out[index] = (pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16;
		}
	} else {
		for (let index = 0; index < out.length; index++) {
			const pattern = patterns[index]!;
			const magnitude = pattern & magnitudeMask;
			const sign = (pattern >>> 16) & 0x8000;
			out[index] =
				magnitude <= largestBf16
					? (pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16
					: sign | (magnitude > infinityBits ? 0x7fc0 : magnitude === infinityBits ? 0x7f80 : 0x7f7f);
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
