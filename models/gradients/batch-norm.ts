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
import {float, int} from '../graph.js';
import {add, attribute, filled, mul, reduceSum, reshape, scale, shift, sub} from './ops.js';
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

const channelConstant = (c: Emit, like: string, value: number): string =>
	c.constant(filled('float32', c.shape(like), value));

/**
 * The forward pass and the two statistics come from one node: ONNX Runtime's own training mode, told by a momentum of 0 to
 * answer the batch's mean and variance instead of running ones. It is 2–3 times faster than reductions and broadcasts.
 */
function expand(c: ExpandContext): readonly (string | undefined)[] {
	const [x, gamma, beta, oldMean, oldVariance] = c.node.inputs as [string, string, string, string, string];
	const epsilon = attribute(c.node, 'epsilon', 'float') ?? 1e-5;
	const momentum = attribute(c.node, 'momentum', 'float') ?? 0.9;
	const count = perChannel(c, x);
	const [y, mean, variance] = c.emitAll(
		'BatchNormalization',
		// The node overwrites its old statistics in place, so it gets values that nobody else reads; they count nothing.
		[x, gamma, beta, c.emit('Neg', [oldMean]), c.emit('Neg', [oldVariance])],
		{epsilon: float(epsilon), momentum: float(0), training_mode: int(1)},
		{outputs: 3},
	) as [string, string, string];
	const inverse = c.emit('Reciprocal', [c.emit('Sqrt', [shift(c, variance, epsilon)])]);
	const moved = (old: string, now: string, share: number) => add(c, scale(c, old, momentum), scale(c, now, share));
	// With a single element per channel the unbiased variance is undefined; PyTorch refuses, we keep the biased one.
	const unbiased = count / Math.max(count - 1, 1);
	return [
		y,
		c.wantsOutput(1) ? moved(oldMean, mean, 1 - momentum) : undefined,
		c.wantsOutput(2) ? moved(oldVariance, variance, (1 - momentum) * unbiased) : undefined,
		mean,
		inverse,
	];
}

/** Below this many elements per item and channel a product that broadcasts by channel is slow. */
const fewPositions = 256;

/** value·factors by channel. */
function byChannel(c: RuleContext, value: string, factors: string): string {
	const positions = c
		.shape(value)
		.slice(2)
		.reduce((product, dim) => product * dim, 1);
	return positions < fewPositions
		? affine(c, value, factors, undefined, undefined)
		: mul(c, value, column(c, value, factors));
}

/**
 * (value − mean)·slope + offset by channel in one pass: the operator of inference, with a variance of 1.
 * Undefined: 0.
 */
function affine(
	c: RuleContext,
	value: string,
	slope: string,
	mean: string | undefined,
	offset: string | undefined,
): string {
	const zeros = channelConstant(c, slope, 0);
	return c.emit('BatchNormalization', [value, slope, offset ?? zeros, mean ?? zeros, channelConstant(c, slope, 1)], {
		epsilon: float(0),
	});
}

/**
 * With x̂ = (x − mean)·inverse: dβ = Σdy, dγ = Σ(dy·x̂) = inverse·(Σ(dy·x) − mean·Σdy), and with a = γ·inverse
 * dx = a·(dy − dβ/m − x̂·dγ/m) = a·dy + ((x − mean)·(−a·inverse·dγ/m) − a·dβ/m).
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
		const share = scale(c, a, -1 / count);
		const rest = affine(c, x, mul(c, share, mul(c, inverse, dGamma)), mean, mul(c, share, dBeta));
		return add(c, byChannel(c, dy, a), rest);
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
