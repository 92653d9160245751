/** Imported graphs compute what PyTorch computed, for a batch that their export may not have known. */
import test from 'ava';
import * as ort from 'onnxruntime-node';
import {type Tensor, toNumbers} from '../../../core/tensor/tensor.js';
import type {Graph} from '../../../models/graph.js';
import {exportModel, importModel} from '../../../models/import/model.js';
import {encodeModel} from '../../../models/onnx/write.js';
import {specialise} from '../../../models/specialise.js';
import {fixtureFile, fixtureNames, loadFixture} from '../fixtures.js';

async function run(bytes: Uint8Array, inputs: Readonly<Record<string, Tensor>>): Promise<number[]> {
	const session = await ort.InferenceSession.create(bytes, {
		intraOpNumThreads: 1,
		interOpNumThreads: 1,
		// What the graph says is what is tested, not what the runtime makes of it.
		graphOptimizationLevel: 'disabled',
	});
	const feeds = Object.fromEntries(
		Object.entries(inputs).map(([name, {dtype, data, shape}]) => [
			name,
			new ort.Tensor(dtype as 'float32', data as Float32Array, shape),
		]),
	);
	const results = await session.run(feeds);
	await session.release();
	return Array.from(results['output']!.data as Float32Array);
}

/** Logits are known up to a constant per item: compare the logarithms of their softmax. */
function logSoftmax(values: readonly number[], classes: number): number[] {
	return values.map((value, index) => {
		const row = values.slice(index - (index % classes), index - (index % classes) + classes);
		return value - Math.log(row.reduce((sum, other) => sum + Math.exp(other), 0));
	});
}

function distance(a: readonly number[], b: readonly number[]): number {
	const norm = Math.hypot(...b);
	return Math.hypot(...a.map((value, index) => value - b[index]!)) / norm;
}

for (const name of fixtureNames) {
	test(`${name}: the imported graph computes what PyTorch does`, async t => {
		const model = importModel(fixtureFile(name));
		const {inputs, outputs} = loadFixture(name);
		const expected = toNumbers(outputs['output']!);
		const classes = outputs['output']!.shape[1]!;
		const given = name === 'perceptron-script' ? expected.map(Math.log) : expected;
		const read = name.startsWith('perceptron') ? (values: number[]) => logSoftmax(values, classes) : (v: number[]) => v;
		const forTwo: Graph = specialise(model.graph, {N: 2});
		t.true(distance(read(await run(exportModel(model), inputs)), given) < 1e-5);
		t.true(distance(read(await run(encodeModel(forTwo), inputs)), given) < 1e-5);
	});
}
