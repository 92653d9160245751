import test from 'ava';
import {type ErrorCode, isFplError} from '../../../core/errors.js';
import {junctionKinds} from '../../../core/plan/plan.js';
import {type Random, seededRandom} from '../../../core/random.js';
import {float32, int64, type Shape, sizeOf, type Tensor, tensor} from '../../../core/tensor/tensor.js';
import {onnxruntimeEngine} from '../../../models/engines/onnxruntime/engine.js';
import {tfjsEngine} from '../../../models/engines/tfjs/engine.js';
import {type Model, ownOpsets} from '../../../models/graph.js';
import {importModel} from '../../../models/import/model.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {segmentsOf} from '../../../models/inspect/segments.js';
import {joinBranches} from '../../../models/junction/join.js';
import {type JunctionKind, ofBranch} from '../../../models/junction/kinds.js';
import {layoutOf} from '../../../models/layout.js';
import {encodeModel} from '../../../models/onnx/write.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {runGraph} from '../../support/graphs/run-graph.js';
import {norm} from '../../support/graphs/run-program.js';
import {node, sketch} from '../graphs.js';

const branches = ['left', 'right', 'top'];
const averaging = junctionKinds.filter(kind => kind !== 'sum' && kind !== 'max');
const batch = 3;

const uniform = (random: Random, shape: Shape): Tensor<'float32'> =>
	tensor(
		'float32',
		shape,
		Float32Array.from({length: sizeOf(shape)}, () => random.next() * 2 - 1),
	);

/** Small members of the zoo, and cuts among their kinds of layers. */
const cases = {
	lenet5: {model: buildModel('lenet5', {seed: 1}), item: [1, 28, 28]},
	'sensor-cnn': {model: buildModel('sensor-cnn', {seed: 1, input: [1, 64]}), item: [1, 64]},
	mlp: {model: buildModel('mlp', {seed: 1, input: [3], hidden: [16, 8]}), item: [3]},
	'cnn-small': {model: buildModel('cnn-small', {seed: 1, width: 0.25}), item: [3, 32, 32]},
	resnet18: {model: buildModel('resnet18', {seed: 1, width: 0.125}), item: [3, 32, 32]},
	mobilenetv2: {model: buildModel('mobilenetv2', {seed: 1, width: 0.25}), item: [3, 32, 32]},
	gru: {model: buildModel('gru', {seed: 1}), item: [32, 32]},
	'tiny-transformer': {model: buildModel('tiny-transformer', {seed: 1, vocabulary: 20}), item: [32]},
} as const satisfies Record<string, {model: Model; item: Shape}>;

const inputOf = (random: Random, model: Model, item: Shape): Tensor =>
	model.graph.inputs[0]!.dtype === 'int64'
		? int64(
				[batch, ...item],
				Array.from({length: batch * sizeOf(item)}, () => random.integer(20)),
			)
		: uniform(random, [batch, ...item]);

const close = (got: Tensor, want: Tensor) =>
	norm(got.data as Float32Array, want.data as Float32Array) / norm(want.data as Float32Array);

/** Outputs of the model for the mean of what the branches make of their inputs. */
async function averaged(model: Model, cut: number, inputs: readonly Tensor[]): Promise<Tensor> {
	const last = unitsOf(model).units.length - 1;
	const [front, back] = segmentsOf(model, [
		[0, cut - 1],
		[cut, last],
	]);
	const input = model.graph.inputs[0]!.name;
	const made = await Promise.all(inputs.map(value => runGraph(front!.graph, {[input]: value})));
	const boundary = front!.graph.outputs[0]!.name;
	const mean = float32(
		made[0]![boundary]!.shape,
		Array.from({length: made[0]![boundary]!.data.length}, (_, index) =>
			made.reduce((sum, {[boundary]: value}) => sum + Number(value!.data[index]) / made.length, 0),
		),
	);
	return (await runGraph(back!.graph, {[boundary]: mean}))[model.graph.outputs[0]!.name]!;
}

