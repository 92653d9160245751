/**
 * Several named tensors in one payload. Little-endian:
 *
 *     offset 0   «FPLB»
 *            4   u16 version, 1
 *            6   u16 number of tensors
 *            8   u32 length of the head: these 16 bytes and the entries, filled up to a multiple of 8
 *           12   u32 zero
 *           16   an entry per tensor: u8 dtype, u8 format, u8 rank, u8 zero, u16 length of the name, u16 zero,
 *                u32 bytes of data, rank × u32 dimensions, the name in UTF-8
 *     head…      the data in the same order, each filled up to a multiple of 8
 *
 * What fills up is zero, and nothing follows: a bundle has one form only.
 */

import {FplError} from '../errors.js';
import {type DType, dtypes, sizeOf, type Tensor} from '../tensor/tensor.js';
import {decodeTensor} from './decoder.js';
import {type EncodedTensor, type Format, formats, malformed} from './encoded.js';
import type {TensorEncoder} from './encoder.js';

const magic = 0x424c5046;
const version = 1;
const headBytes = 16;
const entryBytes = 12;
const maxTensors = 0xffff;
const maxNameBytes = 1024;

/** dtype → its byte in a bundle, by position. Only ever appended to. */
const dtypeBytes = [
	'float32',
	'float64',
	'float16',
	'bfloat16',
	'int8',
	'uint8',
	'int16',
	'uint16',
	'int32',
	'uint32',
	'int64',
	'uint64',
	'bool',
] as const satisfies readonly DType[];
dtypes satisfies readonly (typeof dtypeBytes)[number][];

const formatOfByte = new Map<number, Format>(Object.entries(formats).map(([name, byte]) => [byte, name as Format]));

export interface NamedTensor {
	/** Unique within the bundle; 1 to 1024 bytes of UTF-8. Also the encoder's stream. */
	readonly name: string;
	readonly tensor: Tensor;
}

export interface BundleLimits {
	/** Elements of all tensors together. */
	readonly maxElements: number;
}

/** 256 MiB of float32: whoever expects less should say so. */
export const defaultBundleLimits: BundleLimits = {maxElements: 2 ** 26};

const padded = (bytes: number) => Math.ceil(bytes / 8) * 8;

/** @throws FplError `TENSOR_INVALID` for names that are empty, too long or not unique, and for more than 65535 tensors. */
export function encodeBundle(entries: readonly NamedTensor[], encoder: TensorEncoder): Uint8Array {
	const names = entries.map(({name}) => Buffer.from(name));
	checkNames(entries, names);
	return writeBundle(
		names,
		entries.map(({name, tensor}) => encoder.encode(name, tensor)),
	);
}

function writeBundle(names: readonly Buffer[], tensors: readonly EncodedTensor[]): Uint8Array {
	const head = padded(
		tensors.reduce((bytes, {shape}, index) => bytes + entryBytes + 4 * shape.length + names[index]!.length, headBytes),
	);
	const total = tensors.reduce((bytes, {data}) => bytes + padded(data.length), head);
	const bundle = Buffer.allocUnsafeSlow(total);
	bundle.fill(0, 0, head);
	bundle.writeUInt32LE(magic, 0);
	bundle.writeUInt16LE(version, 4);
	bundle.writeUInt16LE(tensors.length, 6);
	bundle.writeUInt32LE(head, 8);
	let at = headBytes;
	let dataAt = head;
	for (const [index, {dtype, shape, format, data}] of tensors.entries()) {
		const name = names[index]!;
		bundle[at] = dtypeBytes.indexOf(dtype);
		bundle[at + 1] = formats[format];
		bundle[at + 2] = shape.length;
		bundle.writeUInt16LE(name.length, at + 4);
		bundle.writeUInt32LE(data.length, at + 8);
		at += entryBytes;
		for (const dim of shape) {
			at = bundle.writeUInt32LE(dim, at);
		}
		at += name.copy(bundle, at);
		bundle.set(data, dataAt);
		const end = dataAt + padded(data.length);
		bundle.fill(0, dataAt + data.length, end);
		dataAt = end;
	}
	return new Uint8Array(bundle.buffer, bundle.byteOffset, total);
}

function checkNames(entries: readonly NamedTensor[], names: readonly Buffer[]): void {
	const seen = new Set<string>();
	for (const [index, {name}] of entries.entries()) {
		const bytes = names[index]!.length;
		if (bytes === 0 || bytes > maxNameBytes || seen.has(name) || names[index]!.toString() !== name) {
			throw new FplError('TENSOR_INVALID', {
				where: `bundle, tensor ${index}`,
				problem: seen.has(name) ? 'the name appears twice' : 'the name is not usable',
				expected: `names of 1 to ${maxNameBytes} bytes`,
				got: `«${name.slice(0, 60)}»`,
			});
		}
		seen.add(name);
	}
	if (entries.length > maxTensors) {
		throw new FplError('TENSOR_INVALID', {
			where: 'bundle',
			expected: `at most ${maxTensors} tensors`,
			got: `${entries.length}`,
		});
	}
}

