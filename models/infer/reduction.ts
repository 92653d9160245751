/** Reductions over axes, searches along an axis, normalisations and losses. */
import type {Dim} from '../graph.js';
import type {InferContext} from './context.js';
import {type Dims, show} from './dims.js';
import {agree, checkedDim, replaced, same} from './rules.js';
import {type OperatorTable, op} from './signature.js';

/** Axes are an input from opset 13 (ReduceSum) or 18 (the others) on, and an attribute before. */
function axesOf(context: InferContext): readonly number[] | undefined {
	return context.has(1) ? context.numbers(1) : context.ints('axes');
}

function reduce(context: InferContext): readonly (Dims | undefined)[] {
	const shape = context.shape(0);
	const named = axesOf(context) ?? [];
	if (named.length === 0 && context.int('noop_with_empty_axes', 0) !== 0) {
		return [shape];
	}
	const axes = new Set(named.length === 0 ? shape.keys() : context.axes(named, shape.length));
	const keep = context.int('keepdims', 1) !== 0;
	return [keep ? shape.map((dim, axis) => (axes.has(axis) ? 1 : dim)) : shape.filter((_, axis) => !axes.has(axis))];
}

const reducing = {axes: 'ints', keepdims: 'int', noop_with_empty_axes: 'int'} as const;
const reduction = () => op('N int64? -> N', reduce, reducing);

/** ArgMax, ArgMin. */
function search(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const axis = context.axis(context.int('axis', 0), shape.length);
	return [context.int('keepdims', 1) !== 0 ? replaced(shape, axis, 1) : shape.toSpliced(axis, 1)];
}

const searching = {axis: 'int', keepdims: 'int', select_last_index: 'int'} as const;

function topK(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const axis = context.axis(context.int('axis', -1), shape.length);
	const k = checkedDim(context, 'k', context.numbers(1)[0] ?? -1);
	const result = replaced(shape, axis, k);
	return [result, result];
}

/** Scale, bias and statistics are vectors of the channels, axis 1. */
function perChannel(context: InferContext): Dim {
	const shape = context.shape(0);
	let channels = shape[1];
	if (channels === undefined) {
		context.fail({problem: 'input 0 has no channel axis', got: show(shape)});
	}
	for (let index = 1; index < context.count; index++) {
		channels = agree(context, `input ${index}`, channels, context.ranked(index, 1)[0]!);
	}
	return channels;
}

function batchNormalization(context: InferContext): readonly Dims[] {
	const channels = perChannel(context);
	return context.node.outputs.map((_, index) => (index === 0 ? context.shape(0) : [channels]));
}

function instanceNormalization(context: InferContext): readonly Dims[] {
	perChannel(context);
	return [context.shape(0)];
}

/** Scale and bias have an entry per group up to opset 20, per channel from 21 on. */
function groupNormalization(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const groups = context.int('num_groups', 0);
	const channels = shape[1];
	if (channels === undefined || groups < 1 || (typeof channels === 'number' && channels % groups !== 0)) {
		context.fail({problem: 'num_groups does not divide the channels', got: `${groups} and ${show(shape)}`});
	}
	for (const index of [1, 2]) {
		agree(context, `input ${index}`, context.opset < 21 ? groups : channels, context.ranked(index, 1)[0]!);
	}
	return [shape];
}

/** Y like X; mean and inverse deviation keep the axes before `axis` and have ones after. */
function layerNormalization(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const axis = context.axis(context.int('axis', -1), shape.length);
	for (let index = 1; index < context.count; index++) {
		const scale = context.has(index) ? context.shape(index) : [];
		for (const [back, dim] of scale.toReversed().entries()) {
			if (dim !== 1) {
				agree(context, `input ${index}`, shape.at(-1 - back) ?? 0, dim);
			}
		}
	}
	const statistics = shape.map((dim, at) => (at < axis ? dim : 1));
	return [shape, statistics, statistics];
}

/** Scores [N, C, …], labels [N, …] → loss (scalar, or like the labels) and log-probabilities like the scores. */
function classificationLoss(context: InferContext): readonly Dims[] {
	const scores = context.shape(0);
	const labels = context.ranked(1, scores.length - 1);
	for (const [axis, dim] of labels.entries()) {
		agree(context, 'the labels', scores[axis === 0 ? 0 : axis + 1]!, dim);
	}
	return [context.string('reduction', 'mean') === 'none' ? labels : [], scores];
}

const losing = {ignore_index: 'int', reduction: 'string'} as const;

export const reductions: OperatorTable = {
	ReduceSum: reduction(),
	ReduceMean: reduction(),
	ReduceMax: op('T int64? -> T', reduce, reducing),
	ReduceMin: op('T int64? -> T', reduce, reducing),
	ReduceProd: reduction(),
	ReduceL1: reduction(),
	ReduceL2: reduction(),
	ReduceSumSquare: reduction(),
	ReduceLogSum: reduction(),
	ReduceLogSumExp: reduction(),
	ArgMax: op('N -> int64', search, searching),
	ArgMin: op('N -> int64', search, searching),
	TopK: op('N int64 -> N int64', topK, {axis: 'int', largest: 'int', sorted: 'int'}),

	BatchNormalization: op('F G G H H -> F H? H? H? H?', batchNormalization, {
		epsilon: 'float',
		momentum: 'float',
		training_mode: 'int',
	}),
	InstanceNormalization: op('F F F -> F', instanceNormalization, {epsilon: 'float'}),
	GroupNormalization: op(
		'F F F -> F',
		groupNormalization,
		{epsilon: 'float', num_groups: 'int', stash_type: 'int'},
		{since: 18},
	),
	LayerNormalization: op(
		'F G G? -> F H? H?',
		layerNormalization,
		{axis: 'int', epsilon: 'float', stash_type: 'int'},
		// The statistics are float32 unless stash_type says otherwise, which nobody does.
		{since: 17, dtype: context => [context.dtype(0), 'float32', 'float32']},
	),
	LpNormalization: op('F -> F', same, {axis: 'int', p: 'int'}),
	MeanVarianceNormalization: op('F -> F', same, {axes: 'ints'}),

	SoftmaxCrossEntropyLoss: op('F I F? -> F F?', classificationLoss, losing, {since: 12}),
	NegativeLogLikelihoodLoss: op('F I F? -> F', classificationLoss, losing, {since: 12}),
};
