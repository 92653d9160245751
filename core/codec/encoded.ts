/** A tensor in the form in which it travels, and the numbers by which the forms are known on the wire. */
import {FplError} from '../errors.js';
import type {DType, Shape} from '../tensor/tensor.js';

/** Format → its byte in a bundle. Numbers are never reused. `as-…`: integers in a narrower width. */
export const formats = {
	raw: 0,
	fp16: 1,
	bf16: 2,
	int8: 3,
	'int8-channel': 4,
	'top-k': 5,
	qsgd: 6,
	'as-int8': 16,
	'as-uint8': 17,
	'as-int16': 18,
	'as-uint16': 19,
	'as-int32': 20,
	'as-uint32': 21,
} as const satisfies Record<string, number>;

export type Format = keyof typeof formats;

export interface EncodedTensor {
	/** Of the tensor that was encoded, and that decoding gives again. */
	readonly dtype: DType;
	readonly shape: Shape;
	readonly format: Format;
	/** Laid out as the format's module says; may share memory with the tensor when the format is raw. */
	readonly data: Uint8Array;
}

/** The error for bytes that are no tensor. */
export const malformed = (where: string, problem: string, facts: {expected?: string; got?: string} = {}): FplError =>
	new FplError('WIRE_INVALID', {where, problem, ...facts});

/** @throws FplError `WIRE_INVALID` unless there are exactly so many bytes. */
export function checkBytes(where: string, data: Uint8Array, expected: number): void {
	if (data.length !== expected) {
		throw malformed(where, 'the data have another length than format and shape say', {
			expected: `${expected} bytes`,
			got: `${data.length}`,
		});
	}
}

/** Bytes that the caller overwrites entirely, at the beginning of a buffer of their own. */
export const scratch = (length: number): Uint8Array<ArrayBuffer> => {
	const {buffer, byteOffset} = Buffer.allocUnsafeSlow(length);
	return new Uint8Array(buffer, byteOffset, length);
};
