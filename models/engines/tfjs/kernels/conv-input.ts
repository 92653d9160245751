/**
 * Conv2DBackpropInput for wasm as a convolution: dy, with zeros between its pixels where the stride is above 1 and around
 * it, is convolved with the filter turned by 180° and its channels swapped. That runs in XNNPACK, unlike the stock kernel,
 * and is some ten times faster.
 */
import type {TensorInfo} from '@tensorflow/tfjs';
import type {Tf} from '../value.js';
import {floats, type KernelCall, shape4, type WasmBackend, zeroed} from './heap.js';

/** [kh, kw, in, out] → [kh, kw, out, in], both spatial axes reversed. */
function turned(backend: WasmBackend, filter: TensorInfo): TensorInfo {
	const [kh, kw, ins, outs] = shape4(filter.shape);
	const result = backend.makeOutput([kh, kw, outs, ins], 'float32');
	const [from, to] = [floats(backend, filter), floats(backend, result)];
	const taps = kh * kw;
	for (let tap = 0; tap < taps; tap++) {
		const source = (taps - 1 - tap) * ins * outs;
		const target = tap * ins * outs;
		for (let i = 0; i < ins; i++) {
			for (let o = 0; o < outs; o++) {
				to[target + o * ins + i] = from[source + i * outs + o]!;
			}
		}
	}
	return result;
}

export const convInputKernel =
	(tf: Tf) =>
	({backend, inputs, attrs}: KernelCall): TensorInfo => {
		const {dy, filter} = inputs as {dy: TensorInfo; filter: TensorInfo};
		const inputShape = shape4(attrs['inputShape']);
		const [kh, kw] = shape4(filter.shape);
		const info = tf.backend_util.computeConv2DInfo(
			[...inputShape],
			[...shape4(filter.shape)],
			attrs['strides'] as [number, number],
			1,
			attrs['pad'] as 'valid',
			attrs['dimRoundingMode'] as 'floor' | undefined,
		);
		const [items, height, width] = inputShape;
		const {outHeight, outWidth, outChannels, strideHeight, strideWidth, padInfo} = info;
		// The canvas is as large as a «valid» convolution with the filter needs to give the input's size.
		const canvasHeight = height + kh - 1;
		const canvasWidth = width + kw - 1;
		const canvas = zeroed(backend, [items, canvasHeight, canvasWidth, outChannels]);
		const [from, to] = [floats(backend, dy), floats(backend, canvas)];
		for (let item = 0; item < items; item++) {
			for (let oy = 0; oy < outHeight; oy++) {
				const y = oy * strideHeight + kh - 1 - padInfo.top;
				for (let ox = 0; ox < outWidth; ox++) {
					const x = ox * strideWidth + kw - 1 - padInfo.left;
					// A window wholly inside the padding touches no input.
					if (y >= 0 && y < canvasHeight && x >= 0 && x < canvasWidth) {
						const source = ((item * outHeight + oy) * outWidth + ox) * outChannels;
						const target = ((item * canvasHeight + y) * canvasWidth + x) * outChannels;
						to.set(from.subarray(source, source + outChannels), target);
					}
				}
			}
		}
		const flipped = turned(backend, filter);
		const convolve = tf.getKernel('Conv2D', 'wasm').kernelFunc;
		const result = convolve({
			inputs: {x: canvas, filter: flipped},
			backend,
			attrs: {strides: [1, 1], pad: 'valid', dataFormat: 'NHWC', dilations: [1, 1]} as never,
		}) as TensorInfo;
		backend.disposeData(canvas.dataId);
		backend.disposeData(flipped.dataId);
		return result;
	};
