/** int64 values in the narrowest integers that hold all of them: labels and token numbers seldom need eight bytes. */
import type {DType} from '../../tensor/tensor.js';
import type {Format} from '../encoded.js';

/** Narrow formats with their range, narrowest first; unsigned before signed. */
const narrow = [
	['as-uint8', 'uint8', 0, 0xff],
	['as-int8', 'int8', -0x80, 0x7f],
	['as-uint16', 'uint16', 0, 0xffff],
	['as-int16', 'int16', -0x8000, 0x7fff],
	['as-uint32', 'uint32', 0, 0xffffffff],
	['as-int32', 'int32', -0x80000000, 0x7fffffff],
] as const satisfies readonly (readonly [Format, DType, number, number])[];

const arrays = {
	uint8: Uint8Array,
	int8: Int8Array,
	uint16: Uint16Array,
	int16: Int16Array,
	uint32: Uint32Array,
	int32: Int32Array,
} as const;

export type NarrowFormat = (typeof narrow)[number][0];

/** Undefined when some value needs more than 32 bits, or there are no values. */
export function encodeInt64(values: BigInt64Array): {format: NarrowFormat; data: Uint8Array} | undefined {
	// Halves instead of bigints, which would be allocated one by one.
	const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
	let least = Number.POSITIVE_INFINITY;
	let most = Number.NEGATIVE_INFINITY;
	for (let index = 0; index < halves.length; index += 2) {
		const value = halves[index + 1]! * 0x100000000 + (halves[index]! >>> 0);
		least = value < least ? value : least;
		most = value > most ? value : most;
	}
	const entry = narrow.find(([, , from, to]) => from <= least && most <= to);
	if (!entry || values.length === 0) {
		return undefined;
	}
	const out = new arrays[entry[1]](values.length);
	for (let index = 0; index < out.length; index++) {
		out[index] = halves[2 * index]!;
	}
	return {format: entry[0], data: new Uint8Array(out.buffer)};
}

/** The dtype that a narrow format keeps values in; undefined for other formats. */
export const narrowDtype = (format: Format): keyof typeof arrays | undefined =>
	narrow.find(([name]) => name === format)?.[1];

/** `data` holds exactly `size` values. */
export function decodeInt64(data: Uint8Array, dtype: keyof typeof arrays, size: number): BigInt64Array {
	const source = new arrays[dtype](new Uint8Array(data).buffer);
	const values = new BigInt64Array(size);
	const halves = new Int32Array(values.buffer);
	for (let index = 0; index < size; index++) {
		const value = source[index]!;
		halves[2 * index] = value;
		halves[2 * index + 1] = value < 0 ? -1 : 0;
	}
	return values;
}
