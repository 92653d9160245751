/**
 * Batch normalisation in training mode, as one composite operator of domain `fpl`.
 *
 * inputs: x [N, C, …], scale [C], bias [C], running mean [C], running variance [C]
 * attributes: epsilon, momentum (of the *old* running value, as in ONNX)
 * outputs: y, new running mean, new running variance, and for the gradient the batch's mean [C] and 1/√(variance + ε) [C]
 *
 * Normalises with the biased variance of the batch; the running variance takes the unbiased one (times m/(m−1) for m
 * elements per channel), as PyTorch does. ONNX's own training mode takes the biased one there.
 */
import type {Composite, ExpandContext} from '../autodiff/composite.js';
import {add, attribute, mul, neg, reduceSum, reshape, scale, shift, sub} from './ops.js';
import type {Emit, RuleContext} from './rule.js';

/** Elements per channel. */
const perChannel = (c: Emit, x: string): number => {
	const [items = 1, , ...space] = c.shape(x);
	return space.reduce((product, dim) => product * dim, items);
};

/** All axes but the channels. */
const axesOf = (c: Emit, x: string): readonly number[] => [...c.shape(x).keys()].filter(axis => axis !== 1);

/** [C] as [C, 1, …], which broadcasts against x. */
const column = (c: Emit, x: string, values: string): string =>
	reshape(c, values, [c.shape(values)[0]!, ...c.shape(x).slice(2).fill(1)]);

function expand(c: ExpandContext): readonly (string | undefined)[] {
	const [x, gamma, beta, oldMean, oldVariance] = c.node.inputs as [string, string, string, string, string];
	const epsilon = attribute(c.node, 'epsilon', 'float') ?? 1e-5;
	const momentum = attribute(c.node, 'momentum', 'float') ?? 0.9;
	const count = perChannel(c, x);
	const mean = scale(c, reduceSum(c, x, axesOf(c, x)), 1 / count);
	const centred = sub(c, x, column(c, x, mean));
	const variance = scale(c, reduceSum(c, mul(c, centred, centred), axesOf(c, x)), 1 / count);
	const inverse = c.emit('Reciprocal', [c.emit('Sqrt', [shift(c, variance, epsilon)])]);
	const y = add(c, mul(c, centred, column(c, x, mul(c, gamma, inverse))), column(c, x, beta));
	const moved = (old: string, now: string) => add(c, scale(c, old, momentum), scale(c, now, 1 - momentum));
	// With a single element per channel the unbiased variance is undefined; PyTorch refuses, we keep the biased one.
	const unbiased = scale(c, variance, count / Math.max(count - 1, 1));
	return [
		y,
		c.wantsOutput(1) ? moved(oldMean, mean) : undefined,
		c.wantsOutput(2) ? moved(oldVariance, unbiased) : undefined,
		mean,
		inverse,
	];
}

/**
 * With x̂ = (x − mean)·inverse: dβ = Σdy, dγ = Σ(dy·x̂) = inverse·(Σ(dy·x) − mean·Σdy), and
 * dx = γ·inverse·(dy − dβ/m − x̂·dγ/m), which is a·dy + b·x + k with one a, b, k per channel.
 */
function gradient(c: RuleContext, [dy]: readonly (string | undefined)[]): readonly (string | undefined)[] {
	const [x, gamma] = c.inputs as [string, string];
	if (dy === undefined) {
		return c.inputs.map(() => undefined);
	}
	const axes = axesOf(c, x);
	const [mean, inverse] = [c.output(3), c.output(4)];
	const count = perChannel(c, x);
	const dBeta = reduceSum(c, dy, axes);
	const dGamma = mul(c, inverse, sub(c, reduceSum(c, mul(c, dy, x), axes), mul(c, mean, dBeta)));
	const dx = () => {
		const a = mul(c, gamma, inverse);
		const b = neg(c, mul(c, mul(c, a, inverse), scale(c, dGamma, 1 / count)));
		const k = neg(c, add(c, mul(c, a, scale(c, dBeta, 1 / count)), mul(c, b, mean)));
		const affine = add(c, mul(c, x, column(c, x, b)), column(c, x, k));
		return add(c, mul(c, dy, column(c, x, a)), affine);
	};
	return [
		c.wants(0) ? dx() : undefined,
		c.wants(1) ? dGamma : undefined,
		c.wants(2) ? dBeta : undefined,
		undefined,
		undefined,
	];
}

export const batchNormalization: Composite = {
	types(node, type) {
		const x = type(node.inputs[0]!);
		const channels = {dtype: x.dtype, shape: x.shape.slice(1, 2)};
		return [x, channels, channels, channels, channels];
	},
	expand,
	gradient,
};
