/** Files that are damaged or malicious: always an FplError, soon, and without memory to match what they claim. */
import {readFileSync} from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import {FplError} from '../../../core/errors.js';
import {importModel} from '../../../models/import/model.js';
import type {AttributeProto, ModelProto, NodeProto, TensorProto} from '../../../models/onnx/onnx_pb.js';
import {readModel} from '../../../models/onnx/read.js';
import {ModelMessage} from '../../../models/onnx/schema.js';
import {fixtureFile} from '../fixtures.js';

/** Reads; anything but success or an FplError that says what is wrong is a failure. */
function readSafely(bytes: Uint8Array): FplError | undefined {
	try {
		readModel(bytes);
		return undefined;
	} catch (error) {
		if (error instanceof FplError && error.code !== 'INTERNAL') {
			return error;
		}
		throw error;
	}
}

const samples = ['sensor-script', 'gru-dynamo', 'attention-script'].map(name => readFileSync(fixtureFile(name)));

test('random bytes', t => {
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 300}), bytes => {
			t.truthy(readSafely(bytes));
		}),
		{numRuns: 500},
	);
});

test('truncated files', t => {
	for (const sample of samples) {
		for (let length = 0; length < sample.length; length += 37) {
			t.truthy(readSafely(sample.subarray(0, length)), `${length} bytes`);
		}
	}
});

test('flipped bits and overwritten bytes', t => {
	fc.assert(
		fc.property(
			fc.constantFrom(...samples),
			fc.array(fc.tuple(fc.nat(), fc.nat(255)), {minLength: 1, maxLength: 6}),
			(sample, changes) => {
				const bytes = Uint8Array.from(sample);
				for (const [at, value] of changes) {
					bytes[at % bytes.length] = value;
				}
				// Some changes hit weights only, and are none to complain about.
				t.notThrows(() => readSafely(bytes));
			},
		),
		{numRuns: 400},
	);
});

const encode = (model: ModelProto): Uint8Array => ModelMessage.encode(model as Record<string, unknown>).finish();

const info = (name: string, dims: readonly (number | string)[]) => ({
	name,
	type: {
		tensorType: {
			elemType: 1,
			shape: {dim: dims.map(dim => (typeof dim === 'number' ? {dimValue: dim} : {dimParam: dim}))},
		},
	},
});

const model = (
	nodes: NodeProto[],
	{
		initializer = [],
		dims = [2, 3],
		...rest
	}: {initializer?: TensorProto[]; dims?: (number | string)[]} & ModelProto = {},
): Uint8Array =>
	encode({
		irVersion: 8,
		opsetImport: [{domain: '', version: 17}],
		graph: {name: 'g', node: nodes, initializer, input: [info('x', dims)], output: [info('y', [])]},
		...rest,
	});

const relu = {opType: 'Relu', input: ['x'], output: ['y']};

const code = (bytes: Uint8Array) => readSafely(bytes)?.code;

test('the smallest legal model is read', t => {
	t.is(code(model([relu])), undefined);
});

test('declared sizes that the data do not have', t => {
	for (const dims of [[1e15], [2 ** 53 - 1, 2 ** 53 - 1], [1 << 30, 1 << 30, 0], [-1], [4]]) {
		const tensor: TensorProto = {name: 'w', dims, dataType: 1, rawData: new Uint8Array(12)};
		t.is(code(model([relu], {initializer: [tensor]})), 'MODEL_FILE', `${dims}`);
		t.is(code(model([relu], {initializer: [{...tensor, floatData: [1, 2, 3]}]})), 'MODEL_FILE');
	}
});

test('shapes that would need more memory than there is', t => {
	const int64s = (name: string, values: number[]): TensorProto => ({
		name,
		dims: [values.length],
		dataType: 7,
		int64Data: values,
	});
	const huge = [1 << 30, 1 << 30, 1 << 30];
	t.truthy(
		code(model([{opType: 'Expand', input: ['x', 's'], output: ['y']}], {dims: [1], initializer: [int64s('s', huge)]})),
	);
	const big = int64s('s', [1 << 20, 1 << 10]);
	const make = [
		{opType: 'ConstantOfShape', input: ['s'], output: ['c']},
		{opType: 'Shape', input: ['c'], output: ['d']},
	];
	const spread = [...make, {opType: 'ConstantOfShape', input: ['d'], output: ['y']}];
	t.is(code(model(spread, {initializer: [big]})), undefined);
	// Each node doubles the one before: folding must stop long before the memory does.
	const doubling = Array.from({length: 60}, (_, index) => ({
		opType: 'Concat',
		input: [`v${index}`, `v${index}`],
		output: [index === 59 ? 'y' : `v${index + 1}`],
		attribute: [{name: 'axis', i: 0, type: 2}],
	}));
	t.truthy(code(model([{opType: 'Identity', input: ['s'], output: ['v0']}, ...doubling], {initializer: [big]})));
});

