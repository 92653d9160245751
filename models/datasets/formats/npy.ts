/** NumPy's `.npy` files, versions 1 to 3 (numpy.lib.format): magic, version, a Python dict as text, then the elements. */
import {arrayTypes, bytesPerElement, type DType, sizeOf, type Tensor} from '../../../core/tensor/tensor.js';
import {formatError, readDataFile} from './bytes.js';

const descriptions: Readonly<Record<string, DType>> = {
	'|b1': 'bool',
	'|u1': 'uint8',
	'|i1': 'int8',
	'<u2': 'uint16',
	'<i2': 'int16',
	'<u4': 'uint32',
	'<i4': 'int32',
	'<u8': 'uint64',
	'<i8': 'int64',
	'<f2': 'float16',
	'<f4': 'float32',
	'<f8': 'float64',
};

/** Headers of numeric arrays are about a hundred bytes long. */
const maxHeader = 4096;
const headBytes = 12 + maxHeader;
const maxRank = 16;

interface Header {
	readonly dtype: DType;
	readonly shape: readonly number[];
	readonly fortran: boolean;
	readonly offset: number;
	readonly bytes: number;
}

/** Length of the text and where it starts: two bytes of length in version 1, four since version 2. */
function textBounds(file: string, head: Uint8Array): readonly [start: number, end: number] {
	const magic = String.fromCharCode(...head.subarray(1, 6));
	if (head.length < 12 || head[0] !== 0x93 || magic !== 'NUMPY') {
		throw formatError(file, {problem: 'it is no .npy file', expected: 'the magic number \\x93NUMPY'});
	}
	const version = head[6]!;
	if (version < 1 || version > 3) {
		throw formatError(file, {expected: '.npy version 1, 2 or 3', got: `version ${version}`});
	}
	const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
	const start = version === 1 ? 10 : 12;
	const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
	if (length > maxHeader || start + length > head.length) {
		const problem = length > maxHeader ? 'its header is too long' : 'it ends within its header';
		throw formatError(file, {problem, expected: `at most ${maxHeader} bytes`, got: `${length}`});
	}
	return [start, start + length];
}

function readHeader(file: string, head: Uint8Array): Header {
	const [start, end] = textBounds(file, head);
	const text = new TextDecoder().decode(head.subarray(start, end));
	const description = /'descr':\s*'([^']*)'/u.exec(text)?.[1];
	const fortran = /'fortran_order':\s*(True|False)/u.exec(text)?.[1];
	const dimensions = /'shape':\s*\(([\d,\s]*)\)/u.exec(text)?.[1];
	if (fortran === undefined || dimensions === undefined || !text.includes("'descr'")) {
		throw formatError(file, {problem: 'its header is not understood', got: text.trim().slice(0, 120)});
	}
	const dtype = description === undefined ? undefined : descriptions[description];
	if (dtype === undefined) {
		throw formatError(file, {
			expected: `numbers, little-endian: one of ${Object.keys(descriptions).join(', ')}`,
			got: description ?? 'a structured type',
			fix: 'Save the array with an explicit type, for instance numpy.save(file, array.astype("<f4")).',
		});
	}
	const shape = dimensions
		.split(',')
		.map(part => part.trim())
		.filter(part => part !== '')
		.map(Number);
	if (shape.length > maxRank || !shape.every(Number.isSafeInteger)) {
		throw formatError(file, {problem: 'its shape is not usable', got: `(${dimensions.slice(0, 120)})`});
	}
	return {dtype, shape, fortran: fortran === 'True', offset: end, bytes: end + sizeOf(shape) * bytesPerElement(dtype)};
}

/** Column-major elements in row-major order. */
function toRowMajor<T extends {readonly length: number; [index: number]: number | bigint}>(
	from: T,
	to: T,
	shape: readonly number[],
): void {
	const rank = shape.length;
	const strides: number[] = [];
	let stride = 1;
	for (const dim of shape) {
		strides.push(stride);
		stride *= dim;
	}
	const position = new Array<number>(rank).fill(0);
	let source = 0;
	for (let target = 0; target < to.length; target++) {
		to[target] = from[source]!;
		for (let axis = rank - 1; axis >= 0; axis--) {
			position[axis]! += 1;
			source += strides[axis]!;
			if (position[axis]! < shape[axis]!) {
				break;
			}
			source -= strides[axis]! * shape[axis]!;
			position[axis] = 0;
		}
	}
}

/**
 * Reads a `.npy` file (gzipped or not) of little-endian numbers, in C or Fortran order.
 * @throws FplError `DATA_FILE`, `DATA_FORMAT`.
 */
export async function readNpy(file: string, maximum = 2 ** 30): Promise<Tensor> {
	const bytes = await readDataFile(file, {
		head: headBytes,
		total: head => readHeader(file, head).bytes,
		maximum,
	});
	const {dtype, shape, fortran, offset} = readHeader(file, bytes.subarray(0, headBytes));
	const data = new arrayTypes[dtype](bytes.slice(offset).buffer);
	if (!fortran || shape.length < 2) {
		return {dtype, shape, data} as Tensor;
	}
	const ordered = new arrayTypes[dtype](data.length);
	toRowMajor(data as Float32Array, ordered as Float32Array, shape);
	return {dtype, shape, data: ordered} as Tensor;
}
