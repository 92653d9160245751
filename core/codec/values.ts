/** float32 values looked at as bit patterns: magnitudes order as integers do, which is the fastest way to compare them. */
import type {Random} from '../random.js';

/** The pattern of +∞; larger magnitudes are NaN. */
export const infinityBits = 0x7f800000;
export const magnitudeMask = 0x7fffffff;

/** The bit patterns of values, without copying. */
export const patternsOf = (values: Float32Array): Int32Array =>
	new Int32Array(values.buffer, values.byteOffset, values.length);

/** The float32 that a pattern stands for. */
export function fromPattern(pattern: number): number {
	const cell = new Int32Array([pattern]);
	return new Float32Array(cell.buffer)[0]!;
}

/** Pattern of the largest magnitude; 0 for no values. NaN counts as largest. */
export function largestPattern(values: Float32Array): number {
	const patterns = patternsOf(values);
	const size = patterns.length;
	let largest = 0;
	for (let index = 0; index < size; index++) {
		largest = Math.max(largest, patterns[index]! & magnitudeMask);
	}
	return largest;
}

/** How many values lie beyond a magnitude, NaN included. */
export function countBeyond(values: Float32Array, pattern: number): number {
	const patterns = patternsOf(values);
	let count = 0;
	for (let index = 0; index < patterns.length; index++) {
		count += (patterns[index]! & magnitudeMask) > pattern ? 1 : 0;
	}
	return count;
}

/**
 * Uniform numbers in [2⁻³², 1 − 2⁻³²], many per microsecond, for stochastic rounding: xorshift32 (Marsaglia 2003) begun at
 * a random state. That 0 and 1 never come keeps a value at the end of a scale from being rounded beyond it.
 */
export function noise(random: Random): () => number {
	let state = random.integer(0xffffffff) + 1;
	return () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) / 0x100000000;
	};
}
