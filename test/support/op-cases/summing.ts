/** Ops that sum: reductions, softmax, matrix products, normalisations, recurrent layers. */
import {float32, int64, type Shape} from '../../../core/tensor/tensor.js';
import {type OpCase, opCase} from './build.js';

const alongTwo = ['ReduceMax', 'ReduceMin', 'ReduceMean', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare'];

const reducing: readonly OpCase[] = [
	...[...alongTwo, 'ReduceLogSumExp'].map(op => opCase(op, [3, 4], `y = ${op}(v) axes=[2, 1]`)),
	opCase('ReduceLogSum', [3, 4], 'y = ReduceLogSum(v) axes=[-1]', {}, {positive: true}),
	opCase('ReduceSum', [3, 4], 'y = ReduceSum(v, axes) keepdims=0', {axes: int64([1], [1])}),
	opCase('ReduceSum of everything', [3, 4], 'y = ReduceSum(v)'),
	opCase('ReduceSum of nothing', [3, 4], 's = ReduceSum(v) noop_with_empty_axes=1; y = Exp(s)'),
	opCase('ReduceMean since opset 18', [3, 4], 'y = ReduceMean(v, axes)', {axes: int64([1], [2])}, {opset: 18}),
	...['ArgMax', 'ArgMin'].map(op => opCase(op, [3, 4], `a = ${op}(v) axis=1; f = Cast(a) to=1; y = Mul(v, f)`)),
	opCase('Softmax', [3, 4], 'y = Softmax(v)'),
	opCase('Softmax along the middle', [3, 4], 'y = Softmax(v) axis=1'),
	opCase('LogSoftmax', [3, 4], 'y = LogSoftmax(v) axis=1'),
	opCase('CumSum', [3, 4], 'y = CumSum(v, axis) exclusive=1', {axis: int64([], [1])}),
	opCase('CumSum backwards', [3, 4], 'y = CumSum(v, axis) reverse=1', {axis: int64([], [-1])}),
];

const products: readonly OpCase[] = [
	opCase('MatMul', [3, 4], 'y = MatMul(v, b)', {b: [4, 5]}),
	opCase('MatMul with batch axes that broadcast', [3, 4], 'y = MatMul(v, b)', {b: [5, 1, 4, 2]}),
	opCase('MatMul by a vector', [3, 4], 'y = MatMul(v, b)', {b: [4]}),
	opCase('MatMul of a vector', [3, 4], 'y = MatMul(b, v)', {b: [3]}),
	opCase('Gemm', [4], 'y = Gemm(v, b, c) alpha=0.5 beta=2.0 transB=1', {b: [5, 4], c: [5]}),
	opCase('Gemm, left side transposed', [4], 't = Transpose(v); y = Gemm(t, b) transA=1', {b: [4, 5]}),
	opCase('FusedMatMul', [3, 4], 'y = com.microsoft.FusedMatMul(v, b) alpha=0.5 transA=1 transB=1', {b: [2, 5, 3]}),
];

const image: Shape = [4, 3, 5];
const fixed = {m: float32([4], [0.1, 0.2, -0.3, 0]), q: float32([4], [1, 0.5, 2, 0.1])};
const affine = {s: [4], b: [4]};

const normalising: readonly OpCase[] = [
	opCase('BatchNormalization', image, 'y = BatchNormalization(v, s, b, m, q)', {...affine, ...fixed}),
	opCase('BatchNormalization of vectors', [4], 'y = BatchNormalization(v, s, b, m, q)', {...affine, ...fixed}),
	opCase('LayerNormalization', [3, 4], 'y = LayerNormalization(v, s, b)', affine),
	opCase('LayerNormalization of two axes', [3, 4], 'y = LayerNormalization(v, s) axis=1 epsilon=0.01', {s: [3, 4]}),
	opCase('InstanceNormalization', image, 'y = InstanceNormalization(v, s, b)', affine),
	opCase('GroupNormalization', image, 'y = GroupNormalization(v, s, b) num_groups=2', affine, {opset: 21}),
];

const gates = {RNN: 1, LSTM: 4, GRU: 3} as const;
const hidden = 3;

interface CellOptions {
	readonly attributes?: string;
	readonly directions?: number;
	readonly outputs?: string;
	readonly steps?: number;
	/** Names of the given first states. */
	readonly states?: readonly string[];
}

function cell(op: keyof typeof gates, title: string, options: CellOptions = {}): OpCase {
	const {attributes = '', directions = 1, outputs = 'y', steps = 4, states = []} = options;
	const rows = gates[op] * hidden;
	// One state per item: the mean over the steps of what comes in, cut to the width, plus a trained part.
	const own = (state: string) =>
		`m${state} = ReduceMean(t) axes=[0]; n${state} = Slice(m${state}, first, width, axis); ${state} = Add(n${state}, ${state}0);`;
	const inputs = ['t', 'W', 'R', 'B', ...(states.length > 0 ? ['-', ...states] : [])].join(', ');
	return opCase(
		`${op}: ${title}`,
		[steps, 5],
		`t = Transpose(v) perm=[1, 0, 2]; ${states.map(own).join('')} ${outputs} = ${op}(${inputs}) hidden_size=${hidden} ${attributes}`,
		{
			W: [directions, rows, 5],
			R: [directions, rows, hidden],
			B: [directions, 2 * rows],
			...Object.fromEntries(states.map(state => [`${state}0`, [directions, 1, hidden]])),
			...(states.length > 0 ? {first: int64([1], [0]), width: int64([1], [hidden]), axis: int64([1], [2])} : {}),
		},
	);
}

const both = {attributes: 'direction="bidirectional"', directions: 2};

const recurrent: readonly OpCase[] = [
	cell('RNN', 'all steps'),
	cell('RNN', 'last state, backwards', {attributes: 'direction="reverse"', outputs: '-, y'}),
	cell('RNN', 'with relu', {attributes: 'activations=["Relu"]'}),
	cell('LSTM', 'all steps, both directions', both),
	cell('LSTM', 'last cell', {outputs: '-, -, y'}),
	cell('LSTM', 'from given states', {states: ['h', 'c']}),
	cell('GRU', 'all steps'),
	cell('GRU', 'as PyTorch does', {attributes: 'linear_before_reset=1', outputs: '-, y'}),
	cell('GRU', 'both directions from given states', {...both, states: ['h']}),
	cell('GRU', 'a single step', {steps: 1}),
];

export const summing: readonly OpCase[] = [...reducing, ...products, ...normalising, ...recurrent];