/**
 * The tensors by name, in order. Uncompressed data are views of `bytes` where these begin at a multiple of 8, which keeps
 * `bytes` in memory for as long: do not write over them.
 * @throws FplError `WIRE_INVALID`, before memory is taken that the limits do not allow.
 */
export function decodeBundle(bytes: Uint8Array, limits: BundleLimits = defaultBundleLimits): Map<string, Tensor> {
	const tensors = new Map<string, Tensor>();
	let left = limits.maxElements;
	for (const {name, encoded} of readBundle(bytes)) {
		if (tensors.has(name)) {
			throw malformed('bundle', 'a name appears twice', {got: `«${name.slice(0, 60)}»`});
		}
		const tensor = decodeTensor(encoded, left);
		left -= sizeOf(tensor.shape);
		tensors.set(name, tensor);
	}
	return tensors;
}

/** The tensors still encoded, as views of `bytes`. @throws FplError `WIRE_INVALID`. */
export function readBundle(bytes: Uint8Array): {name: string; encoded: EncodedTensor}[] {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	if (bytes.length < headBytes || view.getUint32(0, true) !== magic) {
		throw malformed('bundle', 'it does not begin as a bundle of tensors does');
	}
	if (view.getUint16(4, true) !== version) {
		throw malformed('bundle', 'it has another version', {expected: `${version}`, got: `${view.getUint16(4, true)}`});
	}
	const count = view.getUint16(6, true);
	const head = view.getUint32(8, true);
	if (
		head > bytes.length ||
		head % 8 !== 0 ||
		head < headBytes + count * entryBytes ||
		view.getUint32(12, true) !== 0
	) {
		throw malformed('bundle', 'the head has no usable length', {got: `${head} of ${bytes.length} bytes`});
	}
	const result: {name: string; encoded: EncodedTensor}[] = [];
	let at = headBytes;
	let dataAt = head;
	for (let index = 0; index < count; index++) {
		const where = `bundle, tensor ${index}`;
		const entry = at + entryBytes <= head ? readEntry(view, at) : undefined;
		const dims = entry ? at + entryBytes : head;
		const nameAt = dims + 4 * (entry?.rank ?? 0);
		if (!entry || nameAt + entry.nameBytes > head) {
			throw malformed(where, 'the head ends within the entry');
		}
		const {dtype, format, nameBytes, dataBytes, rank} = entry;
		if (!dtype || !format || nameBytes === 0 || nameBytes > maxNameBytes || entry.spare !== 0) {
			throw malformed(where, 'the entry has values that this version does not know');
		}
		const shape = Array.from({length: rank}, (_, axis) => view.getUint32(dims + 4 * axis, true));
		const name = readName(where, bytes.subarray(nameAt, nameAt + nameBytes));
		const end = dataAt + padded(dataBytes);
		if (end > bytes.length) {
			throw malformed(where, 'the data go beyond the end');
		}
		checkZeros(where, bytes, dataAt + dataBytes, end);
		result.push({name, encoded: {dtype, shape, format, data: bytes.subarray(dataAt, dataAt + dataBytes)}});
		at = nameAt + nameBytes;
		dataAt = end;
	}
	checkZeros('bundle', bytes, at, head);
	if (padded(at) !== head || dataAt !== bytes.length) {
		throw malformed('bundle', 'there are more bytes than its tensors need');
	}
	return result;
}

const readEntry = (view: DataView, at: number) => ({
	dtype: dtypeBytes[view.getUint8(at)],
	format: formatOfByte.get(view.getUint8(at + 1)),
	rank: view.getUint8(at + 2),
	spare: view.getUint8(at + 3) + view.getUint16(at + 6, true),
	nameBytes: view.getUint16(at + 4, true),
	dataBytes: view.getUint32(at + 8, true),
});

const utf8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

function readName(where: string, bytes: Uint8Array): string {
	try {
		return utf8.decode(bytes);
	} catch {
		throw malformed(where, 'the name is not UTF-8');
	}
}

function checkZeros(where: string, bytes: Uint8Array, from: number, to: number): void {
	for (let index = from; index < to; index++) {
		if (bytes[index] !== 0) {
			throw malformed(where, 'what fills up to a multiple of 8 is not zero');
		}
	}
}
