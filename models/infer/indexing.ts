/** Gathers, scatters, one-hot codes, and operators that make tensors from nothing. */
import type {DType} from '../../core/tensor/tensor.js';
import {dtypeOf} from '../onnx/dtypes.js';
import type {InferContext} from './context.js';
import {type Dims, show, unknownDim} from './dims.js';
import {agree, checkedDim, same} from './rules.js';
import {type OperatorTable, op} from './signature.js';

function gather(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const axis = context.axis(context.int('axis', 0), shape.length);
	return [[...shape.slice(0, axis), ...context.shape(1), ...shape.slice(axis + 1)]];
}

function gatherElements(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	context.axis(context.int('axis', 0), shape.length);
	return [context.ranked(1, shape.length)];
}

/** The last axis of the indices points into the data behind the batch axes. */
function gatherND(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const indices = context.shape(1);
	const batch = context.int('batch_dims', 0);
	const depth = indices.at(-1);
	if (typeof depth !== 'number') {
		return depth === undefined ? context.fail({problem: 'the indices are a scalar'}) : [];
	}
	if (batch < 0 || batch >= Math.min(shape.length, indices.length) || batch + depth > shape.length) {
		context.fail({
			problem: 'the indices do not fit',
			expected: show(shape),
			got: `${show(indices)}, ${batch} batch axes`,
		});
	}
	return [[...indices.slice(0, -1), ...shape.slice(batch + depth)]];
}

function scatterElements(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	context.axis(context.int('axis', 0), shape.length);
	const indices = context.ranked(1, shape.length);
	for (const [axis, dim] of context.ranked(2, shape.length).entries()) {
		agree(context, 'the updates', indices[axis]!, dim);
	}
	return [shape];
}

function scatterND(context: InferContext): readonly Dims[] {
	const shape = context.shape(0);
	const indices = context.shape(1);
	const depth = indices.at(-1);
	if (typeof depth === 'number') {
		const expected = [...indices.slice(0, -1), ...shape.slice(depth)];
		for (const [axis, dim] of context.ranked(2, expected.length).entries()) {
			agree(context, 'the updates', expected[axis]!, dim);
		}
	}
	return [shape];
}

function oneHot(context: InferContext): readonly Dims[] {
	const indices = context.shape(0);
	const axis = context.axis(context.int('axis', -1), indices.length + 1);
	const depth = context.known(1) === undefined ? unknownDim : checkedDim(context, 'depth', context.numbers(1)[0] ?? -1);
	return [indices.toSpliced(axis, 0, depth)];
}

/** The dtype named by an attribute of ONNX type numbers. */
const dtypeAttribute =
	(name: string, byDefault: (context: InferContext) => DType) =>
	(context: InferContext): readonly DType[] => {
		const number = context.attribute(name, 'int');
		return [number === undefined ? byDefault(context) : dtypeOf(number, context.where)];
	};
const likeInput = (context: InferContext) => context.dtype(0);
const asFloat32 = (): DType => 'float32';

function targetShape(context: InferContext): readonly Dims[] {
	return [context.numbers(0).map(dim => checkedDim(context, 'the shape', dim))];
}

function declaredShape(context: InferContext): readonly Dims[] {
	return [(context.ints('shape') ?? []).map(dim => checkedDim(context, 'the shape', dim))];
}

function range(context: InferContext): readonly Dims[] {
	if ([0, 1, 2].some(index => context.known(index) === undefined)) {
		return [[unknownDim]];
	}
	const [start, limit, delta] = [0, 1, 2].map(index => context.numbers(index)[0] ?? Number.NaN) as [
		number,
		number,
		number,
	];
	return [[checkedDim(context, 'the length', Math.max(0, Math.ceil((limit - start) / delta)))]];
}

export const constantKinds = {
	value: 'tensor',
	value_float: 'float',
	value_floats: 'floats',
	value_int: 'int',
	value_ints: 'ints',
} as const;

function constantType(context: InferContext): {dtype: DType; shape: Dims} {
	const given = context.attribute('value', 'tensor');
	if (given !== undefined) {
		return {dtype: given.dtype, shape: given.shape};
	}
	if (context.attribute('value_float', 'float') !== undefined) {
		return {dtype: 'float32', shape: []};
	}
	if (context.attribute('value_int', 'int') !== undefined) {
		return {dtype: 'int64', shape: []};
	}
	const floats = context.attribute('value_floats', 'floats');
	const list = floats ?? context.attribute('value_ints', 'ints');
	if (list === undefined) {
		context.fail({problem: 'it has no value'}, 'MODEL_INVALID');
	}
	return {dtype: floats === undefined ? 'int64' : 'float32', shape: [list.length]};
}

const random = {dtype: 'int', seed: 'float'} as const;

export const indexing: OperatorTable = {
	Gather: op('T I -> T', gather, {axis: 'int'}),
	GatherElements: op('T I -> T', gatherElements, {axis: 'int'}),
	GatherND: op('T int64 -> T', gatherND, {batch_dims: 'int'}, {since: 11}),
	ScatterElements: op('T I T -> T', scatterElements, {axis: 'int', reduction: 'string'}),
	ScatterND: op('T int64 T -> T', scatterND, {reduction: 'string'}),
	OneHot: op('N M U -> U', oneHot, {axis: 'int'}),
	EyeLike: op('T -> U', same, {dtype: 'int', k: 'int'}, {dtype: dtypeAttribute('dtype', likeInput)}),
	Constant: op('-> T', context => [constantType(context).shape], constantKinds, {
		dtype: context => [constantType(context).dtype],
	}),
	ConstantOfShape: op(
		'int64 -> T',
		targetShape,
		{value: 'tensor'},
		{
			dtype: context => [context.attribute('value', 'tensor')?.dtype ?? 'float32'],
		},
	),
	Range: op('N N N -> N', range),
	RandomNormal: op(
		'-> F',
		declaredShape,
		{...random, mean: 'float', scale: 'float', shape: 'ints'},
		{
			dtype: dtypeAttribute('dtype', asFloat32),
		},
	),
	RandomUniform: op(
		'-> F',
		declaredShape,
		{...random, high: 'float', low: 'float', shape: 'ints'},
		{
			dtype: dtypeAttribute('dtype', asFloat32),
		},
	),
	RandomNormalLike: op(
		'T -> F',
		same,
		{...random, mean: 'float', scale: 'float'},
		{
			dtype: dtypeAttribute('dtype', likeInput),
		},
	),
	RandomUniformLike: op(
		'T -> F',
		same,
		{...random, high: 'float', low: 'float'},
		{
			dtype: dtypeAttribute('dtype', likeInput),
		},
	),
	Bernoulli: op('F -> T', same, random, {since: 15, dtype: dtypeAttribute('dtype', likeInput)}),
};
