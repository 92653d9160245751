import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {float32, int64, scalar, sizeOf, toNumbers, zeros} from '../../../core/tensor/tensor.js';
import {float, int, ints} from '../../../models/graph.js';
import {exportModel, importModel} from '../../../models/import/model.js';
import {layoutOf} from '../../../models/layout.js';
import {verify} from '../../../models/onnx/verify.js';
import {specialise} from '../../../models/specialise.js';
import {fixtureFile, fixtureNames, loadFixture} from '../fixtures.js';
import {node, sketch} from '../graphs.js';

const folded = (name: string) => name.endsWith('folded');

for (const name of fixtureNames) {
	test(`${name}: what PyTorch trains is trained, for any batch`, t => {
		const notes: string[] = [];
		const model = importModel(fixtureFile(name), {note: sentence => notes.push(sentence)});
		const {parameters, outputs} = loadFixture(name);
		t.is(model.name, name);
		// Exporters may transpose matrices and drop or fold norms; sizes tell what is there.
		const sizes = (list: readonly (readonly number[])[]) => list.map(sizeOf).sort((a, b) => a - b);
		const ours = model.parameters.map(key => model.graph.initializers.get(key)!.shape);
		if (!folded(name) && !/^(?:mobilenet|sensor|gru|lstm)-dynamo/u.test(name)) {
			t.deepEqual(sizes(ours), sizes(parameters.map(([, shape]) => shape)));
		}
		t.true(ours.length > 0);
		t.notThrows(() => layoutOf(model.graph, [...model.parameters, ...model.buffers]));
		const norms = model.graph.nodes.filter(({op}) => op === 'BatchNormalization').length;
		t.is(model.buffers.length, 2 * norms);
		t.is(model.loss, 'softmax-cross-entropy');
		t.false(model.graph.nodes.some(({op}, at) => op.includes('Softmax') && at === model.graph.nodes.length - 1));
		for (const batch of [1, 5]) {
			const graph = specialise(model.graph, {N: batch});
			t.notThrows(() => verify(graph, {static: true}));
			t.deepEqual(graph.outputs[0]!.shape, [batch, outputs['output']!.shape[1]!]);
			for (const key of [...model.parameters, ...model.buffers]) {
				t.true(graph.initializers.has(key), key);
			}
		}
		t.is(
			notes.some(note => note.includes('any batch fits')),
			name.endsWith('fixed'),
		);
	});
}

test('an exported model comes back as it was', t => {
	for (const name of ['resnet-script', 'gru-dynamo', 'attention-dynamo-fixed']) {
		const model = importModel(fixtureFile(name));
		const bytes = exportModel({...model, loss: 'mse'});
		const again = importModel(bytes);
		t.deepEqual(again, {...model, loss: 'mse'});
		t.deepEqual(exportModel(again), bytes);
	}
});

test('equal tensors that an exporter wrote once train apart, under their own names', t => {
	const model = importModel(fixtureFile('resnet-script-fresh'));
	const {parameters} = loadFixture('resnet-script-fresh');
	t.deepEqual([...model.parameters].sort(), parameters.map(([key]) => key).sort());
	t.true(model.buffers.includes('block1.bn1.running_mean'));
	t.is(new Set([...model.parameters, ...model.buffers].map(key => model.graph.initializers.get(key)!.data)).size, 32);
});

test('batch norms exported in training mode are brought to inference mode', t => {
	const {graph} = importModel(fixtureFile('resnet-script-train'));
	for (const {op, outputs, attributes} of graph.nodes) {
		if (op === 'BatchNormalization') {
			t.is(outputs.length, 1);
			t.false('training_mode' in attributes);
		}
	}
});