for (const [name, {model, item}] of Object.entries(cases)) {
	test(`at step 0 every junction of ${name} that suits a cut computes the mean of its branches`, async t => {
		const random = seededRandom(1).fork(name);
		const inputs = branches.map(() => inputOf(random, model, item));
		const count = unitsOf(model).units.length;
		const cuts = [...new Set([1, Math.floor(count / 3), Math.floor((2 * count) / 3), count - 1])].filter(
			cut => cut > 0,
		);
		const done: string[] = [];
		for (const cut of cuts) {
			const want = await averaged(model, cut, inputs);
			for (const junction of averaging) {
				let joined: Model;
				try {
					joined = joinBranches(model, {cut, branches, junction});
				} catch (error) {
					t.true(isFplError(error, 'MODEL_CUT'), `${junction} at ${cut}: ${error}`);
					t.true(['conv1x1', 'dense', 'concat'].includes(junction), `${junction} at ${cut}: ${error}`);
					continue;
				}
				const feeds = Object.fromEntries(
					branches.map((branch, index) => [ofBranch(model.graph.inputs[0]!.name, branch), inputs[index]!]),
				);
				const got = (await runGraph(joined.graph, feeds))[joined.graph.outputs[0]!.name]!;
				t.deepEqual(got.shape, want.shape);
				t.true(close(got, want) < 1e-5, `${junction} at ${cut}: ${close(got, want)}`);
				done.push(junction);
			}
		}
		t.true(done.length >= 3 * cuts.length);
	});
}

test('sum adds and max takes the largest', async t => {
	const graph = sketch({
		inputs: {x: ['N', 2]},
		initializers: {w: float32([2, 2], [1, 0, 0, 1]), v: float32([2, 1], [1, 10])},
		nodes: [node('MatMul', ['x', 'w'], ['h']), node('MatMul', ['h', 'v'], ['y'])],
		outputs: ['y'],
	});
	const model = importModel(graph);
	const feeds = {'x@a': float32([1, 2], [1, 5]), 'x@b': float32([1, 2], [2, -3])};
	for (const [junction, want] of [
		['sum', 3 + 20],
		['max', 2 + 50],
		['mean', 1.5 + 10],
	] as const) {
		const {graph: joined} = joinBranches(model, {cut: 'h', branches: ['a', 'b'], junction});
		t.deepEqual([...(await runGraph(joined, feeds))['y']!.data], [want]);
	}
});

const shapesOf = (model: Model) =>
	Object.fromEntries(model.parameters.map(name => [name, model.graph.initializers.get(name)!.shape]));

test('what a branch has of its own, and its part of the junction, ends in its id', t => {
	const model = buildModel('lenet5', {seed: 1});
	const cut = unitsOf(model).units.findIndex(({label}) => label.startsWith('conv2'));
	const names = (junction: JunctionKind) =>
		joinBranches(model, {cut, branches: ['a', 'b'], junction}).parameters.filter(
			name => !/^(conv1|conv2\.bias|fc)/u.test(name) || /^fc.*@/u.test(name),
		);
	t.deepEqual(names('mean'), ['conv2.weight']);
	t.deepEqual(names('scalar'), ['junction.weight@a', 'junction.weight@b', 'conv2.weight']);
	t.deepEqual(names('concat'), ['conv2.weight@a', 'conv2.weight@b']);
	const joined = joinBranches(model, {cut, branches: ['a', 'b'], junction: 'conv1x1'});
	t.deepEqual(
		joined.graph.inputs.map(({name, shape}) => [name, shape]),
		[
			['input@a', ['N', 1, 28, 28]],
			['input@b', ['N', 1, 28, 28]],
		],
	);
	t.deepEqual(shapesOf(joined)['junction.weight@b'], [6, 6, 1, 1]);
	t.deepEqual(joined.parameters.slice(0, 4), ['conv1.weight@a', 'conv1.bias@a', 'conv1.weight@b', 'conv1.bias@b']);
	t.deepEqual(joined.join.weights, ['junction.weight']);
	t.is(new Set(joined.parameters).size, joined.parameters.length);
	const norms = joinBranches(buildModel('resnet18', {seed: 1, width: 0.125}), {cut: 5, branches, junction: 'mean'});
	t.true(norms.buffers.includes('bn1.running_mean@top'));
});

