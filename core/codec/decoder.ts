/** Tensors from the form in which they travel. Everything is in the encoded tensor: a reader needs no state and no spec. */
import {arrayTypes, bytesPerElement, type DType, sizeOf, type Tensor, type TypedArray} from '../tensor/tensor.js';
import {checkBytes, type EncodedTensor, type Format, malformed} from './encoded.js';
import {decodeBf16, decodeFp16} from './formats/half.js';
import {channelsOf, decodeInt8, oneChannel} from './formats/int8.js';
import {decodeInt64, narrowDtype} from './formats/integers.js';
import {decodeQsgd} from './formats/qsgd.js';
import {decodeTopK} from './formats/top-k.js';

/** ONNX has no limit on rank; no tensor in use has more. */
const maxRank = 16;
/** Beside a zero, a dimension may be anything that a bundle can say. */
const maxDim = 0xffffffff;

/**
 * The tensor, its data a view of the encoded bytes where their format and address allow, else new.
 * `maxElements`: most elements that the reader has a use for, since a few bytes can stand for many zeros.
 * @throws FplError `WIRE_INVALID` for anything that no encoder makes, before memory is taken for it.
 */
export function decodeTensor(encoded: EncodedTensor, maxElements: number): Tensor {
	const {dtype, shape, format, data} = encoded;
	if (shape.length > maxRank || !shape.every(dim => Number.isInteger(dim) && dim >= 0 && dim <= maxDim)) {
		throw malformed('tensor', 'the shape is not usable', {
			expected: `at most ${maxRank} dimensions, whole numbers ≥ 0`,
			got: `[${shape.slice(0, maxRank).join(', ')}${shape.length > maxRank ? ', …' : ''}]`,
		});
	}
	const size = sizeOf(shape);
	if (size > maxElements) {
		throw malformed('tensor', 'it is larger than allowed', {expected: `≤ ${maxElements} elements`, got: `${size}`});
	}
	const values = decodeData(dtype, shape, size, format, data);
	return {dtype, shape, data: values} as unknown as Tensor;
}

function decodeData(
	dtype: DType,
	shape: readonly number[],
	size: number,
	format: Format,
	data: Uint8Array,
): TypedArray {
	const belongs = format === 'raw' ? dtype : narrowDtype(format) ? 'int64' : 'float32';
	if (dtype !== belongs) {
		throw malformed('tensor', 'the format is not for tensors of this type', {got: `${format} for ${dtype}`});
	}
	switch (format) {
		case 'raw':
			return decodeRaw(dtype, size, data);
		case 'fp16':
			return decodeFp16(data, size);
		case 'bf16':
			return decodeBf16(data, size);
		case 'int8':
			return decodeInt8(data, oneChannel(size), size);
		case 'int8-channel':
			return decodeInt8(data, channelsOf(shape, size), size);
		case 'top-k':
			return decodeTopK(data, size);
		case 'qsgd':
			return decodeQsgd(data, size);
		case 'as-int8':
		case 'as-uint8':
		case 'as-int16':
		case 'as-uint16':
		case 'as-int32':
		case 'as-uint32': {
			const narrow = narrowDtype(format)!;
			checkBytes('int64 tensor', data, size * bytesPerElement(narrow));
			return decodeInt64(data, narrow, size);
		}
		default:
			return format satisfies never;
	}
}

function decodeRaw(dtype: DType, size: number, data: Uint8Array): TypedArray {
	const width = bytesPerElement(dtype);
	checkBytes(`${dtype} tensor`, data, size * width);
	if (dtype === 'bool' && data.some(value => value > 1)) {
		throw malformed('bool tensor', 'a value is neither 0 nor 1');
	}
	const aligned = data.byteOffset % width === 0 ? data : new Uint8Array(data);
	return new arrayTypes[dtype](aligned.buffer as ArrayBuffer, aligned.byteOffset, size);
}
