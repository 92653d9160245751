/**
 * Sum and Mean for wasm, adding up in float64. The stock kernels add thousands of float32 numbers one after the other,
 * which costs two digits in the statistics of a batch norm, and transpose the input first when channels come last.
 */
import type {KernelFunc, TensorInfo} from '@tensorflow/tfjs';
import type {Tf} from '../value.js';
import {floats, type KernelCall} from './heap.js';

/** The input as [outer, reduced, inner]; undefined where kept and reduced axes alternate more often. */
function split(shape: readonly number[], axes: ReadonlySet<number>): [number, number, number] | undefined {
	const sizes: [number, number, number] = [1, 1, 1];
	let part = 0;
	for (const [axis, dim] of shape.entries()) {
		if (dim === 1) {
			continue;
		}
		if (axes.has(axis) === (part !== 1)) {
			part++;
		}
		if (part > 2) {
			return undefined;
		}
		sizes[part]! *= dim;
	}
	return sizes;
}

/**
 * @param stock the backend's own kernel, for what is no float32 or has another pattern.
 * @param mean whether to divide by the number of elements.
 */
export const reduceKernel =
	(tf: Tf, stock: KernelFunc, mean: boolean) =>
	(call: KernelCall): TensorInfo => {
		const {backend, attrs} = call;
		const {x} = call.inputs as {x: TensorInfo};
		const axes = new Set(tf.util.parseAxisParam(attrs['axis'] as number[], x.shape));
		const sizes = x.dtype === 'float32' ? split(x.shape, axes) : undefined;
		if (sizes === undefined) {
			return stock({inputs: call.inputs, backend, attrs: call.attrs as never}) as TensorInfo;
		}
		const keep = attrs['keepDims'] === true;
		const shape = x.shape.flatMap((dim, axis) => (axes.has(axis) ? (keep ? [1] : []) : [dim]));
		const result = backend.makeOutput(shape, 'float32');
		const [outer, reduced, inner] = sizes;
		const [from, to] = [floats(backend, x), floats(backend, result)];
		const sums = new Float64Array(inner);
		const scale = mean ? 1 / reduced : 1;
		for (let o = 0, at = 0; o < outer; o++) {
			sums.fill(0);
			for (let r = 0; r < reduced; r++) {
				for (let i = 0; i < inner; i++, at++) {
					sums[i]! += from[at]!;
				}
			}
			for (let i = 0; i < inner; i++) {
				to[o * inner + i] = sums[i]! * scale;
			}
		}
		return result;
	};
