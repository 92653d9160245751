/**
 * Gradients of activation functions. Where the derivative can be had from y instead of x it is: then ONNX Runtime may
 * still fuse the activation into the convolution before it, and x need not be kept.
 */
import {float} from '../graph.js';
import {unary} from './elementwise.js';
import {add, asFloat, attribute, div, mul, neg, scalarLike, scale, shift, step, sub} from './ops.js';
import type {GradientRule, RuleContext} from './rule.js';

const number = (c: RuleContext, name: string, byDefault: number): number =>
	attribute(c.node, name, 'float') ?? byDefault;

/** dy where `mask` is 1, `otherwise`·dy where it is 0: dy·(mask·(1 − otherwise) + otherwise). */
const blend = (c: RuleContext, dy: string, mask: string, otherwise: number): string =>
	mul(c, dy, shift(c, scale(c, mask, 1 - otherwise), otherwise));

/** y·(1 − y), with y = σ(x) */
const sigmoidSlope = (c: RuleContext, y: string): string => mul(c, y, sub(c, scalarLike(c, y, 1), y));

/** 1 − y², with y = tanh x */
const tanhSlope = (c: RuleContext, y: string): string => sub(c, scalarLike(c, y, 1), mul(c, y, y));

/** y = x where x > 0, else slope·x. */
const prelu: GradientRule = (c, [dy]) => {
	const [x, slope] = c.inputs as [string, string];
	const positive = step(c, x);
	// dx = dy·(positive + slope·(1 − positive))
	const factor = () => add(c, positive, mul(c, slope, sub(c, scalarLike(c, x, 1), positive)));
	return [
		c.wants(0) ? mul(c, dy!, factor()) : undefined,
		c.wants(1) ? c.unbroadcast(mul(c, dy!, c.emit('Min', [x, scalarLike(c, x, 0)])), c.shape(slope)) : undefined,
	];
};

/** dy where min ≤ x ≤ max. Limits are inputs from opset 11 on. A limit that is itself computed gets the rest of dy. */
const clip: GradientRule = (c, [dy]) => {
	const [x, low = '', high = ''] = c.inputs as [string, string?, string?];
	const inside = () => asFloat(c, c.emit('Equal', [x, c.output(0)]), x);
	const beyond = (limit: string, op: 'Less' | 'Greater') =>
		c.unbroadcast(mul(c, dy!, asFloat(c, c.emit(op, [x, limit]), x)), c.shape(limit));
	return [
		c.wants(0) ? mul(c, dy!, inside()) : undefined,
		low !== '' && c.wants(1) ? beyond(low, 'Less') : undefined,
		high !== '' && c.wants(2) ? beyond(high, 'Greater') : undefined,
	].slice(0, c.inputs.length);
};

const leakyRelu: GradientRule = (c, [dy]) => {
	const alpha = number(c, 'alpha', 0.01);
	// With a positive slope y has the sign of x.
	return [blend(c, dy!, step(c, alpha > 0 ? c.output(0) : c.inputs[0]!), alpha)];
};

/** y = x where x > 0, else α·(eˣ − 1): dy·α·eˣ below 0, and α·eˣ is e^min(x, 0)·α. */
const elu: GradientRule = (c, [dy]) => {
	const alpha = number(c, 'alpha', 1);
	if (alpha === 1) {
		// y + 1 is above 1 exactly where x > 0.
		return [mul(c, dy!, c.emit('Min', [shift(c, c.output(0), 1), scalarLike(c, dy!, 1)]))];
	}
	const x = c.inputs[0]!;
	const below = scale(c, c.emit('Exp', [c.emit('Min', [x, scalarLike(c, x, 0)])]), alpha);
	return [mul(c, dy!, either(c, step(c, x), scalarLike(c, x, 1), below))];
};

/** a where the mask is 1, b where it is 0, for finite a and b. */
const either = (c: RuleContext, mask: string, a: string, b: string): string => add(c, mul(c, mask, sub(c, a, b)), b);

/** y = γ·x where x > 0, else γ·α·(eˣ − 1). */
const selu: GradientRule = (c, [dy]) => {
	const alpha = number(c, 'alpha', 1.673_263_192_176_818_8);
	const gamma = number(c, 'gamma', 1.050_701_022_148_132_3);
	const x = c.inputs[0]!;
	const below = scale(c, c.emit('Exp', [c.emit('Min', [x, scalarLike(c, x, 0)])]), alpha * gamma);
	return [mul(c, dy!, either(c, step(c, x), scalarLike(c, x, gamma), below))];
};

/** y = max(0, x) + min(0, α·(e^(x/α) − 1)): the slope is min(1, y/α + 1) for α > 0. */
const celu: GradientRule = (c, [dy]) => {
	const slope = shift(c, scale(c, c.output(0), 1 / number(c, 'alpha', 1)), 1);
	return [mul(c, dy!, c.emit('Min', [slope, scalarLike(c, dy!, 1)]))];
};

/** y = max(0, min(1, α·x + β)): α where 0 < y < 1. */
const hardSigmoid: GradientRule = (c, [dy]) => {
	const y = c.output(0);
	return [scale(c, mul(c, mul(c, dy!, step(c, y)), step(c, y, 1, -1)), number(c, 'alpha', 0.2))];
};

