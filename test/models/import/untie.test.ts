import test from 'ava';
import {float32, type Tensor} from '../../../core/tensor/tensor.js';
import type {Graph} from '../../../models/graph.js';
import {importModel} from '../../../models/import/model.js';
import {untie} from '../../../models/import/untie.js';
import {scopeOf} from '../../../models/onnx/scope.js';
import {fixtureFile, loadFixture} from '../fixtures.js';
import {node, sketch} from '../graphs.js';

const weights = float32([2, 2], [1, 2, 3, 4]);
const ones = float32([2], [1, 1]);

/** x → a → b, both with the same tensor, from nodes of the given names. */
const chain = (names: readonly [string, string], op: string, tensor: Tensor): Graph => {
	const graph = sketch({
		inputs: {x: ['N', 2]},
		initializers: {w: tensor},
		nodes: [node(op, ['x', 'w'], ['a']), node(op, ['a', 'w'], ['y'])],
		outputs: ['y'],
	});
	return {...graph, nodes: graph.nodes.map((each, index) => ({...each, name: names[index]!}))};
};

const tensorsOf = (graph: Graph, keep: readonly string[] = []) => {
	const notes: string[] = [];
	const untied = untie(graph, new Set(keep), note => notes.push(note));
	const names = untied.nodes.map(({inputs}) => inputs[1]!);
	return {names, notes: notes.length, complete: names.every(name => untied.initializers.has(name))};
};

test('clones of a layer get tensors of their own under dynamo, and PyTorch’s names', t => {
	const {names, notes, complete} = tensorsOf(
		chain(['layers.0/node_linear', 'layers.1/node_linear_1'], 'MatMul', weights),
	);
	t.deepEqual(names, ['w', 'layers.1.weight']);
	t.is(notes, 1);
	t.true(complete);
});

test('a module that is called twice keeps its weights', t => {
	t.deepEqual(tensorsOf(chain(['cell/node_linear', 'cell/node_linear_1'], 'MatMul', weights)).names, ['w', 'w']);
	t.deepEqual(tensorsOf(chain(['cell/node_mul', 'cell/node_mul_1'], 'Mul', ones)).names, ['w', 'w']);
});

test('TorchScript shares only what is tied in the model', t => {
	t.deepEqual(tensorsOf(chain(['/a/MatMul', '/b/MatMul'], 'MatMul', weights)).names, ['w', 'w']);
	t.deepEqual(tensorsOf(chain(['/a/Mul', '/b/Mul'], 'Mul', ones)).names, ['w', 'w']);
});

test('without hints only uniform tensors are taken for equal by chance', t => {
	t.deepEqual(tensorsOf(chain(['first', 'second'], 'MatMul', weights)).names, ['w', 'w']);
	t.deepEqual(tensorsOf(chain(['first', 'second'], 'Mul', ones)).names, ['w', 'second.input1']);
});

test('what is named as tied stays tied', t => {
	const clones = chain(['layers.0/node_linear', 'layers.1/node_linear_1'], 'MatMul', weights);
	t.deepEqual(tensorsOf(clones, ['w']), {names: ['w', 'w'], notes: 0, complete: true});
});

test('scopes are read from both exporters’ names', t => {
	t.deepEqual(scopeOf('/block1/down/down.0/Conv'), {exporter: 'script', module: 'block1.down.0'});
	t.deepEqual(scopeOf('/Flatten'), undefined);
	t.deepEqual(scopeOf('layers.0.linear1/node_linear_3'), {exporter: 'dynamo', module: 'layers.0.linear1'});
	t.deepEqual(scopeOf('Conv_3'), undefined);
});

test('the cloned layers of a fresh transformer train apart, whatever exporter wrote them', t => {
	for (const name of ['vit-script', 'vit-dynamo']) {
		const model = importModel(fixtureFile(name));
		const norms = model.parameters.filter(key => /layers\.\d\.norm\d\.weight/u.test(key));
		t.is(norms.length, 4, name);
		const {parameters} = loadFixture(name);
		t.is(model.parameters.length, parameters.length, name);
	}
});

test('initial states of zeros in a fixed export disappear', t => {
	const {graph} = importModel(fixtureFile('lstm-dynamo-fixed'));
	const layers = graph.nodes.filter(({op}) => op === 'LSTM');
	t.is(layers.length, 2);
	for (const {inputs} of layers) {
		t.is(inputs.length, 4);
	}
});
