/** At least one call of every operator in the table, with attributes and inputs that matter for its shape. */
import {float32, int64, type Tensor} from '../../../core/tensor/tensor.js';
import {type Attribute, type Attributes, float, int, ints, string, tensorAttribute} from '../../../models/graph.js';

/** A shape (random float32), `[dtype, shape]`-like tensors, or '' for an absent input. */
export type Operand = readonly number[] | Tensor | '';

export interface Case {
	readonly op: string;
	readonly inputs: readonly Operand[];
	readonly attributes: Attributes;
	/** How many outputs to ask for. */
	readonly outputs: number;
	readonly opset: number;
	readonly domain: string;
}

interface Extra {
	readonly outputs?: number;
	readonly opset?: number;
	readonly domain?: string;
}

const call = (op: string, inputs: readonly Operand[], attributes: Attributes = {}, extra: Extra = {}): Case => ({
	op,
	inputs,
	attributes,
	outputs: extra.outputs ?? 1,
	opset: extra.opset ?? 17,
	domain: extra.domain ?? '',
});

const bool = (shape: readonly number[], values: readonly number[]): Tensor => ({
	dtype: 'bool',
	shape,
	data: Uint8Array.from(values),
});
const i64 = (...values: number[]): Tensor => int64([values.length], values);
const strings = (...value: string[]): Attribute => ({kind: 'strings', value});
const microsoft = {domain: 'com.microsoft'} as const;

const x = [2, 3, 4];
const unary = [
	...[
		'Neg',
		'Abs',
		'Sign',
		'Relu',
		'Floor',
		'Ceil',
		'Round',
		'Sqrt',
		'Reciprocal',
		'Exp',
		'Log',
		'Sin',
		'Cos',
		'Tan',
		'Sinh',
	],
	...['Cosh', 'Atan', 'Tanh', 'Sigmoid', 'Erf', 'Softplus', 'Softsign', 'HardSwish', 'HardSigmoid', 'LeakyRelu', 'Elu'],
	...['Selu', 'Celu', 'ThresholdedRelu', 'Identity', 'IsNaN', 'IsInf', 'GlobalAveragePool', 'GlobalMaxPool'],
].map(op => call(op, [x]));

const binary = [
	...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Min', 'Max', 'Sum', 'Mean', 'Equal', 'Greater', 'Less'],
	...['GreaterOrEqual', 'LessOrEqual'],
].map(op =>
	call(op, [
		[2, 1, 4],
		[3, 1],
	]),
);

const integers = ['Add', 'Sub', 'Mul', 'Div', 'Min', 'Max', 'Equal', 'Greater', 'Less', 'Mod', 'Pow'].map(op =>
	call(op, [int64([2, 2], [-7, 8, 9, -10]), i64(3, op === 'Pow' ? 2 : -3)]),
);

const logical = ['And', 'Or', 'Xor'].map(op => call(op, [bool([2, 2], [0, 0, 1, 1]), bool([2], [0, 1])]));

const reducers = [
	...['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare', 'ReduceLogSum'],
	'ReduceLogSumExp',
].flatMap(op => [
	call(op, [x], {axes: ints([-1, 0]), keepdims: int(0)}),
	call(op, [x, i64(1)], {}, {opset: 18}),
	call(op, [x], {noop_with_empty_axes: int(1)}, {opset: 18}),
]);

const pool = {kernel_shape: ints([3, 2]), strides: ints([2, 2]), pads: ints([1, 0, 1, 1])};
const image = [2, 4, 7, 6];