/** y = x·h, h = max(0, min(1, x/6 + ½)): 0 below −3, 1 above 3, x/3 + ½ between: 2h − ½[x > −3] − ½[x > 3]. */
const hardSwish: GradientRule = (c, [dy]) => {
	const x = c.inputs[0]!;
	const h = c.emit('HardSigmoid', [x], {alpha: float(1 / 6), beta: float(0.5)});
	const steps = scale(c, add(c, step(c, x, -3), step(c, x, 3)), 0.25);
	return [scale(c, mul(c, dy!, sub(c, h, steps)), 2)];
};

/** (1 + e)/2 for e in [−1, 1]: in float32 one HardSigmoid instead of two operators. */
const halfway = (c: RuleContext, e: string): string =>
	c.dtype(e) === 'float32'
		? c.emit('HardSigmoid', [e], {alpha: float(0.5), beta: float(0.5)})
		: scale(c, shift(c, e, 1), 0.5);

/**
 * y = x·Φ(x): dy·(Φ(x) + x·φ(x)). With u = x/√2: Φ = (1 + erf u)/2, and x·φ(x) = u·exp(−u²)/√π = u·exp(−½ln π − u²).
 */
const geluExact = (c: RuleContext, dy: string, x: string): string => {
	const u = scale(c, x, Math.SQRT1_2);
	const density = c.emit('Exp', [sub(c, scalarLike(c, x, -0.5 * Math.log(Math.PI)), mul(c, u, u))]);
	return mul(c, dy, add(c, halfway(c, c.emit('Erf', [u])), mul(c, u, density)));
};

/** y = ½x(1 + t), t = tanh u, u = k(x + 0.044715x³): dy·(½(1 + t) + ½x(1 − t²)·k(1 + 3·0.044715x²)) */
const geluTanh = (c: RuleContext, dy: string, x: string): string => {
	const k = Math.sqrt(2 / Math.PI);
	const x2 = mul(c, x, x);
	const t = c.emit('Tanh', [mul(c, x, shift(c, scale(c, x2, 0.044_715 * k), k))]);
	const du = shift(c, scale(c, x2, 3 * 0.044_715 * k), k);
	const slope = add(c, shift(c, t, 1), mul(c, mul(c, x, tanhSlope(c, t)), du));
	return mul(c, dy, scale(c, slope, 0.5));
};

export const activation = {
	Relu: unary((c, dy, _x, y) => mul(c, dy, step(c, y))),
	LeakyRelu: leakyRelu,
	Elu: elu,
	Selu: selu,
	Celu: celu,
	PRelu: prelu,
	Clip: clip,
	ThresholdedRelu: unary((c, dy, x) => mul(c, dy, step(c, x, number(c, 'alpha', 1)))),
	Sigmoid: unary((c, dy, _x, y) => mul(c, dy, sigmoidSlope(c, y))),
	HardSigmoid: hardSigmoid,
	HardSwish: hardSwish,
	Tanh: unary((c, dy, _x, y) => mul(c, dy, tanhSlope(c, y))),
	/** y = ln(1 + eˣ) */
	Softplus: unary((c, dy, x) => mul(c, dy, c.emit('Sigmoid', [x]))),
	/** y = x/(1 + |x|): dy/(1 + |x|)² */
	Softsign: unary((c, dy, x) => {
		const denominator = shift(c, c.emit('Abs', [x]), 1);
		return div(c, dy, mul(c, denominator, denominator));
	}),
	/** dy·2/√π·exp(−x²) */
	Erf: unary((c, dy, x) => mul(c, dy, scale(c, c.emit('Exp', [neg(c, mul(c, x, x))]), 2 / Math.sqrt(Math.PI)))),
	Gelu: unary((c, dy, x) => (attribute(c.node, 'approximate', 'string') === 'tanh' ? geluTanh : geluExact)(c, dy, x)),
	/** y = x·t, t = tanh(softplus(x)): dy·(t + x(1 − t²)σ(x)) */
	Mish: unary((c, dy, x) => {
		const t = c.emit('Tanh', [c.emit('Softplus', [x])]);
		return mul(c, dy, add(c, t, mul(c, mul(c, x, tanhSlope(c, t)), c.emit('Sigmoid', [x]))));
	}),
} satisfies Record<string, GradientRule>;

/** y = gelu(x + bias): both get what x gets, the bias summed over what it was stretched to. */
const biased =
	(slope: typeof geluExact): GradientRule =>
	(c, [dy]) => {
		const [x, bias = ''] = c.inputs as [string, string?];
		const dx = slope(c, dy!, bias === '' ? x : add(c, x, bias));
		return [dx, c.wants(1) ? c.unbroadcast(dx, c.shape(bias)) : undefined].slice(0, c.inputs.length);
	};

/** Contributed operators of ONNX Runtime. */
export const contributedActivation = {
	Gelu: activation.Gelu,
	BiasGelu: biased(geluExact),
	FastGelu: biased(geluTanh),
	/** y = x·σ(αx) */
	QuickGelu: unary((c, dy, x) => {
		const alpha = number(c, 'alpha', 1.702);
		const s = c.emit('Sigmoid', [scale(c, x, alpha)]);
		return mul(c, dy, add(c, s, scale(c, mul(c, x, sigmoidSlope(c, s)), alpha)));
	}),
} satisfies Record<string, GradientRule>;