const classifier = sketch({
	inputs: {x: ['batch', 4]},
	initializers: {
		w: float32([3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
		scale: float32([3], [1, 2, 3]),
		val_3: float32([1], [0.5]),
		eps: scalar(1e-5),
		mask: float32([3], [0, Number.NEGATIVE_INFINITY, 0]),
		half: float32([1], [0.5]),
		unused: float32([2], [1, 2]),
		limit: float32([], [6]),
	},
	nodes: [
		node('Gemm', ['x', 'w'], ['a'], {transB: int(1)}),
		node('Mul', ['a', 'scale'], ['b']),
		node('Mul', ['b', 'val_3'], ['c']),
		node('Add', ['c', 'eps'], ['d']),
		node('Add', ['d', 'mask'], ['e']),
		node('Mul', ['e', 'half'], ['f']),
		node('Clip', ['f', '', 'limit'], ['g']),
		node('Softmax', ['g'], ['y'], {axis: int(-1)}),
	],
	outputs: ['y'],
});

test('weights are told from constants by place, name and values', t => {
	const {parameters, graph} = importModel(classifier);
	t.deepEqual(parameters, ['w', 'scale', 'half']);
	t.false(graph.initializers.has('unused'));
});

test('frozen initializers are not trained, and must exist', t => {
	t.deepEqual(importModel(classifier, {freeze: ['half', 'scale']}).parameters, ['w']);
	const error = t.throws(() => importModel(classifier, {freeze: ['halve']}));
	t.true(isFplError(error, 'MODEL_INVALID'));
	t.regex(error!.message, /halve/u);
});

test('a final softmax is taken off, with a note, and the output keeps its name', t => {
	const notes: string[] = [];
	const {graph, loss} = importModel(classifier, {note: note => notes.push(note)});
	t.is(graph.nodes.at(-1)!.op, 'Clip');
	t.deepEqual(graph.outputs, [{name: 'y', dtype: 'float32', shape: ['N', 3]}]);
	t.is(loss, 'softmax-cross-entropy');
	t.true(notes.some(note => /Softmax.*taken off/u.test(note)));
});

test('a final sigmoid means binary cross-entropy, a single number regression', t => {
	const ending = (op: string | undefined) =>
		importModel(
			sketch({
				inputs: {x: ['N', 4]},
				initializers: {w: zeros('float32', [4, 1])},
				nodes: [node('MatMul', ['x', 'w'], ['a']), ...(op === undefined ? [] : [node(op, ['a'], ['y'])])],
				outputs: [op === undefined ? 'a' : 'y'],
			}),
		).loss;
	t.is(ending('Sigmoid'), 'bce');
	t.is(ending(undefined), 'mse');
});

test('tied weights stay tied', t => {
	const model = importModel(
		sketch({
			inputs: {tokens: ['int64', ['N', 5]]},
			initializers: {table: float32([3, 2], [1, 2, 3, 4, 5, 6])},
			nodes: [
				node('Gather', ['table', 'tokens'], ['e']),
				node('Transpose', ['table'], ['t'], {perm: ints([1, 0])}),
				node('MatMul', ['e', 't'], ['y']),
			],
			outputs: ['y'],
		}),
	);
	t.deepEqual(model.parameters, ['table']);
});

const fixedTo = (batch: number, shape: readonly number[], ...rest: ReturnType<typeof node>[]) =>
	sketch({
		inputs: {x: [batch, 6, 4]},
		initializers: {shape: int64([shape.length], shape), w: zeros('float32', [4, 4]), axes: int64([1], [0])},
		nodes: [node('MatMul', ['x', 'w'], ['h']), node('Reshape', ['h', 'shape'], ['r']), ...rest],
		outputs: [rest.at(-1)?.outputs[0] ?? 'r'],
	});

test('a fixed batch above one is made symbolic too', t => {
	const {graph} = importModel(fixedTo(4, [4, 24]));
	t.deepEqual(graph.outputs[0]!.shape, ['N', 24]);
	t.deepEqual(toNumbers(graph.initializers.get('r.shape')!), [-1, 24]);
});

test('items that were merged with another axis are found again', t => {
	const {graph} = importModel(
		sketch({
			inputs: {x: [1, 6, 4]},
			initializers: {flat: int64([2], [6, 4]), back: int64([3], [1, 6, 4]), w: zeros('float32', [4, 4])},
			nodes: [
				node('Reshape', ['x', 'flat'], ['r']),
				node('MatMul', ['r', 'w'], ['s']),
				node('Reshape', ['s', 'back'], ['y']),
			],
			outputs: ['y'],
		}),
	);
	t.deepEqual(specialise(graph, {N: 7}).outputs[0]!.shape, [7, 6, 4]);
});

test('a graph that mixes items cannot be freed from its batch size, and says where and how to export instead', t => {
	const mixing = fixedTo(1, [1, 24], node('Softmax', ['r'], ['y'], {axis: int(0)}));
	const withReduction = fixedTo(1, [1, 24], node('ReduceMean', ['r'], ['y'], {axes: ints([0])}));
	for (const graph of [
		withReduction,
		{
			...mixing,
			nodes: [...mixing.nodes, node('Relu', ['y'], ['z'])],
			outputs: [{name: 'z', dtype: 'float32' as const, shape: undefined}],
		},
	]) {
		const error = t.throws(() => importModel(graph));
		t.true(isFplError(error, 'MODEL_SHAPE'), error?.message);
		t.regex(error!.message, /dynamic/u);
	}
});

test('inputs without a batch, and outputs that do not follow it, are refused', t => {
	const scalarInput = sketch({
		inputs: {x: []},
		nodes: [node('Relu', ['x'], ['y'])],
		outputs: ['y'],
	});
	const sequenceFirst = sketch({
		inputs: {x: [7, 'batch', 4]},
		initializers: {w: zeros('float32', [4, 4])},
		nodes: [node('MatMul', ['x', 'w'], ['h']), node('ReduceMean', ['h'], ['y'], {axes: ints([0]), keepdims: int(0)})],
		outputs: ['y'],
	});
	for (const graph of [scalarInput, sequenceFirst]) {
		t.true(
			isFplError(
				t.throws(() => importModel(graph)),
				'MODEL_SHAPE',
			),
		);
	}
});

test('metadata that names what is not there is refused', t => {
	const model = importModel(classifier);
	for (const broken of [
		{...model, parameters: ['nothing']},
		{...model, parameters: ['w', 'w']},
	]) {
		t.true(
			isFplError(
				t.throws(() => importModel(exportModel(broken))),
				'MODEL_INVALID',
			),
		);
	}
	const badLoss = {...model, loss: 'guess' as unknown as 'mse'};
	t.true(
		isFplError(
			t.throws(() => importModel(exportModel(badLoss))),
			'MODEL_INVALID',
		),
	);
});

test('running statistics are buffers even when a model without training is imported', t => {
	const {parameters, buffers} = importModel(
		sketch({
			inputs: {x: ['N', 2, 3, 3]},
			initializers: {
				s: float32([2], [1, 2]),
				b: float32([2], [3, 4]),
				m: float32([2], [5, 6]),
				v: float32([2], [7, 8]),
			},
			nodes: [node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], ['y'], {epsilon: float(1e-3)})],
			outputs: ['y'],
		}),
	);
	t.deepEqual(parameters, ['s', 'b']);
	t.deepEqual(buffers, ['m', 'v']);
});
