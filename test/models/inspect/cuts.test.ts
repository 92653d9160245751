import test from 'ava';
import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import {isFplError} from '../../../core/errors.js';
import {type Tensor, zeros} from '../../../core/tensor/tensor.js';
import type {Model} from '../../../models/graph.js';
import {importModel} from '../../../models/import/model.js';
import {costOf} from '../../../models/inspect/cost.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {type Ranges, type Segment, segmentsOf} from '../../../models/inspect/segments.js';
import {verify} from '../../../models/onnx/verify.js';
import {encodeModel} from '../../../models/onnx/write.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {fixtureFile, loadFixture} from '../fixtures.js';
import {node, sketch} from '../graphs.js';

const imported = [
	'lenet-script',
	'resnet-script',
	'mobilenet-dynamo',
	'gru-script',
	'transformer-script',
	'attention-dynamo',
];

type Values = Record<string, ort.Tensor>;

async function run(segment: Pick<Segment, 'graph'>, values: Values): Promise<Values> {
	const session = await ort.InferenceSession.create(encodeModel(segment.graph), {intraOpNumThreads: 1});
	const feeds = Object.fromEntries(segment.graph.inputs.map(({name}) => [name, values[name]!]));
	const results = await session.run(feeds);
	await session.release();
	return {...results};
}

const toOrt = ({dtype, data, shape}: Tensor) => new ort.Tensor(dtype as 'float32', data as Float32Array, [...shape]);

/** Runs the segments one after the other; each sees only what it declares as inputs. */
async function chain(segments: readonly Segment[], inputs: Values): Promise<Values> {
	let values: Values = inputs;
	for (const segment of segments) {
		values = {...values, ...(await run(segment, values))};
	}
	return values;
}

/** Ranges from a list of numbers, each of which says how long a segment is. */
function rangesOf(lengths: readonly number[], count: number): Ranges {
	const ranges: [number, number][] = [];
	for (let first = 0; first < count; first = ranges.at(-1)![1] + 1) {
		const length = lengths[ranges.length % lengths.length]!;
		ranges.push([first, Math.min(count, first + length) - 1]);
	}
	return ranges;
}

for (const name of imported) {
	test(`${name}: segments one after the other compute what the whole model does`, async t => {
		const model = importModel(fixtureFile(name));
		const {inputs} = loadFixture(name);
		const feeds = Object.fromEntries(Object.entries(inputs).map(([key, tensor]) => [key, toOrt(tensor)]));
		const whole = await run(model, feeds);
		for (const options of [{}, {maxCrossing: 2}, {maxCrossing: 3}, {merge: true}]) {
			const {units} = unitsOf(model, options);
			await fc.assert(
				fc.asyncProperty(fc.array(fc.integer({min: 1, max: 6}), {minLength: 1, maxLength: 5}), async lengths => {
					const segments = segmentsOf(model, rangesOf(lengths, units.length), options);
					for (const {graph} of segments) {
						verify(graph);
					}
					const parts = await chain(segments, feeds);
					for (const {name: output} of model.graph.outputs) {
						t.deepEqual(parts[output]!.dims, whole[output]!.dims);
						const [a, b] = [parts[output]!.data as Float32Array, whole[output]!.data as Float32Array];
						t.true(a.every((value, index) => Math.abs(value - b[index]!) < 1e-5 * (1 + Math.abs(value))));
					}
					t.deepEqual(segments.flatMap(({parameters}) => parameters).sort(), [...model.parameters].sort());
					t.deepEqual(segments.flatMap(({buffers}) => buffers).sort(), [...model.buffers].sort());
				}),
				{numRuns: 3},
			);
		}
	});
}

test('units of the zoo are labelled by their layers, and cuts carry one tensor', t => {
	const {units, cuts} = unitsOf(buildModel('lenet5'), {merge: true});
	t.deepEqual(
		units.map(({label}) => label),
		['conv1', 'conv2', 'fc1', 'fc2', 'fc3'],
	);
	t.deepEqual(
		cuts.map(({crossing, bytes, before}) => [before, crossing.map(({shape}) => shape), bytes]),
		[
			[1, [['N', 6, 14, 14]], 4704],
			[2, [['N', 400]], 1600],
			[3, [['N', 120]], 480],
			[4, [['N', 84]], 336],
		],
	);
});

