import test from 'ava';
import {seededRandom} from '../../../../core/random.js';
import {type Shape, sizeOf} from '../../../../core/tensor/tensor.js';
import {compileTraining} from '../../../../models/compile/training.js';
import {blocked} from '../../../../models/engines/onnxruntime/blocked/block.js';
import {onnxruntimeEngine} from '../../../../models/engines/onnxruntime/engine.js';
import {int, ints, type Model, ownOpsets} from '../../../../models/graph.js';
import {infer} from '../../../../models/infer.js';
import {options, sgd} from '../../../contracts/engine/examples.js';
import {uniform} from '../../../support/graphs/gradient-check.js';

interface Convolution {
	readonly data: Shape;
	readonly weight: Shape;
	readonly strides?: readonly number[];
	readonly dilations?: readonly number[];
	readonly pads?: readonly number[];
	readonly group?: number;
}

const random = seededRandom(5);

function modelOf({data, weight, strides, dilations, pads, group}: Convolution): Model {
	const graph = infer({
		name: 'convolution',
		nodes: [
			{
				name: 'conv',
				op: 'Conv',
				domain: '',
				inputs: ['x', 'w'],
				outputs: ['y'],
				attributes: {
					strides: ints(strides ?? [1, 1]),
					dilations: ints(dilations ?? [1, 1]),
					pads: ints(pads ?? [0, 0, 0, 0]),
					group: int(group ?? 1),
				},
			},
		],
		inputs: [{name: 'x', dtype: 'float32', shape: data}],
		outputs: [{name: 'y', dtype: 'float32', shape: undefined}],
		initializers: new Map([['w', uniform(random, weight)]]),
		values: new Map(),
		opsets: ownOpsets,
	});
	return {name: 'convolution', graph, parameters: ['w'], buffers: [], loss: 'mse'};
}

/** By what they have that others have not. */
const convolutions: Readonly<Record<string, Convolution>> = {
	'a block of items, odd sizes': {data: [16, 3, 9, 7], weight: [16, 3, 3, 3], pads: [1, 1, 1, 1]},
	'several blocks of items and filters': {data: [32, 6, 10, 10], weight: [48, 6, 5, 5]},
	'two tiles of rows and a stride': {data: [8, 5, 12, 10], weight: [32, 5, 3, 3], strides: [2, 2], pads: [1, 1, 1, 1]},
	'four tiles of rows': {data: [4, 16, 8, 8], weight: [16, 16, 5, 5], pads: [2, 2, 2, 2]},
	dilations: {data: [16, 4, 11, 9], weight: [16, 4, 3, 3], dilations: [2, 3], pads: [0, 1, 0, 2]},
	'another window along each axis': {
		data: [16, 2, 9, 12],
		weight: [16, 2, 3, 2],
		strides: [1, 2],
		dilations: [2, 1],
		pads: [1, 0, 2, 1],
	},
	'a stride that leaves a rest': {data: [16, 4, 10, 12], weight: [16, 4, 2, 2], strides: [3, 3]},
	'tiles and a stride that leaves a rest': {data: [8, 4, 13, 9], weight: [16, 4, 3, 3], strides: [3, 2]},
};

const mse = {...options(sgd(0.1)), loss: 'mse'} as const;

const programOf = (model: Model, batch: number) =>
	compileTraining(model, {batch, loss: 'mse', optimizer: sgd(0.1)}).gradient().graph;

for (const [title, convolution] of Object.entries(convolutions)) {
	test.serial(`the weight gradient as a blocked convolution is that of products: ${title}`, async t => {
		const model = modelOf(convolution);
		const [items] = convolution.data as [number];
		const ops = blocked(programOf(model, items), 16).nodes.map(({op}) => op);
		t.false(ops.includes('Slice') || ops.includes('FusedMatMul') || ops.includes('MatMul'), ops.join());
		const output = model.graph.outputs[0]!.shape as Shape;
		t.true(sizeOf(output) > 0);
		const batch = {inputs: {x: uniform(random, convolution.data)}, targets: uniform(random, output)};
		const engines = await Promise.all([false, true].map(plain => onnxruntimeEngine({threads: 2, plain})));
		const [a, b] = await Promise.all(engines.map(async engine => (await engine.trainer(model, mse)).gradient(batch)));
		const largest = b!.gradient.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
		t.true(largest > 0);
		const error = a!.gradient.reduce((max, value, at) => Math.max(max, Math.abs(value - b!.gradient[at]!)), 0);
		t.true(error <= 1e-5 * largest, `off by ${error} of ${largest}`);
		await Promise.all(engines.map(engine => engine.close()));
	});
}

test('what blocks do not fit stays a product', t => {
	const slices = (convolution: Convolution) =>
		blocked(programOf(modelOf(convolution), convolution.data[0]!), 16).nodes.filter(({op}) => op === 'Slice').length;
	t.is(slices({data: [16, 4, 8, 8], weight: [12, 4, 3, 3]}), 9, 'filters');
	t.is(slices({data: [5, 4, 7, 8], weight: [16, 4, 3, 3]}), 9, 'items, and rows that do not divide');
	t.is(slices({data: [16, 32, 8, 8], weight: [16, 16, 3, 3], group: 2}), 9, 'groups');
});

test('a gradient graph needs no engine that knows the note', t => {
	const graph = programOf(modelOf(convolutions['dilations']!), 16);
	t.is(graph.weightGradients?.size, 1);
	t.true(graph.nodes.every(({domain}) => domain === '' || domain === 'com.microsoft'));
});