test('both engines find the same gradients in a joined model, for every kind', async t => {
	const engines = await Promise.all([onnxruntimeEngine({threads: 1}), tfjsEngine({threads: 1})]);
	t.teardown(() => Promise.all(engines.map(engine => engine.close())));
	const model = buildModel('lenet5', {seed: 3, input: [1, 16, 16], width: 0.5});
	const {units} = unitsOf(model);
	const random = seededRandom(5);
	const optimizer = {kind: 'sgd', lr: 0.1, momentum: 0, nesterov: false, weightDecay: 0} as const;
	for (const [junction, label] of [...junctionKinds.map(kind => [kind, 'conv2'] as const), ['dense', 'fc2'] as const]) {
		const cut = units.findIndex(unit => unit.label === label);
		const joined = joinBranches(model, {cut, branches, junction});
		const inputs = Object.fromEntries(
			branches.map(end => [ofBranch('input', end), uniform(random, [batch, 1, 16, 16])]),
		);
		const gradients = await Promise.all(
			engines.map(async engine => {
				const trainer = await engine.trainer(joined, {loss: joined.loss, optimizer, seed: 1});
				const {gradient} = await trainer.gradient({inputs, targets: int64([batch], [1, 0, 7])});
				await trainer.close();
				return gradient;
			}),
		);
		for (const {name, offset, length} of layoutOf(joined.graph, joined.parameters).entries) {
			const [one, two] = gradients.map(gradient => gradient.subarray(offset, offset + length)) as [
				Float32Array,
				Float32Array,
			];
			t.true(norm(one) > 0, `${junction}: ${name}`);
			t.true(norm(one, two) <= 1e-4 * norm(two), `${junction}: ${name}`);
		}
	}
});

test('a joined model is exported and read back with the same weights and roles', t => {
	const model = buildModel('sensor-cnn', {seed: 1, input: [1, 64]});
	const joined = joinBranches(model, {cut: 3, branches, junction: 'conv1x1'});
	const bytes = encodeModel(joined.graph, {
		'fpl.parameters': JSON.stringify(joined.parameters),
		'fpl.buffers': JSON.stringify(joined.buffers),
		'fpl.loss': joined.loss,
	});
	const again = importModel(bytes);
	t.deepEqual(again.parameters, joined.parameters);
	t.deepEqual(
		again.graph.inputs.map(({name}) => name),
		branches.map(branch => `input@${branch}`),
	);
});

function refused(action: () => unknown): {code: ErrorCode; message: string} {
	try {
		action();
	} catch (error) {
		if (isFplError(error)) {
			return {code: error.code, message: error.message};
		}
		throw error;
	}
	throw new Error('it was accepted');
}

test('a junction that does not suit the cut is refused with what would suit', t => {
	const model = buildModel('lenet5', {seed: 1});
	const at = (label: string) => unitsOf(model).units.findIndex(unit => unit.label.startsWith(label));
	const attempt = (junction: JunctionKind, cut: number | string, of: Model = model) =>
		refused(() => joinBranches(of, {cut, branches, junction}));
	t.regex(attempt('conv1x1', at('fc2')).message, /joins activations with channels/u);
	t.regex(attempt('dense', 1).message, /too large.*at most 2048/u);
	t.regex(attempt('concat', 1).message, /not linear.*relu1/u);
	t.regex(attempt('mean', 0).message, /no such cut/u);
	t.regex(attempt('mean', 99).message, /no such cut/u);
	t.regex(attempt('mean', 'nothing').message, /no such cut/u);
	const resnet = buildModel('resnet18', {seed: 1, width: 0.125});
	const block = unitsOf(resnet).cuts.find(({crossing}) => crossing[0]!.name.includes('relu'))!;
	t.regex(attempt('concat', block.before, resnet).message, /several places/u);
	const tied = importModel(
		sketch({
			inputs: {x: ['N', 2]},
			initializers: {w: float32([2, 2], [1, 2, 3, 4])},
			nodes: [node('MatMul', ['x', 'w'], ['h']), node('Tanh', ['h'], ['a']), node('MatMul', ['a', 'w'], ['y'])],
			outputs: ['y'],
			opset: ownOpsets[''],
		}),
	);
	t.regex(attempt('mean', 'h', tied).message, /«w» is used before and after/u);
	for (const wrong of [[], ['a', 'a'], ['a/b'], Array.from({length: 257}, (_, index) => `b${index}`)]) {
		t.is(refused(() => joinBranches(model, {cut: 3, branches: wrong, junction: 'mean'})).code, 'PLAN_INVALID');
	}
});
