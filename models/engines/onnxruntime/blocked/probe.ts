/** How many channels this machine's kernels block together. */
import {type Graph, ownOpsets} from '../../../graph.js';
import {encodeModel} from '../../../onnx/write.js';
import {blockedDomain} from './rewriter.js';

type Ort = typeof import('onnxruntime-node');

/** Multiple of every block size in use. */
const channels = 64;

/**
 * Reorders a tensor whose elements are their own indices and looks where the second position of the first channel went.
 * @returns undefined where the runtime has no blocked kernels for this processor.
 */
export async function blockSize(ort: Ort): Promise<number | undefined> {
	const shape = [1, channels, 1, 2];
	const graph: Graph = {
		name: 'block size',
		nodes: [
			{name: 'reorder', op: 'ReorderInput', domain: blockedDomain, inputs: ['x'], outputs: ['y'], attributes: {}},
		],
		inputs: [{name: 'x', dtype: 'float32', shape}],
		outputs: [{name: 'y', dtype: 'float32', shape: undefined}],
		initializers: new Map(),
		values: new Map(),
		opsets: {...ownOpsets, [blockedDomain]: 1},
	};
	try {
		const session = await ort.InferenceSession.create(encodeModel(graph), {
			executionProviders: ['cpu'],
			logSeverityLevel: 4,
		});
		const x = Float32Array.from({length: channels * 2}, (_, index) => index);
		const results = await session.run({x: new ort.Tensor('float32', x, shape)});
		await session.release();
		const block = (results['y']!.data as Float32Array).indexOf(1);
		return block > 1 && channels % block === 0 ? block : undefined;
	} catch {
		return undefined;
	}
}
