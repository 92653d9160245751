import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {isFplError} from '../../core/errors.js';
import {sizeOf, type Tensor} from '../../core/tensor/tensor.js';
import {flatten, layoutOf} from '../../models/layout.js';
import {buildModel, type ZooName, zoo, zooNames} from '../../models/zoo/zoo.js';
import {root} from '../support/imports.js';

/** Published or PyTorch-counted numbers of trained parameters. */
const counts: Readonly<Record<ZooName, number>> = {
	mlp: 235_146,
	lenet5: 61_706,
	'cnn-small': 261_322,
	vgg11: 9_231_114,
	resnet18: 11_173_962,
	resnet50: 25_557_032,
	mobilenetv2: 2_236_682,
	'mobilenetv3-small': 1_528_106,
	'sensor-cnn': 23_909,
	gru: 19_141,
	'tiny-transformer': 118_725,
};

for (const name of zooNames) {
	test(`${name} has as many parameters as its PyTorch namesake`, t => {
		const {graph, parameters} = buildModel(name);
		const total = layoutOf(graph, parameters).length;
		t.is(total, counts[name]);
	});
}

for (const name of zooNames.filter(name => name !== 'resnet50')) {
	test(`${name} is a graph in topological order with one producer per value`, t => {
		const {graph, parameters, buffers} = buildModel(name, {seed: 3});
		const known = new Set([...graph.inputs.map(input => input.name), ...graph.initializers.keys()]);
		const used = new Set<string>();
		const firstUse: string[] = [];
		const nodeNames = new Set<string>();
		for (const node of graph.nodes) {
			t.false(nodeNames.has(node.name), node.name);
			nodeNames.add(node.name);
			for (const input of node.inputs.filter(input => input !== '')) {
				t.true(known.has(input), `${node.name} reads ${input} before it is there`);
				if (!used.has(input)) {
					used.add(input);
					firstUse.push(input);
				}
			}
			for (const output of node.outputs.filter(output => output !== '')) {
				t.false(known.has(output), `${output} has two producers`);
				known.add(output);
			}
		}
		t.true(known.has(graph.outputs[0]!.name));
		t.deepEqual(
			firstUse.filter(value => parameters.includes(value)),
			[...parameters],
		);
		t.deepEqual(
			firstUse.filter(value => buffers.includes(value)),
			[...buffers],
		);
		for (const initializer of graph.initializers.keys()) {
			t.true(used.has(initializer), `${initializer} is never used`);
		}
	});
}

test('the same seed draws the same parameters and another seed draws others', t => {
	const weights = (seed: number) => {
		const {graph, parameters} = buildModel('lenet5', {seed});
		return flatten(graph, layoutOf(graph, parameters));
	};
	t.deepEqual(weights(7), weights(7));
	const [a, b] = [weights(7), weights(8)];
	t.true(a.filter((value, index) => value !== b[index]).length > 0.99 * a.length);
});

test('parameters are drawn within the bounds of PyTorch and fill them', t => {
	const {graph} = buildModel('cnn-small', {seed: 1});
	for (const [name, fan] of [
		['conv1.weight', 27],
		['conv1.bias', 27],
		['conv3.weight', 576],
		['fc.weight', 2048],
	] as const) {
		const {data} = graph.initializers.get(name) as Tensor<'float32'>;
		const bound = 1 / Math.sqrt(fan);
		const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
		t.true(largest <= bound && largest > 0.8 * bound, `${name}: ${largest} of ${bound}`);
		const deviation = Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length);
		if (data.length > 500) {
			t.true(Math.abs(deviation * Math.sqrt(3) - bound) < 0.05 * bound, `${name}: ${deviation}`);
		}
	}
});

test('input, classes and width change the model', t => {
	const {graph} = buildModel('cnn-small', {input: [1, 16, 24], classes: 7, width: 0.5});
	t.deepEqual(graph.inputs[0]!.shape, ['N', 1, 16, 24]);
	t.deepEqual(graph.outputs[0]!.shape, ['N', 7]);
	t.deepEqual(graph.initializers.get('conv1.weight')!.shape, [16, 1, 3, 3]);
	t.deepEqual(graph.initializers.get('fc.weight')!.shape, [7, 64 * 2 * 3]);
});

