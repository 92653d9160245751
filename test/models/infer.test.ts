import test from 'ava';
import {FplError, isFplError} from '../../core/errors.js';
import {float32, int64, scalar, type Tensor, zeros} from '../../core/tensor/tensor.js';
import {type Attributes, type Dim, float, int, ints, string} from '../../models/graph.js';
import {infer} from '../../models/infer.js';
import {node, type Sketch, sketch} from './graphs.js';

/** Types of the outputs as `float32[N, 3]`. */
const outputsOf = (parts: Sketch): string[] =>
	infer(sketch(parts)).outputs.map(({dtype, shape}) => `${dtype}[${shape?.join(', ') ?? '…'}]`);

const through = (
	op: string,
	shape: readonly Dim[],
	attributes: Attributes = {},
	initializers: Record<string, Tensor> = {},
	opset = 17,
): string =>
	outputsOf({
		inputs: {x: shape},
		initializers,
		nodes: [node(op, ['x', ...Object.keys(initializers)], ['y'], attributes)],
		outputs: ['y'],
		opset,
	})[0]!;

test('a symbolic batch passes through convolution, pooling, flattening and a dense layer', t => {
	const graph = infer(
		sketch({
			inputs: {x: ['N', 3, 32, 32]},
			initializers: {
				w: zeros('float32', [8, 3, 3, 3]),
				b: zeros('float32', [8]),
				shape: int64([2], [-1, 8 * 15 * 15]),
				d: zeros('float32', [10, 8 * 15 * 15]),
			},
			nodes: [
				node('Conv', ['x', 'w', 'b'], ['c']),
				node('MaxPool', ['c'], ['p'], {kernel_shape: ints([2, 2]), strides: ints([2, 2])}),
				node('Reshape', ['p', 'shape'], ['f']),
				node('Gemm', ['f', 'd'], ['y'], {transB: int(1)}),
			],
			outputs: ['y'],
		}),
	);
	t.deepEqual(
		[...graph.values.values()].map(({shape}) => shape),
		[
			['N', 8, 30, 30],
			['N', 8, 15, 15],
			['N', 1800],
			['N', 10],
		],
	);
});

test('grouped and strided convolutions with automatic padding', t => {
	const w = {w: zeros('float32', [16, 1, 3, 3])};
	t.is(
		through('Conv', ['N', 16, 7, 7], {group: int(16), strides: ints([2, 2]), auto_pad: string('SAME_UPPER')}, w),
		'float32[N, 16, 4, 4]',
	);
	t.is(through('Conv', [1, 16, 7, 9], {group: int(16), pads: ints([1, 1, 1, 1])}, w), 'float32[1, 16, 7, 9]');
	t.is(through('Conv', [1, 16, 7, 9], {group: int(16), dilations: ints([2, 2])}, w), 'float32[1, 16, 3, 5]');
	t.is(
		through(
			'ConvTranspose',
			[1, 16, 4, 4],
			{strides: ints([2, 2]), pads: ints([1, 1, 1, 1]), output_padding: ints([1, 1])},
			w,
		),
		'float32[1, 1, 8, 8]',
	);
});

test('a pooling that rounds up drops windows that would start in the padding', t => {
	const pool = {kernel_shape: ints([2]), strides: ints([2]), ceil_mode: int(1)};
	t.is(through('MaxPool', [1, 1, 5], pool), 'float32[1, 1, 3]');
	t.is(through('MaxPool', [1, 1, 5], {...pool, pads: ints([1, 1])}), 'float32[1, 1, 3]');
	t.is(through('MaxPool', [1, 1, 5], {...pool, strides: ints([3]), pads: ints([0, 1])}), 'float32[1, 1, 2]');
});

test('reductions take their axes from an attribute or an input', t => {
	t.is(through('ReduceMean', [2, 3, 4], {axes: ints([-1])}), 'float32[2, 3, 1]');
	t.is(through('ReduceSum', [2, 3, 4], {keepdims: int(0)}, {axes: int64([2], [0, 2])}), 'float32[3]');
	t.is(through('ReduceSum', [2, 3, 4], {noop_with_empty_axes: int(1)}), 'float32[2, 3, 4]');
	t.is(through('ReduceMax', [2, 3, 4], {}), 'float32[1, 1, 1]');
	t.is(through('ArgMax', [2, 3, 4], {axis: int(1), keepdims: int(0)}), 'int64[2, 4]');
});

test('slices clamp and step, in both directions', t => {
	const cut = (starts: number, ends: number, axes: number, steps: number) =>
		through(
			'Slice',
			[2, 10],
			{},
			{s: int64([1], [starts]), e: int64([1], [ends]), a: int64([1], [axes]), t: int64([1], [steps])},
		);
	t.is(cut(1, 100, 1, 1), 'float32[2, 9]');
	t.is(cut(-3, -1, 1, 1), 'float32[2, 2]');
	t.is(cut(0, 10, -1, 3), 'float32[2, 4]');
	t.is(cut(-1, -100, 1, -1), 'float32[2, 10]');
	t.is(cut(8, 2, 1, -4), 'float32[2, 2]');
	t.is(cut(5, 2, 1, 1), 'float32[2, 0]');
});

test('a shape computed from a shape is followed', t => {
	t.deepEqual(
		outputsOf({
			inputs: {x: [4, 6, 5]},
			initializers: {zero: int64([], [0]), axes: int64([1], [0]), rest: int64([1], [-1])},
			nodes: [
				node('Shape', ['x'], ['s']),
				node('Gather', ['s', 'zero'], ['n']),
				node('Unsqueeze', ['n', 'axes'], ['n1']),
				node('Concat', ['n1', 'rest'], ['target'], {axis: int(0)}),
				node('Reshape', ['x', 'target'], ['y']),
			],
			outputs: ['y'],
		}),
		['float32[4, 30]'],
	);
});

