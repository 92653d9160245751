/** IDX files, the format of MNIST (yann.lecun.com/exdb/mnist): big-endian, magic 0 0 type rank, then the dimensions. */
import {arrayTypes, bytesPerElement, type Tensor, tensor} from '../../../core/tensor/tensor.js';
import {formatError, readDataFile} from './bytes.js';

const types = {
	8: 'uint8',
	9: 'int8',
	11: 'int16',
	12: 'int32',
	13: 'float32',
	14: 'float64',
} as const;
type TypeCode = keyof typeof types;

const maxRank = 8;
const headBytes = 4 + 4 * maxRank;

interface Header {
	readonly dtype: (typeof types)[TypeCode];
	readonly shape: readonly number[];
	/** Where the elements start. */
	readonly offset: number;
	/** Length of the whole file. */
	readonly bytes: number;
}

function readHeader(file: string, head: Uint8Array): Header {
	const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
	const written = [...head.subarray(0, 4)].map(byte => byte.toString(16).padStart(2, '0')).join(' ');
	const rank = head[3] ?? 0;
	const dtype = types[(head[2] ?? 0) as TypeCode] as Header['dtype'] | undefined;
	if (head.length < 4 || head[0] !== 0 || head[1] !== 0 || dtype === undefined || rank < 1 || rank > maxRank) {
		throw formatError(file, {
			problem: 'it is no IDX file',
			expected: 'the magic number 00 00 <type> <rank>',
			got: written === '' ? 'an empty file' : written,
		});
	}
	const offset = 4 + 4 * rank;
	if (head.length < offset) {
		throw formatError(file, {problem: 'it ends within its header', expected: `${offset} bytes`, got: `${head.length}`});
	}
	const shape = Array.from({length: rank}, (_, axis) => view.getUint32(4 + 4 * axis));
	// Eight dimensions of 2³² overflow no double, so that a product beyond the bounds is seen as such.
	const elements = shape.reduce((product, dim) => product * dim, 1);
	return {dtype, shape, offset, bytes: offset + elements * bytesPerElement(dtype)};
}

/** Big-endian elements into a typed array of this machine (which is little-endian wherever Node.js runs). */
function decode(header: Header, bytes: Uint8Array): Tensor {
	const {dtype, shape, offset} = header;
	const width = bytesPerElement(dtype);
	if (width === 1) {
		const data = bytes.subarray(offset);
		return dtype === 'int8'
			? tensor('int8', shape, new Int8Array(data.buffer, data.byteOffset, data.length))
			: tensor('uint8', shape, data);
	}
	const swapped = Buffer.from(bytes.subarray(offset));
	if (width === 2) {
		swapped.swap16();
	} else if (width === 4) {
		swapped.swap32();
	} else {
		swapped.swap64();
	}
	// A Buffer may start anywhere in its pool; typed arrays want their alignment.
	const aligned = new Uint8Array(swapped).buffer;
	return {dtype, shape, data: new arrayTypes[dtype](aligned)} as Tensor;
}

/**
 * Reads an IDX file, gzipped or not, of any of its six element types.
 * @throws FplError `DATA_FILE`, `DATA_FORMAT`.
 */
export async function readIdx(file: string, maximum = 2 ** 30): Promise<Tensor> {
	const bytes = await readDataFile(file, {
		head: headBytes,
		total: head => readHeader(file, head).bytes,
		maximum,
	});
	return decode(readHeader(file, bytes.subarray(0, headBytes)), bytes);
}
