/**
 * Stochastic quantisation (QSGD; Alistarh, Grubic, Li, Tomioka, Vojnovic 2017): in each bucket of 512 elements, x becomes
 * ‖x‖₂ · sign · l/s, where l is one of the two levels 0 … s around s·|x|/‖x‖₂, by chance, so that the mean is x. The
 * error's variance is at most min(d/s², √d/s) · ‖x‖₂² in a bucket of d elements (their lemma 3.1).
 *
 * Data: u16 s, u8 layout, u8 zero, u32 bucket, the norms as float32, then the signed levels as bits, in the layout that is
 * smaller: packed, l + s in ⌈log₂(2s + 1)⌉ bits; or gamma, the Elias gamma code of l + 1, and a sign bit unless l is 0.
 * In a bucket most levels are far below s (their mean is near s/√d), which gamma codes make use of and packing cannot:
 * 1.8 bits an element against 4 for normal values and s = 7. Packing wins for large s, and bounds the worst case. The
 * recursive Elias code that the paper proves its bound with is shorter only for levels of 31 and more.
 */
import type {Random} from '../../random.js';
import {checkBytes, malformed, scratch} from '../encoded.js';
import {noise} from '../values.js';
import {BitReader, BitWriter} from './bits.js';

const where = 'qsgd tensor';
const headBytes = 8;
const layouts = {packed: 0, gamma: 1} as const;

/** Elements that share a norm: the paper's experiments use 512 for 4 bits. */
export const bucketSize = 512;
export const packedWidth = (levels: number): number => 32 - Math.clz32(2 * levels);
/** Bits of a level in the gamma layout. */
export const gammaBits = (level: number): number => (level === 0 ? 1 : 2 * (31 - Math.clz32(level + 1)) + 2);

/** Of finite values; undefined when a norm is too large for a float32. */
export function encodeQsgd(values: Float32Array, levels: number, random: Random): Uint8Array | undefined {
	const norms = new Float32Array(Math.ceil(values.length / bucketSize));
	const signed = new Int16Array(values.length);
	const uniform = noise(random);
	let bits = 0;
	for (let bucket = 0; bucket < norms.length; bucket++) {
		const from = bucket * bucketSize;
		const to = Math.min(values.length, from + bucketSize);
		let squares = 0;
		for (let index = from; index < to; index++) {
			squares += values[index]! * values[index]!;
		}
		const norm = Math.fround(Math.sqrt(squares));
		norms[bucket] = norm;
		const factor = norm === 0 ? 0 : levels / norm;
		for (let index = from; index < to; index++) {
			const value = values[index]! * factor;
			// At most `levels`: rounding to float32 keeps the norm at or above the largest value, and `noise` stays below 1.
			const level = Math.floor(Math.abs(value) + uniform());
			signed[index] = value < 0 ? -level : level;
			bits += gammaBits(level);
		}
	}
	if (!norms.every(Number.isFinite)) {
		return undefined;
	}
	const width = packedWidth(levels);
	const packedBits = width * values.length;
	const packed = packedBits <= bits;
	const data = scratch(headBytes + norms.byteLength + Math.ceil((packed ? packedBits : bits) / 8));
	const view = new DataView(data.buffer, data.byteOffset);
	view.setUint16(0, levels, true);
	view.setUint16(2, packed ? layouts.packed : layouts.gamma, true);
	view.setUint32(4, bucketSize, true);
	data.set(new Uint8Array(norms.buffer), headBytes);
	const writer = new BitWriter(data, headBytes + norms.byteLength);
	if (packed) {
		for (let index = 0; index < signed.length; index++) {
			writer.write(signed[index]! + levels, width);
		}
	} else {
		for (let index = 0; index < signed.length; index++) {
			writeGamma(writer, signed[index]!);
		}
	}
	writer.end();
	return data;
}

function writeGamma(writer: BitWriter, signed: number): void {
	if (signed === 0) {
		writer.write(1, 1);
		return;
	}
	const code = Math.abs(signed) + 1;
	const digits = 31 - Math.clz32(code);
	writer.write(1 << digits, digits + 1);
	writer.write((code & ((1 << digits) - 1)) | (signed < 0 ? 1 << digits : 0), digits + 1);
}

function readGamma(reader: BitReader): number {
	const digits = reader.readUnary(16);
	if (digits === 0) {
		return 0;
	}
	const rest = reader.read(digits + 1);
	const level = (1 << digits) + (rest & ((1 << digits) - 1)) - 1;
	return rest >>> digits ? -level : level;
}

/** @throws FplError `WIRE_INVALID`. */
export function decodeQsgd(data: Uint8Array, size: number): Float32Array {
	if (data.length < headBytes) {
		checkBytes(where, data, headBytes);
	}
	const view = new DataView(data.buffer, data.byteOffset, data.length);
	const levels = view.getUint16(0, true);
	const layout = view.getUint16(2, true);
	const bucket = view.getUint32(4, true);
	if (levels === 0 || levels > 32_767 || bucket === 0 || (layout !== layouts.packed && layout !== layouts.gamma)) {
		throw malformed(where, 'the head is not usable', {got: `${levels} levels, layout ${layout}, buckets of ${bucket}`});
	}
	const buckets = Math.ceil(size / bucket);
	const width = packedWidth(levels);
	const start = headBytes + 4 * buckets;
	if (layout === layouts.packed) {
		checkBytes(where, data, start + Math.ceil((width * size) / 8));
	} else if (data.length < start + size / 8) {
		throw malformed(where, 'there is less than a bit for each element');
	}
	const norms = new Float32Array(new Uint8Array(data.subarray(headBytes, start)).buffer);
	if (!norms.every(norm => Number.isFinite(norm) && norm >= 0)) {
		throw malformed(where, 'a norm is not a finite number ≥ 0');
	}
	const values = new Float32Array(size);
	const reader = new BitReader(where, data, start);
	for (let index = 0; index < size; ) {
		const step = norms[Math.floor(index / bucket)]! / levels;
		for (const end = Math.min(size, (Math.floor(index / bucket) + 1) * bucket); index < end; index++) {
			const level = layout === layouts.packed ? reader.read(width) - levels : readGamma(reader);
			if (level > levels || level < -levels) {
				throw malformed(where, 'a level is larger than the largest');
			}
			values[index] = level * step;
		}
	}
	reader.end();
	return values;
}
