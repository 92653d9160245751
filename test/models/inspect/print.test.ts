import test from 'ava';
import {float32, int64} from '../../../core/tensor/tensor.js';
import {float, int} from '../../../models/graph.js';
import {printGraph} from '../../../models/inspect/print.js';
import {node, sketch} from '../graphs.js';

test('a listing shows inputs, weights, constants, nodes with attributes and types, and outputs', t => {
	const graph = sketch({
		inputs: {x: ['N', 4]},
		initializers: {
			'fc.weight': float32([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
			shape: int64([3], [-1, 1, 2]),
			half: float32([1], [0.5]),
		},
		nodes: [
			node('Gemm', ['x', 'fc.weight'], ['h'], {transB: int(1), alpha: float(Math.fround(0.1))}),
			node('Reshape', ['h', 'shape'], ['r']),
			node('Mul', ['r', 'half'], ['m']),
			node('Clip', ['m', '', ''], ['y']),
		],
		outputs: ['y'],
	});
	t.is(
		printGraph(graph, {parameters: ['fc.weight']}),
		[
			'sketch: 4 nodes, 3 initializers, opset 17',
			'  input    x: float32[N, 4]',
			'  weight   fc.weight: float32[2, 4]',
			'  constant shape: int64[3] = [-1, 1, 2]',
			'  constant half: float32[1] = [0.5]',
			'  h: float32[N, 2] = Gemm(x, fc.weight) transB=1 alpha=0.1',
			'  r: float32[N, 1, 2] = Reshape(h, [-1, 1, 2])',
			'  m: float32[N, 1, 2] = Mul(r, half)',
			'  y: float32[N, 1, 2] = Clip(m, –, –)',
			'  output   y: float32[N, 1, 2]',
			'',
		].join('\n'),
	);
});