test('LSTM and GRU outputs in both layouts', t => {
	const gru = (layout: number, shape: Dim[]) =>
		outputsOf({
			inputs: {x: shape},
			initializers: {w: zeros('float32', [2, 24, 3]), r: zeros('float32', [2, 24, 8])},
			nodes: [
				node('GRU', ['x', 'w', 'r'], ['y', 'h'], {
					hidden_size: int(8),
					direction: string('bidirectional'),
					layout: int(layout),
				}),
			],
			outputs: ['y', 'h'],
		});
	t.deepEqual(gru(0, [7, 'N', 3]), ['float32[7, 2, N, 8]', 'float32[2, N, 8]']);
	t.deepEqual(gru(1, ['N', 7, 3]), ['float32[N, 7, 2, 8]', 'float32[N, 2, 8]']);
});

test('matrix products broadcast their batch and honour the flags of FusedMatMul', t => {
	const product = (a: Dim[], b: Dim[], attributes: Attributes = {}, domain = '') =>
		outputsOf({
			inputs: {a, b},
			nodes: [node(domain === '' ? 'MatMul' : 'FusedMatMul', ['a', 'b'], ['y'], attributes, domain)],
			outputs: ['y'],
		})[0];
	t.is(product(['N', 4, 3, 5], [5, 2]), 'float32[N, 4, 3, 2]');
	t.is(product([5], [3, 5, 2]), 'float32[3, 2]');
	t.is(product([4, 5, 3], [4, 2, 5], {transA: int(1), transB: int(1)}, 'com.microsoft'), 'float32[4, 3, 2]');
	t.is(product([3, 4, 5], [4, 5, 2], {transBatchA: int(1)}, 'com.microsoft'), 'float32[4, 3, 2]');
});

test('split accepts sizes, equal parts, and a smaller last part from opset 18 on', t => {
	const parts = (opset: number, total: number, sizes?: number[]) =>
		outputsOf({
			inputs: {x: [2, total]},
			initializers: sizes === undefined ? {} : {sizes: int64([sizes.length], sizes)},
			nodes: [
				node('Split', sizes === undefined ? ['x'] : ['x', 'sizes'], ['a', 'b'], {
					axis: int(1),
					...(opset > 17 ? {num_outputs: int(2)} : {}),
				}),
			],
			outputs: ['a', 'b'],
			opset,
		});
	t.deepEqual(parts(13, 6), ['float32[2, 3]', 'float32[2, 3]']);
	t.deepEqual(parts(13, 6, [4, 2]), ['float32[2, 4]', 'float32[2, 2]']);
	t.deepEqual(parts(18, 5), ['float32[2, 3]', 'float32[2, 2]']);
	t.throws(() => parts(13, 5), {instanceOf: FplError});
});

test('what does not fit is an error that names node, operator and model', t => {
	const fault = (parts: Sketch): FplError => {
		try {
			infer(sketch(parts));
		} catch (error) {
			if (isFplError(error)) {
				return error;
			}
			throw error;
		}
		throw new Error('no error');
	};
	const add = fault({inputs: {a: [2, 3], b: [4]}, nodes: [node('Add', ['a', 'b'], ['y'])], outputs: ['y']});
	t.is(add.code, 'MODEL_SHAPE');
	t.regex(add.message, /«Add_y» \(Add\) of «sketch».*\[2, 3\] and \[4\]/u);
	const types = fault({inputs: {a: [2], b: ['int64', [2]]}, nodes: [node('Mul', ['a', 'b'], ['y'])], outputs: ['y']});
	t.is(types.code, 'MODEL_SHAPE');
	const unknown = fault({inputs: {a: [2]}, nodes: [node('Conjure', ['a'], ['y'])], outputs: ['y']});
	t.is(unknown.code, 'MODEL_OP');
	t.regex(unknown.message, /Conjure.*sketch/u);
	const young = fault({inputs: {a: [2]}, nodes: [node('Gelu', ['a'], ['y'])], outputs: ['y']});
	t.is(young.code, 'MODEL_OP');
	const attribute = fault({inputs: {a: [2]}, nodes: [node('Relu', ['a'], ['y'], {slope: float(1)})], outputs: ['y']});
	t.is(attribute.code, 'MODEL_INVALID');
	const inherited = fault({inputs: {a: [2]}, nodes: [node('constructor', ['a'], ['y'])], outputs: ['y']});
	t.is(inherited.code, 'MODEL_OP');
	const missing = fault({inputs: {a: [2]}, nodes: [node('Add', ['a', 'b'], ['y'])], outputs: ['y']});
	t.is(missing.code, 'MODEL_INVALID');
});

test('constants of the graph are known, weights are not', t => {
	const tiled = (repeats: string) =>
		outputsOf({
			inputs: {x: [2]},
			initializers: {r: int64([1], [3]), clip: scalar(1), weights: float32([1], [3])},
			nodes: [
				node('Cast', ['weights'], ['fromWeights'], {to: int(7)}),
				node('Identity', ['r'], ['fromConstant']),
				node('Expand', ['x', repeats], ['y']),
			],
			outputs: ['y'],
		});
	t.throws(() => tiled('fromConstant'), {instanceOf: FplError});
	t.deepEqual(tiled('fromWeights'), ['float32[…]']);
});
