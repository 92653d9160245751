/**
 * Runs whose outputs all go to memory that the caller gave. The Node binding of ONNX Runtime writes them there, but
 * afterwards copies every output into a fresh array all the same, which for weights costs more than the update itself. It
 * does so one output after the other, and gives up at the first that it cannot convert. So graphs get such an output in
 * front: an empty sequence. When the binding complains of it, the run has ended well, and nothing was copied.
 *
 * Whether the binding at hand behaves like this is tried out once (`stopMessage`); without it, outputs are copied.
 */
import {type Graph, ownOpsets} from '../../graph.js';
import {ModelMessage} from '../../onnx/schema.js';
import {encodeModel} from '../../onnx/write.js';

type Ort = typeof import('onnxruntime-node');

/** Name of the output that cannot be converted. */
export const stopName = 'fpl/stop';

/**
 * The model with the sequence as its first output. Our graphs know no sequences, but protobuf messages merge when they are
 * written one after the other, their lists in that order.
 */
export function withStop(model: Uint8Array): Uint8Array {
	const stop = ModelMessage.encode({
		graph: {
			node: [{name: stopName, opType: 'SequenceEmpty', output: [stopName]}],
			output: [{name: stopName}],
		},
	}).finish();
	return Buffer.concat([stop, model]);
}

/**
 * What the binding says when it meets the sequence.
 * @returns undefined where it does not stop there, or has not written the other outputs by then.
 */
export async function stopMessage(ort: Ort): Promise<string | undefined> {
	const graph: Graph = {
		name: 'stop',
		nodes: [{name: 'negate', op: 'Neg', domain: '', inputs: ['x'], outputs: ['y'], attributes: {}}],
		inputs: [{name: 'x', dtype: 'float32', shape: [2]}],
		outputs: [{name: 'y', dtype: 'float32', shape: [2]}],
		initializers: new Map(),
		values: new Map(),
		opsets: ownOpsets,
	};
	const y = new Float32Array(2);
	try {
		const session = await ort.InferenceSession.create(withStop(encodeModel(graph)), {
			executionProviders: ['cpu'],
			logSeverityLevel: 4,
		});
		const message = await session
			.run(
				{x: new ort.Tensor('float32', Float32Array.of(1, 2), [2])},
				{[stopName]: null, y: new ort.Tensor('float32', y, [2])},
			)
			.then(
				() => undefined,
				(error: Error) => error.message,
			);
		await session.release();
		return y[0] === -1 && y[1] === -2 ? message : undefined;
	} catch {
		return undefined;
	}
}