test('ranks beyond reason', t => {
	t.truthy(code(model([relu], {dims: new Array<number>(5000).fill(1)})));
	const axes: TensorProto = {name: 'a', dims: [4000], dataType: 7, int64Data: Array.from({length: 4000}, (_, i) => i)};
	t.truthy(code(model([{opType: 'Unsqueeze', input: ['x', 'a'], output: ['y']}], {initializer: [axes]})));
});

test('graphs inside graphs, however deep', t => {
	const nested = (type: number): AttributeProto => ({name: 'body', type, g: new Uint8Array(100_000).fill(0x3a)});
	const error = readSafely(model([{...relu, opType: 'If', attribute: [nested(5)]}]));
	t.is(error?.code, 'MODEL_OP');
	t.regex(error!.message, /If.*control flow/u);
	// Groups, the protobuf construct that nests without lengths.
	t.is(code(new Uint8Array(200_000).fill(0x0b)), 'MODEL_FILE');
});

test('millions of empty parts in a small file', t => {
	const body = new Uint8Array(10_000_000);
	for (let at = 0; at < body.length; at += 2) {
		// Field 1 (node), length-delimited, of length 0.
		body[at] = 0x0a;
	}
	const graph = Buffer.concat([Buffer.from([0x3a, 0x80, 0xad, 0xe2, 0x04]), body]);
	const before = process.memoryUsage().heapUsed;
	t.is(code(graph), 'MODEL_FILE');
	t.true(process.memoryUsage().heapUsed - before < 200e6);
});

test('functions that call each other for ever, or double at each call', t => {
	const call = (name: string): NodeProto => ({opType: name, domain: 'local', input: ['x'], output: ['y']});
	const f = (name: string, node: NodeProto[]) => ({name, domain: 'local', input: ['x'], output: ['y'], node});
	const opsetImport = [
		{domain: '', version: 17},
		{domain: 'local', version: 1},
	];
	t.is(code(model([call('f')], {opsetImport, functions: [f('f', [call('g')]), f('g', [call('f')])]})), 'MODEL_FILE');
	const bomb = Array.from({length: 15}, (_, index) => {
		const inner = (output: string): NodeProto => ({...call(`f${index + 1}`), output: [output]});
		return f(`f${index}`, [...Array.from({length: 9}, (_, i) => inner(`t${i}`)), inner('y')]);
	});
	t.is(code(model([call('f0')], {opsetImport, functions: [...bomb, f('f15', [relu])]})), 'MODEL_FILE');
});

test('a local function is inlined, with its attributes', t => {
	const opsetImport = [
		{domain: '', version: 17},
		{domain: 'local', version: 1},
	];
	const leaky: NodeProto = {
		opType: 'LeakyRelu',
		input: ['a'],
		output: ['b'],
		attribute: [{name: 'alpha', refAttrName: 'slope', type: 1}],
	};
	const twice = {
		name: 'twice',
		domain: 'local',
		input: ['a'],
		output: ['c'],
		attribute: ['slope'],
		node: [leaky, {opType: 'Add', input: ['b', 'b'], output: ['c']}],
	};
	const caller = (x: string, y: string, slope: number): NodeProto => ({
		opType: 'twice',
		domain: 'local',
		input: [x],
		output: [y],
		attribute: [{name: 'slope', type: 1, f: slope}],
	});
	const bytes = model([caller('x', 'h', 0.5), caller('h', 'y', 0.25)], {opsetImport, functions: [twice]});
	const {graph} = readModel(bytes);
	t.deepEqual(
		graph.nodes.map(({op, attributes}) => [op, attributes['alpha']?.value]),
		[
			['LeakyRelu', 0.5],
			['Add', undefined],
			['LeakyRelu', 0.25],
			['Add', undefined],
		],
	);
	t.deepEqual(graph.nodes.at(-1)!.outputs, ['y']);
});

test('names that are too long, empty, taken, or of JavaScript’s own', t => {
	const long = 'n'.repeat(1_000_000);
	const error = readSafely(model([{...relu, name: long}]));
	t.is(error?.code, 'MODEL_INVALID');
	t.true(error!.message.length < 1000);
	for (const name of ['constructor', '__proto__', 'toString']) {
		t.is(code(model([{...relu, opType: name}])), 'MODEL_OP');
		t.is(code(model([{...relu, domain: name}])), 'MODEL_OP');
		t.is(code(model([{...relu, attribute: [{name, i: 1, type: 2}]}])), 'MODEL_INVALID');
		t.is(code(model([{...relu, name}])), undefined);
		t.is(
			code(
				model([
					{opType: 'Relu', input: ['x'], output: [name]},
					{...relu, input: [name]},
				]),
			),
			undefined,
		);
	}
});

