import test from 'ava';
import {isFplError} from '../../core/errors.js';
import {int64, scalar, toNumbers, zeros} from '../../core/tensor/tensor.js';
import {int, tensorAttribute} from '../../models/graph.js';
import {specialise} from '../../models/specialise.js';
import {node, sketch} from './graphs.js';

const flattening = sketch({
	inputs: {x: ['N', 2, 3]},
	initializers: {
		zero: int64([], [0]),
		axes: int64([1], [0]),
		rest: int64([1], [-1]),
		w: zeros('float32', [6, 4]),
		dead: int64([1], [1]),
	},
	nodes: [
		node('Shape', ['x'], ['s']),
		node('Gather', ['s', 'zero'], ['n']),
		node('Unsqueeze', ['n', 'axes'], ['n1']),
		node('Concat', ['n1', 'rest'], ['target'], {axis: int(0)}),
		node('Reshape', ['x', 'target'], ['f']),
		node('Identity', ['f'], ['same']),
		node('Transpose', ['w'], ['wt']),
		node('Transpose', ['wt'], ['wtt']),
		node('MatMul', ['same', 'wtt'], ['y']),
		node('Relu', ['y'], ['unread']),
	],
	outputs: ['y'],
});

test('a batch size makes every shape static and folds shape arithmetic', t => {
	const graph = specialise(flattening, {N: 5});
	t.deepEqual(
		graph.nodes.map(({op}) => op),
		['Reshape', 'Transpose', 'Transpose', 'MatMul'],
	);
	t.deepEqual(toNumbers(graph.initializers.get('target')!), [5, -1]);
	t.deepEqual([...graph.initializers.keys()].sort(), ['target', 'w']);
	t.deepEqual(graph.outputs, [{name: 'y', dtype: 'float32', shape: [5, 4]}]);
	t.deepEqual(graph.inputs[0]!.shape, [5, 2, 3]);
});

test('the same graph can be specialised again for another batch', t => {
	t.deepEqual(specialise(flattening, {N: 2}).outputs[0]!.shape, [2, 4]);
	t.deepEqual(specialise(flattening, {N: 3}).outputs[0]!.shape, [3, 4]);
});

test('a symbolic dimension without a size is an error that names the input', t => {
	const error = t.throws(() => specialise(flattening, {M: 5}));
	t.true(isFplError(error, 'MODEL_SHAPE'));
	t.regex(error!.message, /input «x» of «sketch».*\[N, 2, 3\]/u);
});

test('sizes that are no whole numbers above 0 are refused', t => {
	for (const size of [0, -1, 1.5, Number.NaN]) {
		t.true(
			isFplError(
				t.throws(() => specialise(flattening, {N: size})),
				'MODEL_SHAPE',
			),
		);
	}
});

test('zero initial states of a recurrent layer disappear', t => {
	const graph = specialise(
		sketch({
			inputs: {x: [7, 'N', 3]},
			initializers: {
				w: zeros('float32', [1, 24, 3]),
				r: zeros('float32', [1, 24, 8]),
				one: int64([1], [1]),
				eight: int64([1], [8]),
				axis: int64([], [1]),
			},
			nodes: [
				node('Shape', ['x'], ['s']),
				node('Gather', ['s', 'axis'], ['n']),
				node('Unsqueeze', ['n', 'zeroAxis'], ['n1']),
				node('Constant', [], ['zeroAxis'], {value: tensorAttribute(int64([1], [0]))}),
				node('Concat', ['one', 'n1', 'eight'], ['shape'], {axis: int(0)}),
				node('ConstantOfShape', ['shape'], ['h0']),
				node('GRU', ['x', 'w', 'r', '', '', 'h0'], ['', 'h'], {hidden_size: int(8)}),
			].sort((a, b) => Number(b.op === 'Constant') - Number(a.op === 'Constant')),
			outputs: ['h'],
		}),
		{N: 4},
	);
	t.deepEqual(
		graph.nodes.map(({inputs}) => inputs),
		[['x', 'w', 'r']],
	);
});

test('a shape that depends on the data is refused with the node that has it', t => {
	const graph = sketch({
		inputs: {x: [4], shape: ['int64', [2]]},
		initializers: {c: scalar(1)},
		nodes: [node('Reshape', ['x', 'shape'], ['y'])],
		outputs: ['y'],
	});
	const error = t.throws(() => specialise(graph));
	t.true(isFplError(error, 'MODEL_SHAPE'));
	t.regex(error!.message, /«Reshape_y»/u);
});

test('masks made of constants are folded', t => {
	const graph = specialise(
		sketch({
			inputs: {x: ['N', 3, 3]},
			initializers: {
				shape: int64([2], [3, 3]),
				k: int64([], [1]),
				low: scalar(Number.NEGATIVE_INFINITY),
				zero: scalar(0),
			},
			nodes: [
				node('ConstantOfShape', ['shape'], ['ones'], {
					value: tensorAttribute({dtype: 'bool', shape: [1], data: Uint8Array.of(1)}),
				}),
				node('Trilu', ['ones', 'k'], ['ahead']),
				node('Where', ['ahead', 'low', 'zero'], ['mask']),
				node('Add', ['x', 'mask'], ['y']),
			],
			outputs: ['y'],
		}),
		{N: 2},
	);
	t.deepEqual(
		graph.nodes.map(({op}) => op),
		['Add'],
	);
	const low = Number.NEGATIVE_INFINITY;
	t.deepEqual(toNumbers(graph.initializers.get('mask')!), [0, low, low, 0, 0, low, 0, 0, 0]);
});