export const cases: readonly Case[] = [
	...unary,
	...binary,
	...integers,
	...logical,
	...reducers,
	call('Mish', [x], {}, {opset: 18}),
	call('Gelu', [x], {approximate: string('tanh')}, {opset: 20}),
	call('Not', [bool([3], [0, 1, 1])]),
	call('Mod', [[2, 3], [3]], {fmod: int(1)}),
	call('PRelu', [
		[2, 3, 4],
		[3, 1],
	]),
	call('Clip', [x, float32([], [0.2]), float32([], [0.6])]),
	call('Clip', [x, '', float32([], [0.6])]),
	call('Softmax', [x], {axis: int(1)}),
	call('LogSoftmax', [x]),
	call('CumSum', [x, int64([], [1])], {reverse: int(1)}),
	call('Dropout', [x, float32([], [0.4])], {}, {outputs: 2}),
	call('Cast', [float32([3], [-1.5, 0, 2.7])], {to: int(7)}),
	call('Cast', [float32([3], [-1.5, 0, 2.7])], {to: int(9)}),
	call('Cast', [i64(0, 5)], {to: int(1)}),
	call('CastLike', [x, i64(1)]),
	call('Where', [bool([2, 1], [0, 1]), [2, 3], [3]]),
	call('Round', [float32([4], [0.5, 1.5, -0.5, -2.5])]),

	call('Conv', [image, [8, 4, 3, 2], [8]], {strides: ints([2, 1]), pads: ints([1, 0, 0, 1]), dilations: ints([1, 2])}),
	call('Conv', [image, [8, 1, 3, 3]], {group: int(4), auto_pad: string('SAME_LOWER'), strides: ints([2, 3])}),
	call(
		'Conv',
		[
			[2, 4, 9],
			[6, 2, 3],
		],
		{group: int(2), auto_pad: string('VALID')},
	),
	call('ConvTranspose', [image, [4, 3, 3, 3], [3]], {strides: ints([2, 2]), output_padding: ints([1, 0])}),
	call('ConvTranspose', [image, [4, 2, 3, 3]], {group: int(2), strides: ints([2, 3]), auto_pad: string('SAME_UPPER')}),
	call(
		'ConvTranspose',
		[
			[1, 4, 5],
			[4, 2, 3],
		],
		{strides: ints([2]), output_shape: ints([10])},
	),
	call('MaxPool', [image], pool, {outputs: 2}),
	call('MaxPool', [image], {...pool, ceil_mode: int(1)}),
	call('MaxPool', [image], {kernel_shape: ints([2, 2]), dilations: ints([2, 3])}),
	call('AveragePool', [image], {...pool, ceil_mode: int(1), count_include_pad: int(1)}, {opset: 19}),
	call('AveragePool', [image], {kernel_shape: ints([3, 3]), strides: ints([2, 2]), auto_pad: string('SAME_UPPER')}),
	call('MaxUnpool', [[1, 1, 2, 2], int64([1, 1, 2, 2], [5, 7, 13, 15])], {
		kernel_shape: ints([2, 2]),
		strides: ints([2, 2]),
	}),
	call('MaxUnpool', [[1, 1, 2, 2], int64([1, 1, 2, 2], [5, 7, 13, 15]), i64(1, 1, 5, 5)], {
		kernel_shape: ints([2, 2]),
		strides: ints([2, 2]),
	}),
	call('Col2Im', [[2, 8, 9], i64(4, 4), i64(2, 2)], {}, {opset: 18}),
	call('LRN', [image], {size: int(3)}),

	call('MatMul', [
		[2, 1, 3, 4],
		[5, 4, 2],
	]),
	call('MatMul', [[4], [2, 4, 3]]),
	call('MatMul', [[2, 3, 4], [4]]),
	call('Gemm', [[4, 2], [3, 4], [3]], {transA: int(1), transB: int(1), alpha: float(0.5)}),
	call('Gemm', [
		[2, 4],
		[4, 3],
		[2, 1],
	]),
	call(
		'LSTM',
		[
			[5, 2, 3],
			[2, 16, 3],
			[2, 16, 4],
			[2, 32],
		],
		{hidden_size: int(4), direction: string('bidirectional')},
		{outputs: 3},
	),
	call(
		'GRU',
		[[5, 2, 3], [1, 12, 3], [1, 12, 4], '', '', [1, 2, 4]],
		{hidden_size: int(4), linear_before_reset: int(1)},
		{outputs: 2},
	),
	call(
		'RNN',
		[
			[5, 2, 3],
			[1, 4, 3],
			[1, 4, 4],
		],
		{hidden_size: int(4), direction: string('reverse'), activations: strings('Relu')},
		{outputs: 2},
	),

	call('ReduceSum', [x, i64(0, -1)], {keepdims: int(0)}),
	call('ReduceSum', [x]),
	call('ArgMax', [x], {axis: int(-1)}),
	call('ArgMin', [x], {axis: int(1), keepdims: int(0)}),
	call('TopK', [x, i64(2)], {axis: int(1)}, {outputs: 2}),
	call('BatchNormalization', [image, [4], [4], [4], [4]]),
	call('BatchNormalization', [image, [4], [4], [4], [4]], {training_mode: int(1)}, {outputs: 3}),
	call('InstanceNormalization', [image, [4], [4]]),
	call('GroupNormalization', [image, [4], [4]], {num_groups: int(2)}, {opset: 21}),
	call('GroupNormalization', [image, [2], [2]], {num_groups: int(2)}, {opset: 18}),
	call('LayerNormalization', [x, [4], [4]], {}, {outputs: 3}),
	call('LayerNormalization', [x, [3, 4]], {axis: int(1)}, {outputs: 2}),
	call('LpNormalization', [x], {axis: int(1)}),
	call('MeanVarianceNormalization', [image]),
	call('SoftmaxCrossEntropyLoss', [[3, 5], i64(0, 4, 2)], {}, {outputs: 2}),
	call('SoftmaxCrossEntropyLoss', [[2, 5, 3], int64([2, 3], [0, 1, 2, 3, 4, 0])], {reduction: string('none')}),
	call('NegativeLogLikelihoodLoss', [[3, 5], i64(0, 4, 2)]),

	call('Reshape', [x, i64(0, -1, 2)]),
	call('Reshape', [[2, 0, 3], i64(0, 5)], {allowzero: int(1)}),
	call('Flatten', [x], {axis: int(2)}),
	call('Flatten', [x], {axis: int(3)}),
	call('Flatten', [x], {axis: int(-2)}),
	call('Squeeze', [[2, 1, 4, 1]]),
	call('Squeeze', [[2, 1, 4, 1], i64(-1)]),
	call('Unsqueeze', [x, i64(0, -1)]),
	call('Transpose', [x]),
	call('Transpose', [x], {perm: ints([1, 2, 0])}),
	call(
		'Concat',
		[
			[2, 1],
			[2, 3],
			[2, 2],
		],
		{axis: int(-1)},
	),
	call('Split', [[4, 6], i64(1, 5)], {axis: int(1)}, {outputs: 2}),
	call('Split', [[4, 6]], {axis: int(0)}, {outputs: 2}),
	call('Split', [[7, 2]], {num_outputs: int(3)}, {outputs: 3, opset: 18}),
	call('Slice', [x, i64(1, -3), i64(100, 3), i64(1, 2), i64(1, 1)]),
	call('Slice', [x, i64(-1), i64(-1000), i64(2), i64(-2)]),
	call('Slice', [x, i64(0, 1), i64(1, 3)]),
	call('Expand', [[3, 1], i64(2, 1, 4)]),
	call('Tile', [[2, 3], i64(2, 2)]),
	call('Pad', [[2, 3], i64(1, 0, 0, 2)]),
	call('Pad', [[2, 5], i64(1, 2), '', i64(-1)], {mode: string('reflect')}, {opset: 18}),
	call('DepthToSpace', [[1, 8, 2, 3]], {blocksize: int(2)}),
	call('SpaceToDepth', [[1, 2, 4, 6]], {blocksize: int(2)}),
	call('Trilu', [[2, 4, 4], int64([], [1])]),
	call('Trilu', [[3, 5]], {upper: int(0)}),
	call('ReverseSequence', [[4, 2, 3], i64(4, 2)]),
	call('Shape', [x], {start: int(-2)}),
	call('Shape', [x], {start: int(1), end: int(2)}),
	call('Size', [x]),

	call('Gather', [x, int64([2, 2], [0, -1, 1, 1])], {axis: int(2)}),
	call('Gather', [x, int64([], [1])]),
	call('GatherElements', [[3, 3], int64([2, 3], [0, 1, 2, 2, 0, 0])]),
	call('GatherND', [x, int64([2, 2], [0, 1, 1, 2])]),
	call('GatherND', [x, int64([2, 1], [0, 2])], {batch_dims: int(1)}),
	call('ScatterElements', [[3, 3], int64([2, 3], [1, 0, 2, 0, 2, 1]), [2, 3]], {reduction: string('add')}, {opset: 16}),
	call('ScatterND', [[4, 2], int64([3, 1], [0, 2, 3]), [3, 2]]),
	call('OneHot', [i64(0, 2, 1), int64([], [4]), float32([2], [0, 1])], {axis: int(0)}),
	call('EyeLike', [[3, 4]], {k: int(1)}),
	call('Constant', [], {value: tensorAttribute(float32([2], [1, 2]))}),
	call('Constant', [], {value_ints: ints([4, 5, 6])}),
	call('Constant', [], {value_int: int(4)}),
	call('Constant', [], {value_float: float(0.5)}),
	call('Constant', [], {value_floats: {kind: 'floats', value: [1, 2]}}),
	call('ConstantOfShape', [i64(2, 3)]),
	call('ConstantOfShape', [i64(2)], {value: tensorAttribute(int64([1], [7]))}),
	call('Range', [int64([], [2]), int64([], [9]), int64([], [3])]),
	call('Range', [float32([], [5]), float32([], [1]), float32([], [-1.5])]),
	call('RandomNormal', [], {shape: ints([2, 3])}),
	call('RandomUniform', [], {shape: ints([2])}),
	call('RandomNormalLike', [x]),
	call('RandomUniformLike', [x], {seed: float(3)}),
	call('Bernoulli', [x], {}),

	call(
		'FusedMatMul',
		[
			[2, 4, 3],
			[2, 5, 4],
		],
		{transA: int(1), transB: int(1), alpha: float(2)},
		microsoft,
	),
	call(
		'FusedMatMul',
		[
			[3, 2, 4],
			[2, 4, 5],
		],
		{transBatchA: int(1)},
		microsoft,
	),
	call('FusedConv', [image, [8, 4, 3, 3], [8]], {activation: string('Relu'), pads: ints([1, 1, 1, 1])}, microsoft),
	call('FusedGemm', [[2, 4], [4, 3], [3]], {activation: string('Relu')}, microsoft),
	call('Gelu', [x], {}, microsoft),
	call('BiasGelu', [[2, 3, 4], [4]], {}, microsoft),
	call('FastGelu', [[2, 3, 4], [4]], {}, microsoft),
	call('QuickGelu', [x], {alpha: float(1.7)}, microsoft),
];
