/** The interface between `evaluate` and the evaluators of single operators. */
import {arrayTypes, type DType, type Shape, sizeOf, type Tensor} from '../../../core/tensor/tensor.js';
import type {InferContext} from '../context.js';

/** Where an evaluator gets its arguments and what it must make. */
export interface Call {
	readonly context: InferContext;
	readonly inputs: readonly (Tensor | undefined)[];
	/** Types of the outputs, all static. */
	readonly outputs: readonly {readonly dtype: DType; readonly shape: Shape}[];
}

/** undefined: cannot be computed here. */
export type Evaluator = (call: Call) => readonly Tensor[] | undefined;
export type EvaluatorTable = Readonly<Record<string, Evaluator>>;

/** A tensor from plain numbers, saturating where an integer type cannot hold them; undefined for 16-bit floats. */
export function fromNumbers(dtype: DType, shape: Shape, values: ArrayLike<number>): Tensor | undefined {
	if (dtype === 'float16' || dtype === 'bfloat16') {
		return undefined;
	}
	const array = new arrayTypes[dtype](sizeOf(shape));
	if (array instanceof BigInt64Array || array instanceof BigUint64Array) {
		const [low, high] = array instanceof BigInt64Array ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
		for (let index = 0; index < array.length; index++) {
			const value = values[index]!;
			const whole = Number.isFinite(value) ? BigInt(Math.trunc(value)) : value > 0 ? high : low;
			array[index] = whole < low ? low : whole > high ? high : whole;
		}
	} else {
		for (let index = 0; index < array.length; index++) {
			array[index] = dtype === 'bool' ? Number(values[index] !== 0) : values[index]!;
		}
	}
	return {dtype, shape, data: array} as Tensor;
}
