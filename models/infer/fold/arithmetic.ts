/** Compile-time evaluation of elementwise operators and reductions. */
import {type Shape, sizeOf, type Tensor, toNumbers} from '../../../core/tensor/tensor.js';
import {type Call, type Evaluator, type EvaluatorTable, fromNumbers} from './call.js';

/** Row-major strides, with 0 on axes that are broadcast to `target`. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
	const strides = new Array<number>(target.length).fill(0);
	let stride = 1;
	for (let axis = shape.length - 1; axis >= 0; axis--) {
		strides[axis + target.length - shape.length] = shape[axis] === 1 ? 0 : stride;
		stride *= shape[axis]!;
	}
	return strides;
}

/** Calls `visit` with the coordinates of every element, in row-major order. The array is reused. */
export function eachElement(shape: Shape, visit: (coordinates: readonly number[], flat: number) => void): void {
	const coordinates = new Array<number>(shape.length).fill(0);
	const count = sizeOf(shape);
	for (let flat = 0; flat < count; flat++) {
		visit(coordinates, flat);
		for (let axis = shape.length - 1; axis >= 0; axis--) {
			coordinates[axis]! += 1;
			if (coordinates[axis]! < shape[axis]!) {
				break;
			}
			coordinates[axis] = 0;
		}
	}
}

const isHalf = ({dtype}: Tensor) => dtype === 'float16' || dtype === 'bfloat16';

/** Elementwise over inputs that are broadcast together. */
function mapped(compute: (call: Call, values: readonly number[]) => number): Evaluator {
	return call => {
		const [output] = call.outputs;
		const inputs = call.inputs.filter(input => input !== undefined);
		if (inputs.some(isHalf)) {
			return undefined;
		}
		const numbers = inputs.map(input => toNumbers(input));
		const strides = inputs.map(input => broadcastStrides(input.shape, output!.shape));
		const result = new Float64Array(sizeOf(output!.shape));
		eachElement(output!.shape, (coordinates, flat) => {
			const values = numbers.map((data, index) => {
				const steps = strides[index]!;
				return data[coordinates.reduce((sum, coordinate, axis) => sum + coordinate * steps[axis]!, 0)]!;
			});
			result[flat] = compute(call, values);
		});
		const made = fromNumbers(output!.dtype, output!.shape, result);
		return made === undefined ? undefined : [made];
	};
}

const unary = (compute: (a: number) => number) => mapped((_, [a = 0]) => compute(a));
const binary = (compute: (a: number, b: number) => number) => mapped((_, [a = 0, b = 0]) => compute(a, b));

const isInteger = ({outputs: [output]}: Call) => !output!.dtype.startsWith('float');

/** Integers divide towards zero. */
const divide: Evaluator = mapped((call, [a = 0, b = 0]) =>
	isInteger(call) ? (b === 0 ? 0 : Math.trunc(a / b)) : a / b,
);

/** The sign follows the divisor, or with `fmod` the dividend. */
const modulo: Evaluator = mapped(({context}, [a = 0, b = 0]) => {
	const rest = b === 0 ? 0 : a % b;
	return context.int('fmod', 0) === 0 && rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
});

/** Half to even, as IEEE 754 and ONNX have it. */
function roundEven(value: number): number {
	const below = Math.floor(value);
	const half = value - below;
	return half < 0.5 || (half === 0.5 && below % 2 === 0) ? below : below + 1;
}

function reduction(start: number, combine: (total: number, value: number) => number): Evaluator {
	return call => {
		const [output] = call.outputs;
		const input = call.inputs[0]!;
		if (isHalf(input)) {
			return undefined;
		}
		const numbers = toNumbers(input);
		const {context} = call;
		const named = context.has(1) ? context.numbers(1) : (context.ints('axes') ?? []);
		const everything = named.length === 0 && context.int('noop_with_empty_axes', 0) === 0;
		const axes = new Set(everything ? input.shape.keys() : context.axes(named, input.shape.length));
		// The kept shape's strides, with 0 on the reduced axes, lead to the accumulator.
		const kept = input.shape.map((dim, axis) => (axes.has(axis) ? 1 : dim));
		const strides = broadcastStrides(kept, input.shape);
		const result = new Float64Array(sizeOf(output!.shape)).fill(start);
		eachElement(input.shape, (coordinates, flat) => {
			const at = coordinates.reduce((sum, coordinate, axis) => sum + coordinate * strides[axis]!, 0);
			result[at] = combine(result[at]!, numbers[flat]!);
		});
		const made = fromNumbers(output!.dtype, output!.shape, result);
		return made === undefined ? undefined : [made];
	};
}

const trunc: Evaluator = mapped((call, [a = 0]) =>
	isInteger(call) && call.outputs[0]!.dtype !== 'bool' ? Math.trunc(a) : a,
);

export const arithmetic: EvaluatorTable = {
	Cast: trunc,
	Add: binary((a, b) => a + b),
	Sub: binary((a, b) => a - b),
	Mul: binary((a, b) => a * b),
	Div: divide,
	Mod: modulo,
	Pow: binary((a, b) => a ** b),
	Min: mapped((_, values) => Math.min(...values)),
	Max: mapped((_, values) => Math.max(...values)),
	Equal: binary((a, b) => Number(a === b)),
	Greater: binary((a, b) => Number(a > b)),
	Less: binary((a, b) => Number(a < b)),
	GreaterOrEqual: binary((a, b) => Number(a >= b)),
	LessOrEqual: binary((a, b) => Number(a <= b)),
	And: binary((a, b) => Number(a !== 0 && b !== 0)),
	Or: binary((a, b) => Number(a !== 0 || b !== 0)),
	Xor: binary((a, b) => Number((a !== 0) !== (b !== 0))),
	Not: unary(a => Number(a === 0)),
	Neg: unary(a => -a),
	Abs: unary(Math.abs),
	Sign: unary(Math.sign),
	Floor: unary(Math.floor),
	Ceil: unary(Math.ceil),
	Round: unary(roundEven),
	Sqrt: unary(Math.sqrt),
	Reciprocal: unary(a => 1 / a),
	Exp: unary(Math.exp),
	Log: unary(Math.log),
	Where: mapped((_, [condition = 0, a = 0, b = 0]) => (condition !== 0 ? a : b)),
	ReduceSum: reduction(0, (total, value) => total + value),
	ReduceProd: reduction(1, (total, value) => total * value),
	ReduceMin: reduction(Number.POSITIVE_INFINITY, Math.min),
	ReduceMax: reduction(Number.NEGATIVE_INFINITY, Math.max),
};
