/** Between our tensors and those of tfjs, which knows float32, int32 and bool only. */
import {FplError} from '../../../core/errors.js';
import {type DataTypeMap, type DType, type Tensor, tensor, toNumbers} from '../../../core/tensor/tensor.js';
import {type Tf, type TfTensor, Value} from './value.js';

const int32Range = {min: -(2 ** 31), max: 2 ** 31 - 1} as const;
/** int64 values outside int32 are «to the end» markers (a Slice up to 2^63 − 1), so clamping keeps their meaning. */
const toInt32 = (value: number) => Math.min(int32Range.max, Math.max(int32Range.min, value));

/** How each of our element types is held by tfjs; undefined: not at all. */
const tfTypes = {
	float32: 'float32',
	float64: 'float32',
	float16: undefined,
	bfloat16: undefined,
	int8: 'int32',
	uint8: 'int32',
	int16: 'int32',
	uint16: 'int32',
	int32: 'int32',
	uint32: 'int32',
	int64: 'int32',
	uint64: 'int32',
	bool: 'bool',
} as const satisfies Record<DType, 'float32' | 'int32' | 'bool' | undefined>;

/** @throws FplError `MODEL_OP` for element types that tfjs cannot hold. */
export function tfTypeOf(dtype: DType, where: string): 'float32' | 'int32' | 'bool' {
	const type = tfTypes[dtype];
	if (type === undefined) {
		throw new FplError('MODEL_OP', {
			where,
			problem: `the tfjs engine cannot hold ${dtype}`,
			fix: 'Convert the model to float32',
		});
	}
	return type;
}

/**
 * A copy inside tfjs.
 * @throws FplError `MODEL_OP` for element types that tfjs cannot hold.
 */
export function toTf(tf: Tf, t: Tensor, where: string): Value {
	const type = tfTypeOf(t.dtype, where);
	const shape = [...t.shape];
	if (type === 'float32') {
		const data = t.dtype === 'float32' ? t.data.slice() : Float32Array.from(t.data as Float64Array);
		return new Value(tf, tf.tensor(data, shape, 'float32'));
	}
	if (type === 'bool') {
		return new Value(tf, tf.tensor(Uint8Array.from(t.data as Uint8Array), shape, 'bool'));
	}
	const numbers = toNumbers(t);
	return new Value(tf, tf.tensor(Int32Array.from(numbers, toInt32), shape, 'int32'), 'plain', numbers);
}

/** A copy outside tfjs, in the element type that the model declares (by default the nearest to what tfjs holds). */
export function fromTf(value: Value, dtype?: DType): Tensor {
	const {plain} = value;
	const data = plain.dataSync();
	switch (dtype ?? plain.dtype) {
		case 'float32':
			return tensor('float32', plain.shape, Float32Array.from(data));
		case 'float64':
			return tensor('float64', plain.shape, Float64Array.from(data));
		case 'int64':
			return tensor('int64', plain.shape, BigInt64Array.from(data as Int32Array, BigInt));
		case 'bool':
			return tensor('bool', plain.shape, Uint8Array.from(data));
		case 'int32':
			return tensor('int32', plain.shape, Int32Array.from(data) as DataTypeMap['int32']);
		default:
			throw new FplError('MODEL_OP', {problem: `the tfjs engine cannot give out ${dtype}`});
	}
}

export const shapeText = (t: TfTensor | Value) => `[${t.shape.join(', ')}]`;
