/** TensorProto to Tensor and back. */
import {FplError} from '../../core/errors.js';
import {arrayTypes, bytesOf, bytesPerElement, type DType, sizeOf, type Tensor} from '../../core/tensor/tensor.js';
import {dtypeNumbers, dtypeOf} from './dtypes.js';
import type {ExternalData} from './external.js';
import {type TensorProto, TensorProtoDataLocation} from './onnx_pb.js';
import {toBigInt, toNumber} from './schema.js';

/** @throws FplError `MODEL_FILE` when data and shape do not fit together, `MODEL_INVALID` for an unsupported type. */
export function readTensor(proto: TensorProto, external: ExternalData, where: string): Tensor {
	const dtype = dtypeOf(proto.dataType ?? 0, where);
	const shape = (proto.dims ?? []).map(toNumber);
	const size = sizeOf(shape);
	if (!shape.every(dim => Number.isSafeInteger(dim) && dim >= 0) || !Number.isSafeInteger(size * 8)) {
		throw new FplError('MODEL_FILE', {
			where,
			problem: 'the shape is not usable',
			got: `[${shape.slice(0, 40).join(', ')}]`,
		});
	}
	if (proto.segment !== undefined && proto.segment !== null) {
		throw new FplError('MODEL_FILE', {where, problem: 'tensors in segments are not supported'});
	}
	if (proto.dataLocation === TensorProtoDataLocation.EXTERNAL) {
		return fromBytes(
			dtype,
			shape,
			external.read(proto.externalData ?? [], size * bytesPerElement(dtype), where),
			where,
		);
	}
	// Decoded messages answer an empty array for an absent field; `hasOwn` tells absence from emptiness.
	if (Object.hasOwn(proto, 'rawData')) {
		return fromBytes(dtype, shape, proto.rawData!.slice() as Uint8Array<ArrayBuffer>, where);
	}
	const data = fromFields(proto, dtype);
	checkLength(data.length, size, where);
	return normalised({dtype, shape, data} as Tensor);
}

function fromBytes(dtype: DType, shape: readonly number[], bytes: Uint8Array<ArrayBuffer>, where: string): Tensor {
	const width = bytesPerElement(dtype);
	checkLength(bytes.length / width, sizeOf(shape), where);
	// `slice` of a Buffer would be a view into the file; a copy is aligned and lets the file go.
	const own = bytes.byteOffset % width === 0 && !Buffer.isBuffer(bytes) ? bytes : new Uint8Array(bytes);
	const data = new arrayTypes[dtype](own.buffer, own.byteOffset, bytes.length / width);
	return normalised({dtype, shape, data} as Tensor);
}

function checkLength(got: number, expected: number, where: string): void {
	if (got !== expected) {
		throw new FplError('MODEL_FILE', {
			where,
			problem: 'the data do not fit the shape',
			expected: `${expected} elements`,
			got: `${got}`,
		});
	}
}

/** Truth values are 0 and 1 with us, whatever byte stood in the file. */
function normalised(tensor: Tensor): Tensor {
	if (tensor.dtype === 'bool') {
		for (const [index, value] of tensor.data.entries()) {
			tensor.data[index] = value === 0 ? 0 : 1;
		}
	}
	return tensor;
}

/** Which typed field holds which dtype: onnx.proto, comments of TensorProto. */
function fromFields(proto: TensorProto, dtype: DType): Tensor['data'] {
	switch (dtype) {
		case 'float32':
			return Float32Array.from(proto.floatData ?? []);
		case 'float64':
			return Float64Array.from(proto.doubleData ?? []);
		case 'int64':
			return BigInt64Array.from(proto.int64Data ?? [], toBigInt);
		case 'uint64':
			return BigUint64Array.from(proto.uint64Data ?? [], toBigInt);
		case 'uint32':
			return Uint32Array.from(proto.uint64Data ?? [], toNumber);
		case 'int32':
		case 'int16':
		case 'int8':
		case 'uint16':
		case 'uint8':
		case 'bool':
		case 'float16':
		case 'bfloat16':
			return arrayTypes[dtype].from(proto.int32Data ?? []);
		default:
			return dtype satisfies never;
	}
}

/** With its data as raw bytes, little-endian as all machines are that we run on. */
export const writeTensor = (name: string, tensor: Tensor): TensorProto => ({
	dims: [...tensor.shape],
	dataType: dtypeNumbers[tensor.dtype],
	name,
	rawData: bytesOf(tensor),
});
