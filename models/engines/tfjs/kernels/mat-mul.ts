/**
 * BatchMatMul for wasm with its operands transposed beforehand. The stock kernel hands only products without transposes
 * to XNNPACK and is some fourteen times slower for the others, which are what gradients consist of (2048×288ᵀ·2048×64:
 * 33 ms against 2.4 ms).
 */
import type {KernelFunc, TensorInfo} from '@tensorflow/tfjs';
import type {Tf} from '../value.js';
import type {KernelCall} from './heap.js';

/** @param stock the backend's own kernel. */
export const matMulKernel =
	(tf: Tf, stock: KernelFunc) =>
	({backend, inputs, attrs}: KernelCall): TensorInfo => {
		const made: TensorInfo[] = [];
		const turned = (info: TensorInfo, turn: unknown): TensorInfo => {
			if (!turn) {
				return info;
			}
			const {rank} = {rank: info.shape.length};
			const perm = [...info.shape.keys()];
			[perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
			const transpose = tf.getKernel('Transpose', 'wasm').kernelFunc;
			const result = transpose({inputs: {x: info}, backend, attrs: {perm}}) as TensorInfo;
			made.push(result);
			return result;
		};
		const {a, b} = inputs as {a: TensorInfo; b: TensorInfo};
		const product = stock({
			inputs: {a: turned(a, attrs['transposeA']), b: turned(b, attrs['transposeB'])},
			backend,
			attrs: {transposeA: false, transposeB: false},
		}) as TensorInfo;
		for (const {dataId} of made) {
			backend.disposeData(dataId);
		}
		return product;
	};
