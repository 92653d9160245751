/** Inference and compile-time evaluation against what ONNX Runtime really makes. */
import test from 'ava';
import * as ort from 'onnxruntime-node';
import {seededRandom} from '../../../core/random.js';
import {type DType, sizeOf, type Tensor, toNumbers} from '../../../core/tensor/tensor.js';
import type {Graph, ValueInfo} from '../../../models/graph.js';
import {evaluate} from '../../../models/infer/fold/evaluate.js';
import {domains} from '../../../models/infer/table.js';
import {inferNode} from '../../../models/infer.js';
import {encodeModel} from '../../../models/onnx/write.js';
import {type Case, cases} from './cases.js';

const random = seededRandom(5);
const isShape = (operand: Case['inputs'][number]): operand is readonly number[] => Array.isArray(operand);

/** Random numbers in (0.1, 0.9), where every function is defined. */
const fill = (shape: readonly number[]): Tensor => ({
	dtype: 'float32',
	shape,
	data: Float32Array.from({length: sizeOf(shape)}, () => 0.1 + 0.8 * random.next()),
});

const operandsOf = ({inputs}: Case): ReadonlyMap<string, Tensor> =>
	new Map(
		inputs.flatMap((operand, index) =>
			operand === '' ? [] : [[`i${index}`, isShape(operand) ? fill(operand) : (operand as Tensor)] as const],
		),
	);

const nodeOf = ({op, domain, attributes, inputs, outputs}: Case) => ({
	name: 'node',
	op,
	domain,
	attributes,
	inputs: inputs.map((operand, index) => (operand === '' ? '' : `i${index}`)),
	outputs: Array.from({length: outputs}, (_, index) => `o${index}`),
});

const infoOf = (name: string, {dtype, shape}: Tensor): ValueInfo => ({name, dtype, shape});

async function execute(graph: Graph, operands: ReadonlyMap<string, Tensor>): Promise<readonly Tensor[]> {
	const session = await ort.InferenceSession.create(encodeModel(graph), {
		intraOpNumThreads: 1,
		graphOptimizationLevel: 'disabled',
		// It warns where ONNX' own inference differs from what the runtime makes.
		logSeverityLevel: 3,
	});
	const feeds = Object.fromEntries(
		[...operands].map(([name, {dtype, data, shape}]) => [
			name,
			new ort.Tensor(dtype as 'float32', data as Float32Array, [...shape]),
		]),
	);
	const results = await session.run(feeds);
	await session.release();
	return graph.outputs.map(({name}) => {
		const {type, dims, data} = results[name]!;
		return {dtype: type as DType, shape: [...dims], data} as unknown as Tensor;
	});
}

test('every operator of the table has a case', t => {
	const tried = new Set(cases.map(({domain, op}) => `${domain}.${op}`));
	const known = Object.entries(domains).flatMap(([domain, table]) => Object.keys(table).map(op => `${domain}.${op}`));
	t.deepEqual(
		known.filter(name => !tried.has(name)),
		[],
	);
});

const opsOf = [...new Set(cases.map(({op, domain}) => `${domain}.${op}`))];

for (const name of opsOf) {
	test(`${name.replace(/^\./u, '')}: types are those that the runtime makes`, async t => {
		for (const each of cases.filter(({op, domain}) => `${domain}.${op}` === name)) {
			const operands = operandsOf(each);
			const node = nodeOf(each);
			const opsets = {'': each.opset, 'com.microsoft': 1};
			const lookup = {
				type: (value: string) => (operands.has(value) ? infoOf(value, operands.get(value)!) : undefined),
				known: (value: string) => operands.get(value),
			};
			const inferred = inferNode(node, lookup, {opsets, model: 'case'});
			const graph: Graph = {
				name: 'case',
				nodes: [node],
				inputs: [...operands].map(([value, tensor]) => infoOf(value, tensor)),
				outputs: inferred.map(info => ({...info, shape: undefined})),
				initializers: new Map(),
				values: new Map(),
				opsets,
			};
			const results = await execute(graph, operands);
			const shapes = [...operands.values()].map(({shape}) => `[${shape}]`).join(' ');
			const describe = `${shapes} ${Object.keys(each.attributes)}`;
			t.deepEqual(
				inferred.map(({dtype, shape}) => ({dtype, shape})),
				results.map(({dtype, shape}) => ({dtype, shape})),
				describe,
			);
			const evaluated = evaluate(node, lookup, inferred, each.opset, 'case');
			for (const [index, tensor] of (evaluated ?? []).entries()) {
				const expected = toNumbers(results[index]!);
				t.is(tensor.dtype, results[index]!.dtype);
				t.true(
					toNumbers(tensor).every((value, at) => Math.abs(value - expected[at]!) <= 1e-6 * Math.abs(expected[at]!)),
					`${describe}: ${toNumbers(tensor)} instead of ${expected}`,
				);
			}
		}
	});
}
