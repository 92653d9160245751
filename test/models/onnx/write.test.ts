import {mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {isFplError} from '../../../core/errors.js';
import {arrayTypes, type DType, dtypes, type Tensor, zeros} from '../../../core/tensor/tensor.js';
import {type Attribute, float, type Graph, int, ints} from '../../../models/graph.js';
import {infer} from '../../../models/infer.js';
import type {ModelProto} from '../../../models/onnx/onnx_pb.js';
import {readModel} from '../../../models/onnx/read.js';
import {ModelMessage} from '../../../models/onnx/schema.js';
import {digestOf, encodeModel, writeModel} from '../../../models/onnx/write.js';
import {temporaryFolder} from '../../support/temporary.js';
import {fixtureFile, fixtureNames} from '../fixtures.js';
import {node, sketch} from '../graphs.js';

for (const name of fixtureNames) {
	test(`${name}: written and read again it is the same graph, and the same bytes`, t => {
		const {graph, metadata} = readModel(fixtureFile(name));
		const bytes = encodeModel(graph, metadata);
		const again = readModel(bytes);
		t.deepEqual(again.graph, graph);
		t.deepEqual(encodeModel(again.graph, again.metadata), bytes);
		t.is(digestOf(again.graph, again.metadata), digestOf(graph, metadata));
		t.notDeepEqual(digestOf({...graph, name: 'other'}, metadata), digestOf(graph, metadata));
	});
}

/** A tensor of any dtype from random bytes. */
const tensors = fc
	.record({
		dtype: fc.constantFrom<DType>(...dtypes),
		shape: fc.array(fc.nat(3), {maxLength: 3}),
		bytes: fc.uint8Array({minLength: 27 * 8, maxLength: 27 * 8}),
	})
	.map(({dtype, shape, bytes}): Tensor => {
		const size = shape.reduce((product, dim) => product * dim, 1);
		const data = new arrayTypes[dtype](bytes.slice().buffer, 0, size);
		return {dtype, shape, data: dtype === 'bool' ? (data as Uint8Array).map(value => value & 1) : data} as Tensor;
	});

const attributes: fc.Arbitrary<Attribute> = fc.oneof(
	fc.maxSafeInteger().map(value => ({kind: 'int' as const, value})),
	fc.float({noNaN: true}).map(value => ({kind: 'float' as const, value})),
	fc.string().map(value => ({kind: 'string' as const, value})),
	fc.array(fc.maxSafeInteger()).map(value => ({kind: 'ints' as const, value})),
	fc.array(fc.float({noNaN: true})).map(value => ({kind: 'floats' as const, value})),
	fc.array(fc.string()).map(value => ({kind: 'strings' as const, value})),
	tensors.map(value => ({kind: 'tensor' as const, value})),
);

test('tensors of every dtype and attributes of every kind survive', t => {
	fc.assert(
		fc.property(
			fc.dictionary(fc.string({minLength: 1}), tensors, {maxKeys: 4}),
			tensors,
			fc.dictionary(fc.string(), fc.string()),
			(initializers, value, metadata) => {
				const names = Object.keys(initializers).filter(name => !['x', 'y', 'c'].includes(name));
				const graph = sketch({
					inputs: {x: ['N', 3]},
					initializers: Object.fromEntries(names.map(name => [name, initializers[name]!])),
					nodes: [node('Relu', ['x'], ['y']), node('Constant', [], ['c'], {value: {kind: 'tensor', value}})],
					outputs: ['y'],
				});
				const again = readModel(encodeModel(graph, metadata));
				t.deepEqual([...again.graph.initializers], [...graph.initializers]);
				t.deepEqual(again.graph.nodes, graph.nodes);
				t.deepEqual(again.metadata, {...metadata});
			},
		),
		{numRuns: 60},
	);
});

test('attribute values are written exactly', t => {
	const graph = (attribute: Attribute): Graph => ({
		...sketch({inputs: {x: ['N']}, nodes: [node('Relu', ['x'], ['y'])], outputs: ['y']}),
		nodes: [{...node('Relu', ['x'], ['y']), attributes: {a: attribute}}],
	});
	fc.assert(
		fc.property(attributes, attribute => {
			// Relu has no attributes, so reading complains; its complaint shows that everything before was understood.
			const error = t.throws(() => readModel(encodeModel(graph(attribute))));
			t.true(isFplError(error, 'MODEL_INVALID'));
		}),
		{numRuns: 40},
	);
	const pool = {kernel_shape: ints([2]), strides: ints([2]), ceil_mode: int(1)};
	const known = sketch({
		inputs: {x: ['N', 1, 5]},
		nodes: [node('MaxPool', ['x'], ['p'], pool), node('LeakyRelu', ['p'], ['y'], {alpha: float(0.25)})],
		outputs: ['y'],
	});
	t.deepEqual(readModel(encodeModel(known)).graph.nodes, known.nodes);
});

test('types of inner values travel along', t => {
	const graph = infer(
		sketch({
			inputs: {x: ['N', 4]},
			nodes: [node('Relu', ['x'], ['h']), node('Shape', ['h'], ['s']), node('Reshape', ['x', 's'], ['y'])],
			outputs: ['y'],
		}),
	);
	const again = readModel(encodeModel(graph)).graph;
	t.deepEqual(again.values.get('h'), {name: 'h', dtype: 'float32', shape: ['N', 4]});
	t.deepEqual(again.values.get('s'), {name: 's', dtype: 'int64', shape: [2]});
});

test('large weights go to a file beside the model, and come back', async t => {
	const folder = await temporaryFolder(t);
	const file = path.join(folder, 'model.onnx');
	const {graph, metadata} = readModel(fixtureFile('lenet-script'));
	writeModel(file, graph, metadata, {externalAbove: 1000});
	t.deepEqual(readdirSync(folder).sort(), ['model.onnx', 'model.onnx.data']);
	t.true(readFileSync(file).length < 4000);
	t.deepEqual(readModel(file), {...readModel(fixtureFile('lenet-script')), producer: 'fpl'});
	const alone = t.throws(() => readModel(readFileSync(file)));
	t.true(isFplError(alone, 'MODEL_FILE'));
	truncateSync(`${file}.data`, 500);
	const truncated = t.throws(() => readModel(file));
	t.true(isFplError(truncated, 'MODEL_FILE'));
	t.regex(truncated!.message, /external data/u);
});

test('external data outside the folder are refused, whatever way they are named', async t => {
	const folder = await temporaryFolder(t);
	const home = path.join(folder, 'home');
	mkdirSync(home);
	const {graph} = readModel(fixtureFile('lenet-script'));
	const file = path.join(home, 'm.onnx');
	writeModel(file, graph, {}, {externalAbove: 1000});
	writeFileSync(path.join(folder, 'm.onnx.data'), readFileSync(`${file}.data`));
	symlinkSync(path.join(folder, 'm.onnx.data'), path.join(home, 'l.onnx.data'));
	for (const name of ['../m.onnx.data', path.join(folder, 'm.onnx.data'), 'l.onnx.data', '', '.', 'no\0', 'absent']) {
		relocate(file, (_, place) => (place['location'] = name));
		const error = t.throws(() => readModel(file), undefined, name);
		t.true(isFplError(error, 'MODEL_FILE'), name);
	}
	relocate(file, (_, place) => (place['location'] = './m.onnx.data'));
	t.notThrows(() => readModel(file));
});

/** Rewrites where the tensors of a model say that their data are. */
function relocate(file: string, change: (index: number, place: Record<string, string>) => void): void {
	const proto = ModelMessage.decode(readFileSync(file)) as unknown as ModelProto;
	for (const [index, tensor] of (proto.graph?.initializer ?? []).entries()) {
		const place = Object.fromEntries((tensor.externalData ?? []).map(({key = '', value = ''}) => [key, value]));
		change(index, place);
		tensor.externalData = Object.entries(place).map(([key, value]) => ({key, value}));
	}
	writeFileSync(file, ModelMessage.encode(proto as Record<string, unknown>).finish());
}

test('regions that overlap, or are not in the file, are refused; equal ones are shared', async t => {
	const folder = await temporaryFolder(t);
	const file = path.join(folder, 'm.onnx');
	const weights = zeros('float32', [4, 4]);
	const graph = sketch({
		inputs: {x: ['N', 4]},
		initializers: {a: weights, b: weights, c: weights},
		nodes: [node('MatMul', ['x', 'a'], ['h']), node('MatMul', ['h', 'b'], ['i']), node('MatMul', ['i', 'c'], ['y'])],
		outputs: ['y'],
	});
	const place = (offsets: readonly string[], length?: string) => {
		writeModel(file, graph, {}, {externalAbove: 0});
		relocate(file, (index, entry) => {
			entry['offset'] = offsets[index]!;
			entry['length'] = length ?? entry['length']!;
		});
		return () => readModel(file);
	};
	t.notThrows(place(['0', '0', '0']));
	t.notThrows(place(['0', '64', '128']));
	for (const [offsets, length] of [
		[['0', '64', '132']],
		[['0', '64', '-64']],
		[['0', '64', '1e30']],
		[['0', '64', 'x']],
		[['0', '64', '128'], '63'],
		[['0', '64', '128'], '999999999999'],
	] as const) {
		t.true(isFplError(t.throws(place(offsets, length)), 'MODEL_FILE'), `${offsets} ${length}`);
	}
	// Many tensors that overlap by a little would make much memory of a small file.
	const many = {
		...graph,
		initializers: new Map(Array.from({length: 40}, (_, i) => [`${'abc'[i] ?? `w${i}`}`, weights] as const)),
	};
	writeModel(file, many, {}, {externalAbove: 0});
	relocate(file, (index, entry) => (entry['offset'] = `${index}`));
	t.notThrows(() => readModel(file));
	writeFileSync(`${file}.data`, new Uint8Array(200));
	t.true(
		isFplError(
			t.throws(() => readModel(file)),
			'MODEL_FILE',
		),
	);
});

test('what cannot be written is an error of the model file', async t => {
	const folder = await temporaryFolder(t);
	const {graph} = readModel(fixtureFile('lenet-script'));
	const error = t.throws(() => writeModel(path.join(folder, 'missing', 'm.onnx'), graph));
	t.true(isFplError(error, 'MODEL_FILE'));
	t.true(
		isFplError(
			t.throws(() => readModel(path.join(folder, 'absent.onnx'))),
			'MODEL_FILE',
		),
	);
	t.true(
		isFplError(
			t.throws(() => readModel(folder)),
			'MODEL_FILE',
		),
	);
});
