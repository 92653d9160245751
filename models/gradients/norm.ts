/**
 * Gradients of normalisations. Batch norm here is the one of inference (fixed statistics); that of training is a composite,
 * see `batch-norm.ts`. The others normalise rows of a matrix: x̂ = (x − mean)·inverse with the row's own statistics, so
 * with g = the gradient of x̂
 *   dx = inverse·(g − mean(g) − x̂·mean(g·x̂)), means over the row.
 */
import {FplError} from '../../core/errors.js';
import {sizeOf} from '../../core/tensor/tensor.js';
import {attribute, expand, fromZero, mul, neg, reduceKeeping, reduceSum, reshape, scale, shift, sub} from './ops.js';
import type {GradientRule, RuleContext} from './rule.js';

const epsilonOf = (c: RuleContext): number => attribute(c.node, 'epsilon', 'float') ?? 1e-5;

const inverseRoot = (c: RuleContext, variance: string): string =>
	c.emit('Reciprocal', [c.emit('Sqrt', [shift(c, variance, epsilonOf(c))])]);

/** x̂ and 1/√(variance + ε) of the rows of x [R, D]. */
function normalised(c: RuleContext, x: string): {hat: string; inverse: string} {
	const centred = sub(c, x, reduceKeeping(c, 'ReduceMean', x, [1]));
	const inverse = inverseRoot(c, reduceKeeping(c, 'ReduceMean', mul(c, centred, centred), [1]));
	return {hat: mul(c, centred, inverse), inverse};
}

/** dx from the two row means [R, 1] of g and g·x̂. */
const throughRows = (
	c: RuleContext,
	g: string,
	meanG: string,
	meanGHat: string,
	hat: string,
	inverse: string,
): string => mul(c, sub(c, sub(c, g, mul(c, hat, meanGHat)), meanG), inverse);

const allButChannels = (rank: number): readonly number[] => [...Array(rank).keys()].filter(axis => axis !== 1);

/** [C] as [C, 1, …], which broadcasts against [N, C, …]. */
const column = (c: RuleContext, values: string, rank: number): string =>
	reshape(c, values, [sizeOf(c.shape(values)), ...new Array<number>(rank - 2).fill(1)]);

/** y = s·(x − mean)/√(variance + ε) + b with fixed statistics. */
const batchNormalization: GradientRule = (c, [dy]) => {
	const [x, gamma, , mean, variance] = c.inputs as [string, string, string, string, string];
	if (attribute(c.node, 'training_mode', 'int') === 1) {
		throw new FplError('MODEL_GRADIENT', {
			where: `node «${c.node.name}» (BatchNormalization)`,
			problem: 'training_mode 1 is only trained through compilation, which replaces the node',
			fix: 'Export the model in inference form',
		});
	}
	const rank = c.shape(x).length;
	const inverse = inverseRoot(c, variance);
	const slope = mul(c, gamma, inverse);
	const dBeta = () => reduceSum(c, dy!, allButChannels(rank));
	const dGamma = () => {
		const centred = sub(c, x, column(c, mean, rank));
		return mul(c, reduceSum(c, mul(c, dy!, centred), allButChannels(rank)), inverse);
	};
	return [
		c.wants(0) ? mul(c, dy!, column(c, slope, rank)) : undefined,
		c.wants(1) ? dGamma() : undefined,
		c.wants(2) ? dBeta() : undefined,
		c.wants(3) ? neg(c, mul(c, slope, dBeta())) : undefined,
		c.wants(4) ? scale(c, mul(c, mul(c, slope, inverse), dGamma()), -0.5) : undefined,
	];
};

/** Rows are all axes before `axis`, columns the rest; scale and bias have the shape of a row. */
const layerNormalization: GradientRule = (c, [dy]) => {
	const [x, gamma, beta = ''] = c.inputs as [string, string, string?];
	const shape = c.shape(x);
	const axis = fromZero(attribute(c.node, 'axis', 'int') ?? -1, shape.length);
	const length = sizeOf(shape.slice(axis));
	const matrix = [sizeOf(shape.slice(0, axis)), length];
	const rows = reshape(c, x, matrix);
	const dyRows = reshape(c, dy!, matrix);
	const statistic = (index: number) => reshape(c, c.output(index), [matrix[0]!, 1]);
	const inverse = statistic(2);
	const hat = mul(c, sub(c, rows, statistic(1)), inverse);
	const product = mul(c, dyRows, hat);
	const dx = () => {
		// The row means of g = dy·scale and of g·x̂ as products with scale/D: g·x̂ is never written.
		const scales = expand(c, gamma, shape.slice(axis));
		const weights = scale(c, reshape(c, scales, [length, 1]), 1 / length);
		const g = mul(c, dyRows, reshape(c, scales, [length]));
		const means = [dyRows, product].map(value => c.emit('MatMul', [value, weights])) as [string, string];
		return reshape(c, throughRows(c, g, means[0], means[1], hat, inverse), shape);
	};
	const toRow = (value: string, like: string) =>
		c.unbroadcast(reshape(c, reduceSum(c, value, [0]), shape.slice(axis)), c.shape(like));
	return [
		c.wants(0) ? dx() : undefined,
		c.wants(1) ? toRow(product, gamma) : undefined,
		beta !== '' && c.wants(2) ? toRow(dyRows, beta) : undefined,
	].slice(0, c.inputs.length);
};

/** Instance norm is group norm with one channel per group; scale and bias have one entry per channel. */
const instanceNormalization: GradientRule = (c, gradients) =>
	groups(c, gradients, (c.shape(c.inputs[0]!) as [number, number])[1]);

const groupNormalization: GradientRule = (c, gradients) =>
	groups(c, gradients, attribute(c.node, 'num_groups', 'int') ?? 1);

function groups(c: RuleContext, [dy]: readonly (string | undefined)[], count: number): readonly (string | undefined)[] {
	const [x, gamma, beta] = c.inputs as [string, string, string];
	const shape = c.shape(x);
	const [items] = shape as [number];
	const matrix = [items * count, sizeOf(shape) / (items * count)];
	// Up to opset 20 GroupNormalization scales by group, from 21 on by channel; seen as [N, entries, rest] both are alike.
	const entries = sizeOf(c.shape(gamma));
	const byEntry = [items, entries, sizeOf(shape) / (items * entries)];
	const {hat, inverse} = normalised(c, reshape(c, x, matrix));
	const dyEntries = reshape(c, dy!, byEntry);
	const dx = () => {
		const g = reshape(c, mul(c, dyEntries, reshape(c, gamma, [entries, 1])), matrix);
		const mean = (value: string) => reduceKeeping(c, 'ReduceMean', value, [1]);
		return reshape(c, throughRows(c, g, mean(g), mean(mul(c, g, hat)), hat, inverse), shape);
	};
	const perEntry = (value: string, like: string) => reshape(c, reduceSum(c, value, [0, 2]), c.shape(like));
	return [
		c.wants(0) ? dx() : undefined,
		c.wants(1) ? perEntry(mul(c, dyEntries, reshape(c, hat, byEntry)), gamma) : undefined,
		c.wants(2) ? perEntry(dyEntries, beta) : undefined,
	];
}

export const normalisation = {
	BatchNormalization: batchNormalization,
	LayerNormalization: layerNormalization,
	InstanceNormalization: instanceNormalization,
	GroupNormalization: groupNormalization,
} satisfies Record<string, GradientRule>;
