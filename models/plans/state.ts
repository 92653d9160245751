/**
 * The state of a stage as it travels: the number of updates and of optimiser slots (uint32, little-endian), then the
 * parameters, the buffers and the slots (float32, little-endian).
 */
import {FplError} from '../../core/errors.js';
import {bytesOf} from '../../core/tensor/tensor.js';
import type {TrainerState} from '../engines/engine.js';

const headerBytes = 8;
/** Adam has two. */
const mostSlots = 8;

export function encodeState({parameters, buffers, slots, updates}: TrainerState): Uint8Array {
	const vectors = [parameters, buffers, ...slots];
	const bytes = new Uint8Array(headerBytes + 4 * vectors.reduce((sum, {length}) => sum + length, 0));
	const view = new DataView(bytes.buffer);
	view.setUint32(0, updates, true);
	view.setUint32(4, slots.length, true);
	let offset = headerBytes;
	for (const data of vectors) {
		bytes.set(bytesOf({data}), offset);
		offset += data.byteLength;
	}
	return bytes;
}

/**
 * @param lengths elements that the parameters and buffers of the stage have.
 * @throws FplError `WIRE_INVALID` when the bytes are no state of such a stage.
 */
export function decodeState(
	bytes: Uint8Array,
	lengths: {readonly parameters: number; readonly buffers: number},
): TrainerState {
	const {parameters, buffers} = lengths;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const count = bytes.length >= headerBytes ? view.getUint32(4, true) : mostSlots + 1;
	const expected = headerBytes + 4 * (parameters * (1 + count) + buffers);
	if (count > mostSlots || bytes.length !== expected) {
		throw new FplError('WIRE_INVALID', {
			where: 'state of a stage',
			expected: `${parameters} parameters and ${buffers} buffer elements`,
			got: `${bytes.length} bytes`,
		});
	}
	let offset = headerBytes;
	const next = (length: number): Float32Array => {
		const copy = Uint8Array.prototype.slice.call(bytes, offset, offset + 4 * length);
		offset += 4 * length;
		return new Float32Array(copy.buffer, copy.byteOffset, length);
	};
	return {
		updates: view.getUint32(0, true),
		parameters: next(parameters),
		buffers: next(buffers),
		slots: Array.from({length: count}, () => next(parameters)),
	};
}
