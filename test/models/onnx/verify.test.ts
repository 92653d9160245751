import test from 'ava';
import {type ErrorCode, isFplError} from '../../../core/errors.js';
import {float32, int64, type Tensor, zeros} from '../../../core/tensor/tensor.js';
import {float, type Graph, int, ints, string} from '../../../models/graph.js';
import {ruleNames, verify, violations} from '../../../models/onnx/verify.js';
import {specialise} from '../../../models/specialise.js';
import {buildModel, zooNames} from '../../../models/zoo/zoo.js';
import {node, sketch} from '../graphs.js';

const good = sketch({
	inputs: {x: ['N', 4]},
	initializers: {w: zeros('float32', [4, 2])},
	nodes: [node('MatMul', ['x', 'w'], ['h']), node('Relu', ['h'], ['y'])],
	outputs: ['y'],
});
const [first, second] = good.nodes as [Graph['nodes'][0], Graph['nodes'][0]];

test('what the zoo builds is legal, and static once it is specialised', t => {
	for (const name of zooNames) {
		const {graph} = buildModel(name);
		t.notThrows(() => verify(graph), name);
		t.notThrows(() => verify(specialise(graph, {N: 2}), {static: true}), name);
	}
});

test('a symbolic graph is not static', t => {
	t.notThrows(() => verify(good));
	const error = t.throws(() => verify(good, {static: true}));
	t.true(isFplError(error, 'MODEL_SHAPE'));
});

const broken: Readonly<Record<(typeof ruleNames)[number], readonly Graph[]>> = {
	'the operator set is one that we know': [
		{...good, opsets: {'': 12}},
		{...good, opsets: {}},
	],
	'there is an output': [{...good, outputs: []}],
	'node names are given and unique': [
		{...good, nodes: [{...first, name: ''}, second]},
		{...good, nodes: [first, {...second, name: first.name}]},
	],
	'every value has exactly one producer': [
		{...good, nodes: [first, {...second, outputs: ['h']}]},
		{...good, nodes: [first, {...second, outputs: ['w']}]},
		{...good, nodes: [first, {...second, outputs: ['x']}]},
		{...good, inputs: [...good.inputs, good.inputs[0]!]},
		{...good, inputs: [{name: 'w', dtype: 'float32', shape: [4, 2]}, ...good.inputs]},
		{...good, initializers: new Map<string, Tensor>([...good.initializers, ['', float32([], [1])]])},
	],
	'nodes come after what they read': [
		{...good, nodes: [second, first]},
		{...good, nodes: [first, {...second, inputs: ['elsewhere']}]},
	],
	'every output is made once and listed once': [
		{...good, outputs: [{name: 'z', dtype: 'float32', shape: undefined}]},
		{...good, outputs: [...good.outputs, ...good.outputs]},
	],
	'declared types are types': [
		{...good, inputs: [{name: 'x', dtype: 'float32', shape: [-1, 4]}]},
		{...good, inputs: [{name: 'x', dtype: 'float32', shape: [1.5, 4]}]},
		{...good, inputs: [{name: 'x', dtype: 'float32', shape: ['', 4]}]},
		{...good, inputs: [{name: 'x', dtype: 'string' as 'float32', shape: ['N', 4]}]},
		{...good, inputs: [{name: 'x', dtype: 'float32', shape: [2 ** 40, 2 ** 40]}]},
	],
	'initializers hold what their shape says': [
		{...good, initializers: new Map([['w', {...zeros('float32', [4, 2]), shape: [4, 3]}]])},
	],
};

for (const rule of ruleNames) {
	test(`a graph is refused unless ${rule}`, t => {
		t.true(broken[rule].length > 0);
		for (const graph of broken[rule]) {
			t.is(violations(graph)[0]?.rule, rule);
			const error = t.throws(() => verify(graph));
			t.true(isFplError(error, 'MODEL_INVALID'));
		}
	});
}

test('a graph without violations has none', t => {
	t.deepEqual(violations(good), []);
});

test('attributes must be known, of the right kind and in range', t => {
	const fault = (
		op: string,
		attributes: Graph['nodes'][0]['attributes'],
		shape = [2, 4, 8, 8],
	): ErrorCode | undefined => {
		const graph = sketch({
			inputs: {x: shape},
			initializers: {w: zeros('float32', [4, 4, 3, 3]), i: int64([1], [0])},
			nodes: [node(op, op === 'Conv' ? ['x', 'w'] : ['x'], ['y'], attributes)],
			outputs: ['y'],
		});
		try {
			verify(graph);
			return undefined;
		} catch (error) {
			return isFplError(error) ? error.code : 'INTERNAL';
		}
	};
	t.is(fault('Conv', {strides: ints([1, 1])}), undefined);
	t.is(fault('Conv', {strides: ints([0, 1])}), 'MODEL_INVALID');
	t.is(fault('Conv', {strides: ints([1])}), 'MODEL_INVALID');
	t.is(fault('Conv', {strides: int(1)}), 'MODEL_INVALID');
	t.is(fault('Conv', {dilations: ints([1, -1])}), 'MODEL_INVALID');
	t.is(fault('Conv', {pads: ints([1, 1])}), 'MODEL_INVALID');
	t.is(fault('Conv', {pads: ints([-1, 1, 1, 1])}), 'MODEL_INVALID');
	t.is(fault('Conv', {group: int(0)}), 'MODEL_INVALID');
	t.is(fault('Conv', {group: int(3)}), 'MODEL_SHAPE');
	t.is(fault('Conv', {auto_pad: string('SOMEHOW')}), 'MODEL_INVALID');
	t.is(fault('Conv', {kernel_shape: ints([5, 5])}), 'MODEL_SHAPE');
	t.is(fault('Conv', {dilations: ints([9, 9])}), 'MODEL_SHAPE');
	t.is(fault('MaxPool', {}), 'MODEL_INVALID');
	t.is(fault('MaxPool', {kernel_shape: ints([2])}), 'MODEL_INVALID');
	t.is(fault('Softmax', {axis: int(4)}), 'MODEL_SHAPE');
	t.is(fault('Softmax', {axis: float(1)}), 'MODEL_INVALID');
	t.is(fault('Transpose', {perm: ints([0, 1, 1, 2])}), 'MODEL_SHAPE');
	t.is(fault('ReduceMean', {axes: ints([0, -4])}), 'MODEL_SHAPE');
	t.is(fault('Cast', {}), 'MODEL_INVALID');
	t.is(fault('Cast', {to: int(8)}), 'MODEL_INVALID');
	t.is(fault('Concat', {}), 'MODEL_INVALID');
});
