/** Executes a graph once with onnxruntime-node, for tests. */
import * as ort from 'onnxruntime-node';
import {type DType, type Tensor, type TypedArray, tensor} from '../../../core/tensor/tensor.js';
import type {Graph} from '../../../models/graph.js';
import {encodeModel} from '../../../models/onnx/write.js';

export type Feeds = Readonly<Record<string, Tensor>>;

/** A graph loaded once and run as often as wanted. */
export interface Runner {
	run(feeds: Feeds): Promise<Record<string, Tensor>>;
	close(): Promise<void>;
}

export async function loadGraph(graph: Graph): Promise<Runner> {
	const session = await ort.InferenceSession.create(encodeModel(graph), {
		executionProviders: ['cpu'],
		intraOpNumThreads: 1,
		logSeverityLevel: 3,
	});
	return {
		async run(feeds) {
			const given = Object.fromEntries(
				graph.inputs.map(({name}) => {
					const {dtype, data, shape} = feeds[name]!;
					return [name, new ort.Tensor(dtype as ort.Tensor.Type, data as never, shape)];
				}),
			);
			const results = await session.run(given);
			return Object.fromEntries(
				Object.entries(results).map(([name, {type, dims, data}]) => [
					name,
					tensor(type as DType, dims, data as TypedArray as never),
				]),
			);
		},
		close: () => session.release(),
	};
}

export async function runGraph(graph: Graph, feeds: Feeds): Promise<Record<string, Tensor>> {
	const runner = await loadGraph(graph);
	try {
		return await runner.run(feeds);
	} finally {
		await runner.close();
	}
}
