import test from 'ava';
import {zeros} from '../../../core/tensor/tensor.js';
import type {Dim, Model} from '../../../models/graph.js';
import {int, ints} from '../../../models/graph.js';
import {importModel} from '../../../models/import/model.js';
import {costOf} from '../../../models/inspect/cost.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {fixtureFile, loadFixture} from '../fixtures.js';
import {node, type Sketch, sketch} from '../graphs.js';

const modelOf = (parts: Sketch): Model => ({
	name: 'sketch',
	graph: sketch(parts),
	parameters: Object.keys(parts.initializers ?? {}),
	buffers: [],
	loss: 'mse',
});

const single = (op: string, shape: Dim[], weight: number[], attributes = {}) =>
	costOf(
		modelOf({
			inputs: {x: shape},
			initializers: {w: zeros('float32', weight)},
			nodes: [node(op, ['x', 'w'], ['y'], attributes)],
			outputs: ['y'],
		}),
	);

test('a multiply-add counts as two operations', t => {
	t.is(single('MatMul', ['N', 3, 5], [5, 7]).total.flops, 2 * 3 * 5 * 7);
	t.is(single('Gemm', ['N', 5], [7, 5], {transB: int(1)}).total.flops, 2 * 5 * 7);
	// 8 output channels of 4 × 4, each from 3 channels under a 3 × 3 kernel.
	t.is(single('Conv', ['N', 3, 6, 6], [8, 3, 3, 3]).total.flops, 2 * 8 * 16 * 27);
	t.is(single('Conv', ['N', 8, 6, 6], [8, 1, 3, 3], {group: int(8)}).total.flops, 2 * 8 * 16 * 9);
	t.is(single('ConvTranspose', ['N', 3, 4, 4], [3, 8, 2, 2], {strides: ints([2, 2])}).total.flops, 2 * 48 * 32);
});

test('operators fall into the classes that profiles measure', t => {
	t.is(single('Conv', ['N', 8, 6, 6], [8, 1, 3, 3], {group: int(8)}).nodes[0]!.opClass, 'depthwise');
	t.is(single('Conv', ['N', 8, 6, 6], [8, 4, 3, 3], {group: int(2)}).nodes[0]!.opClass, 'convolution');
	t.is(single('MatMul', ['N', 3, 5], [5, 7]).nodes[0]!.opClass, 'matmul');
	t.is(single('Add', ['N', 3, 5], [5]).nodes[0]!.opClass, 'elementwise');
	t.is(single('Concat', ['N', 3, 5], [1, 3, 5], {axis: int(0)}).nodes[0]!.opClass, 'memory');
});

test('costs grow with the batch, parameters do not', t => {
	const model = buildModel('lenet5');
	const one = costOf(model).total;
	const many = costOf(model, {N: 16}).total;
	t.is(many.flops, 16 * one.flops);
	t.is(many.activationElements, 16 * one.activationElements);
	t.is(many.parameters, one.parameters);
	t.is(one.parameterBytes, 4 * 61_706);
});

test('a shape that only changes costs nothing but its call', t => {
	const {nodes} = costOf(buildModel('lenet5'));
	const flatten = nodes.find(({op}) => op === 'Flatten')!;
	t.is(flatten.flops, 0);
	t.is(flatten.bytes, 0);
});

test('ResNet-50 and MobileNetV2 cost what the literature says', t => {
	// 4.09 and 4.1 billion multiply-adds are reported for ResNet-50 at 224 × 224, norms and activations not counted.
	const resnet = costOf(buildModel('resnet50')).total;
	t.true(Math.abs(resnet.flopsByClass.convolution + resnet.flopsByClass.matmul - 2 * 4.09e9) < 0.02e9);
	t.is(resnet.parameters, 25_557_032);
	t.true(costOf(buildModel('mobilenetv2')).total.flopsByClass.depthwise > 0);
});

test('a parameter that several nodes read counts once', t => {
	const model = modelOf({
		inputs: {x: ['N', 4]},
		initializers: {w: zeros('float32', [4, 4])},
		nodes: [node('MatMul', ['x', 'w'], ['h']), node('MatMul', ['h', 'w'], ['y'])],
		outputs: ['y'],
	});
	t.is(costOf(model).total.parameters, 16);
});

test('imported models have as many parameters as PyTorch counts', t => {
	for (const name of ['lenet-dynamo', 'resnet-script-fresh', 'lstm-script', 'transformer-script']) {
		const {parameters} = loadFixture(name);
		const expected = parameters.reduce((sum, [, shape]) => sum + shape.reduce((size, dim) => size * dim, 1), 0);
		t.is(costOf(importModel(fixtureFile(name))).total.parameters, expected, name);
	}
});
