/** ONNX' element types by number (TensorProto.DataType) and ours by name. */
import {FplError} from '../../core/errors.js';
import {type DType, dtypes} from '../../core/tensor/tensor.js';
import {TensorProtoDataType} from './onnx_pb.js';

export const dtypeNumbers = {
	float32: TensorProtoDataType.FLOAT,
	float64: TensorProtoDataType.DOUBLE,
	float16: TensorProtoDataType.FLOAT16,
	bfloat16: TensorProtoDataType.BFLOAT16,
	int8: TensorProtoDataType.INT8,
	uint8: TensorProtoDataType.UINT8,
	int16: TensorProtoDataType.INT16,
	uint16: TensorProtoDataType.UINT16,
	int32: TensorProtoDataType.INT32,
	uint32: TensorProtoDataType.UINT32,
	int64: TensorProtoDataType.INT64,
	uint64: TensorProtoDataType.UINT64,
	bool: TensorProtoDataType.BOOL,
} as const satisfies Record<DType, number>;

const byNumber = new Map<number, DType>(dtypes.map(dtype => [dtypeNumbers[dtype], dtype]));

/** @throws FplError `MODEL_INVALID` for strings, complex numbers, 8-bit floats and whatever else we hold no tensors of. */
export function dtypeOf(number: number, where: string): DType {
	const dtype = byNumber.get(number);
	if (dtype === undefined) {
		const name = Object.entries(TensorProtoDataType).find(([, value]) => value === number)?.[0];
		throw new FplError('MODEL_INVALID', {
			where,
			problem: 'the element type is not supported',
			expected: `one of ${dtypes.join(', ')}`,
			got: name === undefined ? `type number ${number}` : name,
		});
	}
	return dtype;
}
