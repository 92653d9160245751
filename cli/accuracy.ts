/** Accuracy of an ONNX file on a test set, by plain ONNX Runtime and nothing of the training path. */
import {InferenceSession, Tensor} from 'onnxruntime-node';
import {openJobData} from '../models/datasets/job-data.js';

/** @returns hits / items, in [0, 1]. */
export async function accuracyOf(file: string, dataset: string): Promise<number> {
	const {test} = await openJobData({dataset}, {environment: process.env});
	const session = await InferenceSession.create(file, {intraOpNumThreads: 1, logSeverityLevel: 3});
	const [input] = session.inputNames;
	const [output] = session.outputNames;
	let hits = 0;
	const batch = 250;
	for (let from = 0; from < test.items; from += batch) {
		const size = Math.min(batch, test.items - from);
		const {inputs} = test.batch(Uint32Array.from({length: size}, (_, index) => from + index));
		const x = Object.values(inputs)[0]!;
		const result = await session.run({[input!]: new Tensor('float32', x.data as Float32Array, [...x.shape])});
		const logits = result[output!]!;
		const classes = logits.dims.at(-1)!;
		const values = logits.data as Float32Array;
		for (let item = 0; item < size; item++) {
			const row = values.subarray(item * classes, (item + 1) * classes);
			hits += row.indexOf(Math.max(...row)) === test.labels![from + item] ? 1 : 0;
		}
	}
	await session.release();
	return hits / test.items;
}