test('a residual block is one unit, and several when its skip connection may cross too', t => {
	const model = buildModel('resnet18');
	const labels = unitsOf(model, {merge: true}).units.map(({label}) => label);
	t.deepEqual(labels.slice(0, 4), ['conv1', 'layer1.0', 'layer1.1', 'layer2.0']);
	const {cuts} = unitsOf(model, {maxCrossing: 2});
	t.true(cuts.some(({crossing}) => crossing.length === 2));
	t.true(cuts.length > 2 * unitsOf(model).cuts.length);
});

test('units cost together what the model costs', t => {
	for (const model of [
		buildModel('resnet18'),
		buildModel('tiny-transformer'),
		importModel(fixtureFile('gru-script')),
	]) {
		for (const options of [{}, {merge: true}, {maxCrossing: 2}]) {
			const {units} = unitsOf(model, options);
			const {total} = costOf(model);
			const sum = (what: 'flops' | 'bytes' | 'calls') => units.reduce((all, {cost}) => all + cost[what], 0);
			t.is(sum('flops'), total.flops);
			t.is(sum('bytes'), total.bytes);
			t.is(sum('calls'), total.calls);
			t.is(new Set(units.flatMap(({nodes}) => nodes)).size, model.graph.nodes.length);
			t.is(new Set(units.map(({label}) => label)).size, units.length);
		}
	}
});

const tied: Model = {
	name: 'tied',
	graph: sketch({
		inputs: {x: ['N', 4]},
		initializers: {w: zeros('float32', [4, 4]), v: zeros('float32', [4, 4])},
		nodes: [
			node('MatMul', ['x', 'w'], ['a']),
			node('MatMul', ['a', 'v'], ['b']),
			node('Transpose', ['w'], ['t']),
			node('MatMul', ['b', 't'], ['y']),
		],
		outputs: ['y'],
	}),
	parameters: ['w', 'v'],
	buffers: [],
	loss: 'mse',
};

test('weights never cross a cut, nor what is made of them', t => {
	const {units, cuts} = unitsOf(tied);
	t.is(units.length, 3);
	t.deepEqual(units[2]!.nodes, ['Transpose_t', 'MatMul_y']);
	t.true(cuts.every(({crossing}) => crossing.length === 1));
	t.deepEqual(segmentsOf(tied, [[0, 2]])[0]!.parameters, ['w', 'v']);
});

test('segments that would share a parameter are refused by its name', t => {
	const error = t.throws(() =>
		segmentsOf(tied, [
			[0, 1],
			[2, 2],
		]),
	);
	t.true(isFplError(error, 'MODEL_CUT'));
	t.regex(error!.message, /parameter «w»/u);
});

test('ranges that do not cover the units one after the other are refused', t => {
	for (const ranges of [
		[],
		[[0, 1]],
		[
			[0, 0],
			[2, 2],
		],
		[
			[0, 1],
			[1, 2],
		],
		[[0, 3]],
		[[1, 2]],
		[
			[0, 1.5],
			[2, 2],
		],
	] as Ranges[]) {
		t.true(
			isFplError(
				t.throws(() => segmentsOf(tied, ranges)),
				'MODEL_CUT',
			),
			JSON.stringify(ranges),
		);
	}
});

test('a tensor that only later segments need travels past the ones between', t => {
	const skip: Model = {
		...tied,
		graph: sketch({
			inputs: {x: ['N', 4]},
			initializers: {w: zeros('float32', [4, 4]), v: zeros('float32', [4, 4])},
			nodes: [
				node('Relu', ['x'], ['s']),
				node('MatMul', ['s', 'w'], ['a']),
				node('MatMul', ['a', 'v'], ['b']),
				node('Add', ['b', 's'], ['y']),
			],
			outputs: ['y'],
		}),
	};
	t.is(unitsOf(skip).units.length, 2);
	const options = {maxCrossing: 2};
	t.is(unitsOf(skip, options).units.length, 4);
	const segments = segmentsOf(
		skip,
		[
			[0, 1],
			[2, 2],
			[3, 3],
		],
		options,
	);
	const names = (infos: readonly {readonly name: string}[]) => infos.map(({name}) => name).sort();
	t.deepEqual(
		segments.map(({graph, passing}) => [names(graph.inputs), names(graph.outputs), names(passing)]),
		[
			[['x'], ['a', 's'], []],
			[['a'], ['b'], ['s']],
			[['b', 's'], ['y'], []],
		],
	);
});

test('tensors without the batch as their first axis do not cross', t => {
	const {cuts} = unitsOf(importModel(fixtureFile('gru-script')));
	for (const {crossing} of cuts) {
		t.true(crossing.every(({shape}) => shape?.[0] === 'N'));
	}
});
