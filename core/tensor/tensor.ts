/** A dense tensor in row-major order: the one form in which numbers move through the program. */
import {FplError} from '../errors.js';

/** dtype → the typed array that holds it. float16 and bfloat16 are held as their 16-bit patterns; bool as 0 or 1. */
export interface DataTypeMap {
	float32: Float32Array;
	float64: Float64Array;
	float16: Uint16Array;
	bfloat16: Uint16Array;
	int8: Int8Array;
	uint8: Uint8Array;
	int16: Int16Array;
	uint16: Uint16Array;
	int32: Int32Array;
	uint32: Uint32Array;
	int64: BigInt64Array;
	uint64: BigUint64Array;
	bool: Uint8Array;
}

export type DType = keyof DataTypeMap;
export type TypedArray = DataTypeMap[DType];
export type Shape = readonly number[];

interface ArrayConstructor<T> {
	new (length: number): T;
	new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): T;
	readonly BYTES_PER_ELEMENT: number;
}

export const arrayTypes = {
	float32: Float32Array,
	float64: Float64Array,
	float16: Uint16Array,
	bfloat16: Uint16Array,
	int8: Int8Array,
	uint8: Uint8Array,
	int16: Int16Array,
	uint16: Uint16Array,
	int32: Int32Array,
	uint32: Uint32Array,
	int64: BigInt64Array,
	uint64: BigUint64Array,
	bool: Uint8Array,
} as const satisfies {[D in DType]: ArrayConstructor<DataTypeMap[D]>};

export const dtypes = Object.keys(arrayTypes) as readonly DType[];
export const bytesPerElement = (dtype: DType): number => arrayTypes[dtype].BYTES_PER_ELEMENT;

export type Tensor<D extends DType = DType> = {
	[K in D]: {readonly dtype: K; readonly shape: Shape; readonly data: DataTypeMap[K]};
}[D];

/** Number of elements; 1 for a scalar (rank 0). */
export const sizeOf = (shape: Shape): number => shape.reduce((product, dim) => product * dim, 1);
export const byteLengthOf = (dtype: DType, shape: Shape): number => sizeOf(shape) * bytesPerElement(dtype);

/**
 * A tensor over existing data, checked.
 * @throws FplError `TENSOR_INVALID` when a dimension is not a whole number ≥ 0 or the data have another length.
 */
export function tensor<D extends DType>(dtype: D, shape: Shape, data: DataTypeMap[D]): Tensor<D> {
	if (!shape.every(dim => Number.isSafeInteger(dim) && dim >= 0)) {
		throw new FplError('TENSOR_INVALID', {
			problem: 'a dimension is not a whole number ≥ 0',
			got: `[${shape.join(', ')}]`,
		});
	}
	if (data.length !== sizeOf(shape)) {
		throw new FplError('TENSOR_INVALID', {
			where: `${dtype}[${shape.join(', ')}]`,
			expected: `${sizeOf(shape)} elements`,
			got: `${data.length}`,
		});
	}
	return {dtype, shape, data} as unknown as Tensor<D>;
}

export const zeros = <D extends DType>(dtype: D, shape: Shape): Tensor<D> =>
	tensor(dtype, shape, new arrayTypes[dtype](sizeOf(shape)) as unknown as DataTypeMap[D]);

export const float32 = (shape: Shape, values: ArrayLike<number>): Tensor<'float32'> =>
	tensor('float32', shape, Float32Array.from(values));
export const int64 = (shape: Shape, values: readonly number[]): Tensor<'int64'> =>
	tensor(
		'int64',
		shape,
		BigInt64Array.from(values, value => BigInt(value)),
	);
export const scalar = (value: number): Tensor<'float32'> => float32([], [value]);

export const describe = ({dtype, shape}: {readonly dtype: DType; readonly shape: Shape}): string =>
	`${dtype}[${shape.join(', ')}]`;

/** The elements as plain numbers (int64 included), for tests, shape arithmetic and printing. */
export const toNumbers = (t: Tensor): number[] => Array.from(t.data as ArrayLike<number | bigint>, Number);

/** The bytes of a tensor's data, without copying. */
export const bytesOf = (t: {readonly data: TypedArray}): Uint8Array =>
	new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);
