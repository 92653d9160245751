/** Gradients of arithmetic: y = f(a, b, …) element by element, with broadcasting. dy is the gradient of y. */
import {int} from '../graph.js';
import {asFloat, div, mul, neg, scalarLike, scale, shift} from './ops.js';
import type {GradientRule, RuleContext} from './rule.js';

/** A rule for an operator of one input, from dy, x and y to dx. */
export const unary =
	(dx: (c: RuleContext, dy: string, x: string, y: string) => string): GradientRule =>
	(c, [dy]) => [dx(c, dy!, c.inputs[0]!, c.output(0))];

/** The gradient of input `index` before broadcasting is undone, if anybody wants it. */
const towards = (c: RuleContext, index: number, gradient: () => string): string | undefined =>
	c.wants(index) ? c.unbroadcast(gradient(), c.shape(c.inputs[index]!)) : undefined;

const square = (c: RuleContext, x: string): string => mul(c, x, x);

/** y = a + b + …: every input gets dy. */
const sum: GradientRule = (c, [dy]) => c.inputs.map((_, index) => towards(c, index, () => dy!));

/** y = (a + b + …) / n */
const mean: GradientRule = (c, [dy]) =>
	c.inputs.map((_, index) => towards(c, index, () => scale(c, dy!, 1 / c.inputs.length)));

/**
 * y = max(a, b, …) or min: dy goes to the inputs that equal y, in equal parts where several do (as PyTorch's maximum).
 */
const extremum: GradientRule = (c, [dy]) => {
	if (c.inputs.length === 1) {
		return [dy];
	}
	const y = c.output(0);
	const hits = c.inputs.map(input => asFloat(c, c.emit('Equal', [input, y]), y));
	const ties = hits.reduce((total, hit) => c.emit('Add', [total, hit]));
	const part = div(c, dy!, ties);
	return hits.map((hit, index) => towards(c, index, () => mul(c, part, hit)));
};

/** y = x^p. dx = dy·p·x^(p−1); dp = dy·y·ln x, 0 where x = 0 (and y too). */
const pow: GradientRule = (c, [dy]) => {
	const [x, p] = c.inputs as [string, string];
	return [
		towards(c, 0, () => mul(c, dy!, powDerivative(c, x, p))),
		c.wants(1)
			? towards(c, 1, () => {
					const y = c.output(0);
					const zero = c.emit('Equal', [x, scalarLike(c, x, 0)]);
					const log = c.emit('Log', [c.emit('Where', [zero, scalarLike(c, x, 1), x])]);
					return mul(c, dy!, mul(c, y, log));
				})
			: undefined,
	];
};

function powDerivative(c: RuleContext, x: string, p: string): string {
	const known = c.known(p);
	if (known?.data.length === 1) {
		const exponent = Number(known.data[0]);
		if (exponent === 1) {
			return scalarLike(c, x, 1);
		}
		if (exponent === 2) {
			return scale(c, x, 2);
		}
		if (exponent === 0.5) {
			return div(c, scalarLike(c, x, 0.5), c.output(0));
		}
		return scale(c, c.emit('Pow', [x, scalarLike(c, x, exponent - 1)]), exponent);
	}
	const exponent = c.dtype(p) === c.dtype(x) ? p : asFloat(c, p, x);
	return mul(c, exponent, c.emit('Pow', [x, shift(c, exponent, -1)]));
}

/** y = where(condition, a, b) */
const where: GradientRule = (c, [dy]) => {
	const [condition] = c.inputs as [string];
	const zero = scalarLike(c, dy!, 0);
	return [
		undefined,
		towards(c, 1, () => c.emit('Where', [condition, dy!, zero])),
		towards(c, 2, () => c.emit('Where', [condition, zero, dy!])),
	];
};

/** Between float types the gradient is cast back. From or to anything else none flows. */
const cast: GradientRule = (c, [dy]) => {
	const none = c.inputs.map(() => undefined);
	if (!c.wants(0)) {
		return none;
	}
	const dtype = c.dtype(c.inputs[0]!);
	const back = c.dtype(dy!) === dtype ? dy : c.emit('Cast', [dy!], {to: int(floatCodes[dtype] ?? 1)});
	return [back, ...none.slice(1)];
};

/** `TensorProto.DataType` of the float types. */
const floatCodes: Readonly<Record<string, number>> = {float32: 1, float16: 10, float64: 11, bfloat16: 16};

export const elementwise = {
	Add: sum,
	Sum: sum,
	Mean: mean,
	Sub: (c, [dy]) => [towards(c, 0, () => dy!), towards(c, 1, () => neg(c, dy!))],
	Mul(c, [dy]) {
		const [a, b] = c.inputs as [string, string];
		return [towards(c, 0, () => mul(c, dy!, b)), towards(c, 1, () => mul(c, dy!, a))];
	},
	/** da = dy/b; db = −dy·y/b */
	Div(c, [dy]) {
		const b = c.inputs[1]!;
		const quotient = div(c, dy!, b);
		return [towards(c, 0, () => quotient), towards(c, 1, () => neg(c, mul(c, quotient, c.output(0))))];
	},
	Neg: unary((c, dy) => neg(c, dy)),
	Pow: pow,
	Sqrt: unary((c, dy, _x, y) => scale(c, div(c, dy, y), 0.5)),
	Exp: unary((c, dy, _x, y) => mul(c, dy, y)),
	Log: unary((c, dy, x) => div(c, dy, x)),
	Abs: unary((c, dy, x) => mul(c, dy, c.emit('Sign', [x]))),
	/** y = 1/x: −dy·y² */
	Reciprocal: unary((c, dy, _x, y) => neg(c, mul(c, dy, square(c, y)))),
	Sin: unary((c, dy, x) => mul(c, dy, c.emit('Cos', [x]))),
	Cos: unary((c, dy, x) => neg(c, mul(c, dy, c.emit('Sin', [x])))),
	/** y = tan x: dy·(1 + y²) */
	Tan: unary((c, dy, _x, y) => mul(c, dy, shift(c, square(c, y), 1))),
	Sinh: unary((c, dy, x) => mul(c, dy, c.emit('Cosh', [x]))),
	Cosh: unary((c, dy, x) => mul(c, dy, c.emit('Sinh', [x]))),
	Atan: unary((c, dy, x) => div(c, dy, shift(c, square(c, x), 1))),
	Identity: unary((_c, dy) => dy),
	Cast: cast,
	CastLike: cast,
	Min: extremum,
	Max: extremum,
	Where: where,
} satisfies Record<string, GradientRule>;
