/** UnsortedSegmentSum for wasm (the gradient of gather, hence of embeddings). */
import type {TensorInfo} from '@tensorflow/tfjs';
import {floats, type KernelCall, zeroed} from './heap.js';

/** Adds row i of x [rows, …] to row segmentIds[i] of the result [numSegments, …]; negative ids are dropped. */
export function segmentSumKernel({backend, inputs, attrs}: KernelCall): TensorInfo {
	const {x, segmentIds} = inputs as {x: TensorInfo; segmentIds: TensorInfo};
	const segments = attrs['numSegments'] as number;
	const result = zeroed(backend, [segments, ...x.shape.slice(1)]);
	const ids = backend.typedArrayFromHeap(segmentIds);
	const [xs, sums] = [floats(backend, x), floats(backend, result)];
	const width = x.shape.slice(1).reduce((product, dim) => product * dim, 1);
	for (const [row, id] of ids.entries()) {
		if (id < 0 || id >= segments) {
			continue;
		}
		for (let column = 0; column < width; column++) {
			sums[id * width + column]! += xs[row * width + column]!;
		}
	}
	return result;
}
