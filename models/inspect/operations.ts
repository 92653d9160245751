/** How many operations an operator does, which class it is of, and how much memory it touches. */
import type {OpClass} from '../../core/profile/profile.js';
import {type Shape, sizeOf} from '../../core/tensor/tensor.js';
import type {Node} from '../graph.js';

/** Static shapes; `[]` for inputs that are absent. */
export interface Operands {
	readonly inputs: readonly Shape[];
	readonly outputs: readonly Shape[];
}

export interface Operations {
	readonly flops: number;
	/** Which tensors are touched: all, only as much as comes out (twice), or none since only the shape changes. */
	readonly moves: 'everything' | 'outputs' | 'nothing';
}

const intOf = (node: Node, name: string, byDefault: number): number => {
	const attribute = node.attributes[name];
	return attribute?.kind === 'int' ? attribute.value : byDefault;
};

const sizeOrZero = (shape: Shape | undefined): number => (shape === undefined ? 0 : sizeOf(shape));

/** Operations per output element of elementwise operators; 1 for those not listed. */
const perElement: Readonly<Record<string, number>> = {
	Sigmoid: 3, // exp, add, divide
	Softplus: 3,
	Softsign: 3,
	HardSigmoid: 4, // multiply, add, two comparisons
	HardSwish: 5,
	Clip: 2,
	LeakyRelu: 2,
	PRelu: 2,
	Elu: 3,
	Selu: 4,
	Celu: 4,
	Mish: 5,
	Gelu: 5, // x/√2, erf, add, two products
	FastGelu: 8,
	QuickGelu: 5,
	BiasGelu: 6,
	Dropout: 2,
	Softmax: 5, // maximum, subtract, exp, sum, divide
	LogSoftmax: 5,
	BatchNormalization: 2, // scale and shift; the statistics are folded into them
	InstanceNormalization: 8, // mean, subtract, square, mean, scale, shift
	GroupNormalization: 8,
	LayerNormalization: 8,
	LpNormalization: 4,
	LRN: 6,
};

/** Operators that only change the shape: runtimes pass the buffer on. */
const views = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Shape', 'Size', 'Constant']);

/** Operators that move elements without computing. */
const moves = new Set([
	...['Transpose', 'Concat', 'Split', 'Slice', 'Expand', 'Tile', 'Pad', 'DepthToSpace', 'SpaceToDepth', 'Trilu'],
	...['ReverseSequence', 'Gather', 'GatherElements', 'GatherND', 'OneHot', 'EyeLike', 'ConstantOfShape', 'Range'],
	...['Cast', 'CastLike', 'Where', 'Col2Im', 'MaxUnpool'],
]);

/** Operators that go over all of their first input, whatever the size of the output. */
const perInput: Readonly<Record<string, number>> = {
	ReduceSum: 1,
	ReduceMean: 1,
	ReduceMax: 1,
	ReduceMin: 1,
	ReduceProd: 1,
	ReduceL1: 2,
	ReduceL2: 2,
	ReduceSumSquare: 2,
	ReduceLogSum: 1,
	ReduceLogSumExp: 3,
	ArgMax: 1,
	ArgMin: 1,
	TopK: 2,
	GlobalAveragePool: 1,
	GlobalMaxPool: 1,
	ScatterElements: 1,
	ScatterND: 1,
	SoftmaxCrossEntropyLoss: 6,
	NegativeLogLikelihoodLoss: 1,
};

const gates: Readonly<Record<string, number>> = {LSTM: 4, GRU: 3, RNN: 1};

/** Matrices and kernels: two operations per multiply-add. */
function products(node: Node, {inputs, outputs}: Operands): number | undefined {
	const [x = [], w = []] = inputs;
	const made = sizeOrZero(outputs[0]);
	switch (node.op) {
		case 'Conv':
		case 'FusedConv':
			// w is [M, C/group, …k]
			return 2 * made * sizeOf(w.slice(1)) + (sizeOrZero(inputs[2]) > 1 ? made : 0);
		case 'ConvTranspose':
			// w is [C, M/group, …k]; every input element meets all of its channel's kernel
			return 2 * sizeOf(x) * sizeOf(w.slice(1)) + (sizeOrZero(inputs[2]) > 1 ? made : 0);
		case 'MatMul':
			return 2 * made * (x.at(-1) ?? 1);
		case 'FusedMatMul': {
			const depth = intOf(node, 'transA', 0) !== 0 ? (intOf(node, 'transBatchA', 0) !== 0 ? x[0] : x.at(-2)) : x.at(-1);
			return 2 * made * (depth ?? 1);
		}
		case 'Gemm':
		case 'FusedGemm':
			return 2 * made * (x[intOf(node, 'transA', 0) !== 0 ? 0 : 1] ?? 1) + (sizeOrZero(inputs[2]) > 1 ? made : 0);
		default:
			return undefined;
	}
}

/** Every step multiplies input and state by the gates' matrices; some eight operations per gate and unit follow. */
function recurrence(node: Node, {inputs}: Operands): number {
	const [x = [], , r = []] = inputs;
	const count = gates[node.op]!;
	const [directions = 1, , hidden = 1] = r;
	const steps = (x[0] ?? 0) * (x[1] ?? 0) * directions;
	return steps * count * hidden * (2 * ((x[2] ?? 0) + hidden) + 8);
}

function windowSize(node: Node): number {
	const kernel = node.attributes['kernel_shape'];
	return kernel?.kind === 'ints' ? kernel.value.reduce((size, dim) => size * dim, 1) : 1;
}

export function operationsOf(node: Node, operands: Operands): Operations {
	const {op} = node;
	const made = operands.outputs.reduce((sum, shape) => sum + sizeOf(shape), 0);
	if (views.has(op)) {
		return {flops: 0, moves: 'nothing'};
	}
	if (moves.has(op)) {
		return {flops: 0, moves: op === 'Where' || op === 'Concat' ? 'everything' : 'outputs'};
	}
	if (Object.hasOwn(gates, op)) {
		return {flops: recurrence(node, operands), moves: 'everything'};
	}
	if (op === 'MaxPool' || op === 'AveragePool') {
		return {flops: sizeOrZero(operands.outputs[0]) * windowSize(node), moves: 'everything'};
	}
	const flops = products(node, operands);
	if (flops !== undefined) {
		return {flops, moves: 'everything'};
	}
	if (Object.hasOwn(perInput, op)) {
		return {flops: perInput[op]! * sizeOrZero(operands.inputs[0]), moves: 'everything'};
	}
	const variadic = ['Sum', 'Mean', 'Min', 'Max'].includes(op) ? Math.max(1, operands.inputs.length - 1) : 1;
	return {flops: made * (Object.hasOwn(perElement, op) ? perElement[op]! : variadic), moves: 'everything'};
}

const matrixOps = new Set(['MatMul', 'Gemm', 'FusedMatMul', 'FusedGemm', 'LSTM', 'GRU', 'RNN']);
const convolutions = new Set(['Conv', 'FusedConv', 'ConvTranspose']);

/** The class of operators that the node runs as fast as. */
export function classOf(node: Node, {inputs}: Operands): OpClass {
	if (convolutions.has(node.op)) {
		const group = intOf(node, 'group', 1);
		return group > 1 && group === inputs[0]?.[1] ? 'depthwise' : 'convolution';
	}
	if (matrixOps.has(node.op)) {
		return 'matmul';
	}
	return views.has(node.op) || moves.has(node.op) ? 'memory' : 'elementwise';
}
