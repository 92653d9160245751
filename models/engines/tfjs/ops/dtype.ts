/** ONNX numbers element types (`TensorProto.DataType`); these are the ones we hold. */
import type {DType} from '../../../../core/tensor/tensor.js';

const numbered: Readonly<Record<number, DType>> = {
	1: 'float32',
	2: 'uint8',
	3: 'int8',
	4: 'uint16',
	5: 'int16',
	6: 'int32',
	7: 'int64',
	9: 'bool',
	10: 'float16',
	11: 'float64',
	12: 'uint32',
	13: 'uint64',
	16: 'bfloat16',
};

export const onnxDType = (number: number): DType | undefined => numbered[number];
