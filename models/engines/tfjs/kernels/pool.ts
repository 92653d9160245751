/**
 * MaxPoolGrad for wasm. The stock kernel of tfjs 4.22 looks for the largest element from the smallest *positive* float on,
 * so that a window without positive elements gets no gradient at all; this one takes the first largest, as PyTorch does.
 */
import type {TensorInfo} from '@tensorflow/tfjs';
import type {Tf} from '../value.js';
import {floats, type KernelCall, shape4, zeroed} from './heap.js';

export const maxPoolGradKernel =
	(tf: Tf) =>
	({backend, inputs, attrs}: KernelCall): TensorInfo => {
		const {dy, input} = inputs as {dy: TensorInfo; input: TensorInfo};
		const shape = shape4(input.shape);
		const [items, height, width, channels] = shape;
		const info = tf.backend_util.computePool2DInfo(
			[...shape],
			attrs['filterSize'] as [number, number],
			attrs['strides'] as [number, number],
			1,
			attrs['pad'] as 'valid',
			attrs['dimRoundingMode'] as 'floor' | undefined,
		);
		const result = zeroed(backend, shape);
		const [xs, dys, sums] = [floats(backend, input), floats(backend, dy), floats(backend, result)];
		let at = 0;
		for (let item = 0; item < items; item++) {
			for (let oy = 0; oy < info.outHeight; oy++) {
				const top = oy * info.strideHeight - info.padInfo.top;
				for (let ox = 0; ox < info.outWidth; ox++) {
					const left = ox * info.strideWidth - info.padInfo.left;
					for (let c = 0; c < channels; c++, at++) {
						let best = -1;
						for (let y = Math.max(0, top); y < Math.min(height, top + info.filterHeight); y++) {
							for (let x = Math.max(0, left); x < Math.min(width, left + info.filterWidth); x++) {
								const here = ((item * height + y) * width + x) * channels + c;
								if (best < 0 || xs[here]! > xs[best]!) {
									best = here;
								}
							}
						}
						if (best >= 0) {
							sums[best]! += dys[at]!;
						}
					}
				}
			}
		}
		return result;
	};