test('broken structure', t => {
	t.is(code(model([{...relu, input: ['z']}])), 'MODEL_INVALID', 'nothing makes the input');
	t.is(code(model([relu, relu])), 'MODEL_INVALID', 'two producers');
	t.is(
		code(
			model([
				{opType: 'Relu', input: ['h'], output: ['y']},
				{opType: 'Relu', input: ['x'], output: ['h']},
			]),
		),
		'MODEL_INVALID',
	);
	t.is(code(model([{opType: 'Relu', input: ['x'], output: ['h']}])), 'MODEL_INVALID', 'no producer for the output');
	t.is(code(model([{opType: 'Relu', input: [], output: ['y']}])), 'MODEL_INVALID', 'a missing input');
	t.is(code(model([{opType: 'Relu', input: ['x', 'x'], output: ['y']}])), 'MODEL_INVALID', 'too many inputs');
	t.is(code(model([{opType: 'Relu', input: ['x'], output: ['y', 'z']}])), 'MODEL_INVALID', 'too many outputs');
	t.is(code(encode({irVersion: 8, opsetImport: [{domain: '', version: 17}]})), 'MODEL_FILE', 'no graph');
	for (const version of [7, 12, 22, 1e9]) {
		t.is(code(model([relu], {opsetImport: [{domain: '', version}]})), 'MODEL_FILE', `opset ${version}`);
	}
	t.is(code(model([{...relu, opType: 'Mish'}])), 'MODEL_OP', 'younger than the opset');
});

test('unnamed and doubly named nodes get names of their own', t => {
	const chain = ['a', 'a', '', '', 'Relu_3'].map((name, index) => ({
		opType: 'Relu',
		name,
		input: [index === 0 ? 'x' : `v${index}`],
		output: [index === 4 ? 'y' : `v${index + 1}`],
	}));
	const names = readModel(model(chain)).graph.nodes.map(({name}) => name);
	t.is(new Set(names).size, 5);
	t.true(names.every(name => name !== ''));
	t.is(names[0], 'a');
	t.is(names[4], 'Relu_3');
});

test('element types that we have no tensors of are refused by name', t => {
	for (const [dataType, name] of [
		[8, 'STRING'],
		[14, 'COMPLEX64'],
		[17, 'type number 17'],
	] as const) {
		const error = readSafely(
			model([relu], {initializer: [{name: 'w', dims: [1], dataType, rawData: new Uint8Array(8)}]}),
		);
		t.is(error?.code, 'MODEL_INVALID');
		t.true(error!.message.includes(name), error!.message);
	}
});

test('every typed field of a tensor is read, and must fit the shape', t => {
	const fields: readonly (readonly [number, Partial<TensorProto>, readonly (number | bigint)[]])[] = [
		[1, {floatData: [1.5, -2]}, [1.5, -2]],
		[11, {doubleData: [1.5, -2]}, [1.5, -2]],
		[7, {int64Data: [5, {low: 0, high: -2147483648, unsigned: false}]}, [5n, -(2n ** 63n)]],
		[13, {uint64Data: [5, {low: -1, high: -1, unsigned: true}]}, [5n, 2n ** 64n - 1n]],
		[12, {uint64Data: [5, 4294967295]}, [5, 4294967295]],
		[6, {int32Data: [5, -6]}, [5, -6]],
		[5, {int32Data: [5, -6]}, [5, -6]],
		[3, {int32Data: [5, -6]}, [5, -6]],
		[4, {int32Data: [5, 65535]}, [5, 65535]],
		[2, {int32Data: [5, 255]}, [5, 255]],
		[9, {int32Data: [0, 7]}, [0, 1]],
		[10, {int32Data: [0x3c00, 0xc000]}, [0x3c00, 0xc000]],
		[16, {int32Data: [0x3f80, 0xc000]}, [0x3f80, 0xc000]],
	];
	for (const [dataType, data, expected] of fields) {
		const {graph} = readModel(model([relu], {initializer: [{name: 'w', dims: [2], dataType, ...data}]}));
		t.deepEqual(
			[...(graph.initializers.get('w')!.data as Iterable<number | bigint>)],
			[...expected],
			`type ${dataType}`,
		);
		t.is(code(model([relu], {initializer: [{name: 'w', dims: [3], dataType, ...data}]})), 'MODEL_FILE');
		t.is(code(model([relu], {initializer: [{name: 'w', dims: [2], dataType}]})), 'MODEL_FILE');
	}
});

test('importing damaged files is as safe as reading them', t => {
	fc.assert(
		fc.property(fc.constantFrom(...samples), fc.nat(), fc.nat(255), (sample, at, value) => {
			const bytes = Uint8Array.from(sample);
			bytes[at % bytes.length] = value;
			try {
				importModel(bytes);
			} catch (error) {
				t.true(error instanceof FplError && error.code !== 'INTERNAL', String(error));
			}
		}),
		{numRuns: 150},
	);
});
