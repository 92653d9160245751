/** The two gradients of depthwise convolutions, which the wasm backend lacks, as loops over its heap. */
import type {TensorInfo} from '@tensorflow/tfjs';
import type {Tf} from '../value.js';
import {floats, type KernelCall, shape4, zeroed} from './heap.js';

interface Offsets {
	/** Of the input's pixel, in elements. */
	readonly x: number;
	/** Of the output's pixel. */
	readonly y: number;
	/** Of the filter's tap. */
	readonly w: number;
}

/** Calls back for every (output pixel, tap) pair that lies inside the input. */
function forTaps(tf: Tf, call: KernelCall, xShape: unknown, filterShape: unknown, visit: (at: Offsets) => void): void {
	const {attrs} = call;
	const x = shape4(xShape);
	const filter = shape4(filterShape);
	const info = tf.backend_util.computeConv2DInfo(
		[...x],
		[...filter],
		attrs['strides'] as [number, number],
		attrs['dilations'] as [number, number],
		attrs['pad'] as 'valid',
		attrs['dimRoundingMode'] as 'floor' | undefined,
		true,
	);
	const [items, height, width, channels] = x;
	const [kh, kw, , multiplier] = filter;
	const outputs = channels * multiplier;
	for (let item = 0; item < items; item++) {
		for (let oy = 0; oy < info.outHeight; oy++) {
			for (let ox = 0; ox < info.outWidth; ox++) {
				const y = ((item * info.outHeight + oy) * info.outWidth + ox) * outputs;
				for (let ky = 0; ky < kh; ky++) {
					const iy = oy * info.strideHeight - info.padInfo.top + ky * info.dilationHeight;
					if (iy < 0 || iy >= height) {
						continue;
					}
					for (let kx = 0; kx < kw; kx++) {
						const ix = ox * info.strideWidth - info.padInfo.left + kx * info.dilationWidth;
						if (ix >= 0 && ix < width) {
							visit({x: ((item * height + iy) * width + ix) * channels, y, w: (ky * kw + kx) * outputs});
						}
					}
				}
			}
		}
	}
}

/** d filter[ky, kx, c, m] = Σ x[…, c] · dy[…, c · multiplier + m] */
export const depthwiseFilterKernel =
	(tf: Tf) =>
	(call: KernelCall): TensorInfo => {
		const {backend, attrs} = call;
		const {x, dy} = call.inputs as {x: TensorInfo; dy: TensorInfo};
		const filterShape = shape4(attrs['filterShape']);
		const result = zeroed(backend, filterShape);
		const [xs, dys, sums] = [floats(backend, x), floats(backend, dy), floats(backend, result)];
		const [, , channels, multiplier] = filterShape;
		forTaps(tf, call, x.shape, filterShape, at => {
			for (let c = 0, o = 0; c < channels; c++) {
				const value = xs[at.x + c]!;
				for (let m = 0; m < multiplier; m++, o++) {
					sums[at.w + o]! += value * dys[at.y + o]!;
				}
			}
		});
		return result;
	};

/** d x[…, c] = Σ filter[ky, kx, c, m] · dy[…, c · multiplier + m] */
export const depthwiseInputKernel =
	(tf: Tf) =>
	(call: KernelCall): TensorInfo => {
		const {backend, attrs} = call;
		const {dy, filter} = call.inputs as {dy: TensorInfo; filter: TensorInfo};
		const inputShape = shape4(attrs['inputShape']);
		const result = zeroed(backend, inputShape);
		const [dys, weights, sums] = [floats(backend, dy), floats(backend, filter), floats(backend, result)];
		const [, , channels, multiplier] = shape4(filter.shape);
		forTaps(tf, call, inputShape, filter.shape, at => {
			for (let c = 0, o = 0; c < channels; c++) {
				let sum = 0;
				for (let m = 0; m < multiplier; m++, o++) {
					sum += weights[at.w + o]! * dys[at.y + o]!;
				}
				sums[at.x + c]! += sum;
			}
		});
		return result;
	};
