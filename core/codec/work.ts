/**
 * What encoding and decoding tensors takes: for each element as many bytes as a copy would move in the same time. From
 * `npm run bench:codec`, 0.1 to 1 million elements, on one core of an AMD EPYC server that copies 10.3 GB/s (reads and writes 20.6 GB/s)
 * with it: int8 takes 5.0 ns for an element to encode, as 102 bytes of a copy do. These loops are bound by the core, not by memory;
 * but the two are slow on the same boards, and memory is what every profile knows.
 */
import {type Shape, sizeOf, type Tensor} from '../tensor/tensor.js';
import type {Format} from './encoded.js';
import {channelsOf} from './formats/int8.js';
import {expectedBytes} from './size.js';
import type {CodecSpec} from './spec.js';

/** Bytes of a copy, read and written. */
export interface CodingWork {
	readonly encode: number;
	readonly decode: number;
}

/** Reading and writing of the machine on which the figures were taken, bytes/s: no device is taken to code faster. */
export const referenceBytesPerSecond = 20.6e9;

/** Of data that travel as they are, per byte: the values are looked through, and copied; they are read where they came. */
const rawPerByte = 8;

export const rawWork = (bytes: number): CodingWork => ({encode: rawPerByte * bytes, decode: 0});

/** Of a tensor; codecs are for float32. */
export const workOf = (spec: CodecSpec, tensor: Tensor): CodingWork =>
	tensor.dtype === 'float32' ? codingWork(spec, tensor.shape) : rawWork(tensor.data.byteLength);

/** Of a float32 tensor. */
export function codingWork(spec: CodecSpec, shape: Shape): CodingWork {
	const size = sizeOf(shape);
	switch (spec.kind) {
		case 'fp32':
			return rawWork(4 * size);
		case 'fp16':
		case 'bf16':
			return {encode: (spec.kind === 'fp16' ? 84 : 65) * size, decode: decodingWork(spec.kind, shape, 2 * size)};
		case 'int8': {
			const byChannel = spec.per === 'channel';
			return {
				encode: (spec.rounding === 'stochastic' ? 146 : 102) * size + (byChannel ? rowWork(shape, size) : 0),
				decode: decodingWork(byChannel ? 'int8-channel' : 'int8', shape, size),
			};
		}
		case 'top-k':
			return {
				encode: (185 + 450 * spec.ratio) * size,
				decode: decodingWork(spec.kind, shape, expectedBytes(spec, shape)),
			};
		case 'qsgd': {
			const bytes = expectedBytes(spec, shape);
			return {encode: 395 * size + 176 * bytes, decode: decodingWork(spec.kind, shape, bytes)};
		}
		default:
			return spec satisfies never;
	}
}

/** Reading a tensor. @param dataBytes that it came in. */
export function decodingWork(format: Format, shape: Shape, dataBytes: number): number {
	const size = sizeOf(shape);
	switch (format) {
		case 'fp16':
			return 46 * size;
		case 'bf16':
			return 33 * size;
		case 'int8':
			return 49 * size;
		case 'int8-channel':
			return 49 * size + rowWork(shape, size) / 10;
		case 'top-k':
			return 5 * size + 44 * dataBytes;
		case 'qsgd':
			return 118 * size + 256 * dataBytes;
		case 'raw':
		case 'as-int8':
		case 'as-uint8':
		case 'as-int16':
		case 'as-uint16':
		case 'as-int32':
		case 'as-uint32':
			return 0;
		default:
			return format satisfies never;
	}
}

/** Every row of a channel is begun anew; where it is a single value, that is done at once. */
const rowWork = (shape: Shape, size: number): number => {
	const {inner} = channelsOf(shape, size);
	return size * Math.min(206, 2000 / Math.max(1, inner));
};
