/**
 * float32 in one byte: q = round(127 · x / m), m the largest magnitude of the tensor or of its channel. The data are the
 * m as float32 (one, or one per channel), then the q as int8 in the tensor's order. m itself is sent, not the step m/127,
 * since m is exact even where the step would be too small for a float32. Channels lie along axis 1, as in [N, C, …].
 */
import type {Random} from '../../random.js';
import type {Shape} from '../../tensor/tensor.js';
import {checkBytes, malformed, scratch} from '../encoded.js';
import {largestPattern, noise, patternsOf} from '../values.js';

export interface Rounding {
	readonly rounding: 'nearest' | 'stochastic';
	readonly random: Random;
}

/** Where the channels of a tensor lie: for each of `outer`, each of `channels` has `inner` values in a row. */
interface Channels {
	readonly outer: number;
	readonly channels: number;
	readonly inner: number;
}

export const oneChannel = (size: number): Channels => ({outer: 1, channels: 1, inner: size});

/** Along axis 1; a tensor of rank 0 or 1 is one channel. */
export function channelsOf(shape: Shape, size: number): Channels {
	const [outer, channels] = shape;
	return outer === undefined || channels === undefined || size === 0
		? oneChannel(size)
		: {outer, channels, inner: size / outer / channels};
}

/** Bytes that the magnitudes take. */
const headBytes = ({channels}: Channels) => 4 * channels;
export const int8Bytes = (channels: Channels, size: number): number => headBytes(channels) + size;

/** Of finite values. */
export function encodeInt8(values: Float32Array, channels: Channels, {rounding, random}: Rounding): Uint8Array {
	const data = scratch(int8Bytes(channels, values.length));
	const largest = magnitudes(values, channels);
	data.set(new Uint8Array(largest.buffer, 0, largest.byteLength));
	const out = new Int8Array(data.buffer, data.byteOffset + headBytes(channels), values.length);
	// An all-zero channel has no scale; any factor gives zeros.
	const factors = Float64Array.from(largest, magnitude => (magnitude === 0 ? 0 : 127 / magnitude));
	const uniform = noise(random);
	eachRow(channels, (channel, from, to) => {
		const factor = factors[channel]!;
		if (rounding === 'nearest') {
			for (let index = from; index < to; index++) {
				out[index] = Math.floor(values[index]! * factor + 0.5);
			}
		} else {
			for (let index = from; index < to; index++) {
				out[index] = Math.floor(values[index]! * factor + uniform());
			}
		}
	});
	return data;
}

/** @throws FplError `WIRE_INVALID`. */
export function decodeInt8(data: Uint8Array, channels: Channels, size: number): Float32Array {
	checkBytes('int8 tensor', data, int8Bytes(channels, size));
	const largest = new Float32Array(new Uint8Array(data.subarray(0, headBytes(channels))).buffer);
	if (!largest.every(magnitude => Number.isFinite(magnitude) && magnitude >= 0)) {
		throw malformed('int8 tensor', 'a magnitude is not a finite number ≥ 0');
	}
	const source = new Int8Array(data.buffer, data.byteOffset + headBytes(channels), size);
	const values = new Float32Array(size);
	eachRow(channels, (channel, from, to) => {
		const step = largest[channel]! / 127;
		for (let index = from; index < to; index++) {
			values[index] = source[index]! * step;
		}
	});
	return values;
}

function magnitudes(values: Float32Array, channels: Channels): Float32Array {
	const largest = new Float32Array(channels.channels);
	const patterns = patternsOf(largest);
	if (channels.inner === 1) {
		const source = patternsOf(values);
		let index = 0;
		for (let outer = 0; outer < channels.outer; outer++) {
			for (let channel = 0; channel < patterns.length; channel++) {
				const magnitude = source[index++]! & 0x7fffffff;
				patterns[channel] = magnitude > patterns[channel]! ? magnitude : patterns[channel]!;
			}
		}
		return largest;
	}
	eachRow(channels, (channel, from, to) => {
		patterns[channel] = Math.max(patterns[channel]!, largestPattern(values.subarray(from, to)));
	});
	return largest;
}

function eachRow({outer, channels, inner}: Channels, visit: (channel: number, from: number, to: number) => void): void {
	for (let row = 0; row < outer * channels; row++) {
		visit(row % channels, row * inner, (row + 1) * inner);
	}
}