test('every model can be made narrow for tests', t => {
	for (const name of zooNames) {
		const {graph, parameters} = buildModel(name, {width: 0.25});
		t.true(layoutOf(graph, parameters).length < 0.5 * counts[name], name);
	}
});

test('vgg11 without batch norm has no buffers', t => {
	const plain = buildModel('vgg11', {batchNorm: false, width: 0.25});
	t.is(plain.buffers.length, 0);
	t.true(plain.graph.initializers.has('features.18.weight'));
	t.is(buildModel('vgg11', {width: 0.25}).buffers.length, 16);
});

test('dropout appears where it is asked for only', t => {
	const dropouts = (name: ZooName, dropout: number) =>
		buildModel(name, {dropout, width: 0.25}).graph.nodes.filter(node => node.op === 'Dropout').length;
	t.is(dropouts('tiny-transformer', 0), 0);
	t.is(dropouts('tiny-transformer', 0.1), 8);
	t.is(dropouts('mlp', 0.5), 2);
	t.is(dropouts('mobilenetv2', 0.2), 1);
});

test('an unknown name suggests the nearest one', t => {
	const error = t.throws(() => buildModel('lenet-6'));
	t.true(isFplError(error, 'MODEL_UNKNOWN'));
	t.regex(error!.message, /Did you mean «lenet5»/u);
	t.true(
		isFplError(
			t.throws(() => buildModel('constructor')),
			'MODEL_UNKNOWN',
		),
	);
});

test('impossible options are refused with the place and the bound', t => {
	for (const [make, code, text] of [
		[() => buildModel('lenet5', {input: [28, 28]}), 'MODEL_SHAPE', /channels, height, width/u],
		[() => buildModel('lenet5', {input: [1, 8, 8]}), 'MODEL_SHAPE', /conv2.*too small/u],
		[() => buildModel('lenet5', {input: [1, 1e9, 8]}), 'MODEL_SHAPE', /≥ 1/u],
		[() => buildModel('lenet5', {dropout: 0.5}), 'CONFIG_KEY', /dropout/u],
		[() => buildModel('mlp', {dropout: 1}), 'CONFIG_VALUE', /dropout of «mlp»/u],
		[() => buildModel('mlp', {classes: 0}), 'CONFIG_VALUE', /classes/u],
		[() => buildModel('mlp', {hidden: [10, -1]}), 'CONFIG_VALUE', /hidden\[1\]/u],
		[() => buildModel('mlp', {width: 0}), 'CONFIG_VALUE', /width/u],
	] as const) {
		const error = t.throws(make);
		t.true(isFplError(error, code), `${error}`);
		t.regex(error!.message, text);
	}
});

test('default inputs and classes of the table are those of the built graph', t => {
	for (const name of zooNames.filter(name => name !== 'resnet50')) {
		const {graph} = buildModel(name, {width: 0.25});
		const {input, classes, dtype} = zoo[name];
		t.deepEqual(graph.inputs[0]!.shape?.slice(1), [...input]);
		t.is(graph.inputs[0]!.dtype, dtype);
		t.deepEqual(graph.outputs[0]!.shape, ['N', classes]);
		t.true(sizeOf(input) > 0);
	}
});

test('docs/models.md lists every model with its parameters, classes and dataset', t => {
	const rows = readFileSync(path.join(root, 'docs/models.md'), 'utf8').split('\n');
	for (const name of zooNames) {
		const row = rows.find(line => line.startsWith(`| \`${name}\` |`)) ?? '';
		const [, , input, classes, parameters, dataset] = row.split('|').map(cell => cell.trim());
		t.is(parameters, counts[name].toLocaleString('en'), name);
		t.is(classes, String(zoo[name].classes), name);
		t.true(dataset?.startsWith(`\`${zoo[name].dataset}\``), name);
		t.true(input?.startsWith(zoo[name].input.join('×')), name);
	}
});
