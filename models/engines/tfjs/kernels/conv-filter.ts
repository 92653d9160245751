/**
 * Conv2DBackpropFilter for wasm, which has none: the windows of x are written out as rows (im2col) and multiplied with dy
 * by the backend's own matrix product. Items go in slices so that the rows stay within a few megabytes.
 */
import type {TensorInfo} from '@tensorflow/tfjs';
import type {Tf} from '../value.js';
import {floats, type KernelCall, type Shape4, shape4, type WasmBackend, zeroed} from './heap.js';

/** Elements of the written-out windows at a time: 16 MB. */
const rowsBudget = 4 << 20;

interface Geometry {
	readonly x: Shape4;
	readonly out: Shape4;
	readonly filter: Shape4;
	readonly stride: readonly [number, number];
	readonly pad: readonly [number, number];
}

/** Rows [items · outHeight · outWidth, filterHeight · filterWidth · channels] of the items from `first` on. */
function im2col(x: Float32Array, rows: Float32Array, {x: xs, out, filter, stride, pad}: Geometry, first: number): void {
	const [, height, width, channels] = xs;
	const [kh, kw] = filter;
	const perItem = height * width * channels;
	const items = rows.length / (out[1] * out[2] * kh * kw * channels);
	rows.fill(0);
	let at = 0;
	for (let item = first; item < first + items; item++) {
		for (let oy = 0; oy < out[1]; oy++) {
			for (let ox = 0; ox < out[2]; ox++) {
				const left = ox * stride[1] - pad[1];
				for (let ky = 0; ky < kh; ky++, at += kw * channels) {
					const y = oy * stride[0] - pad[0] + ky;
					if (y < 0 || y >= height) {
						continue;
					}
					const from = Math.max(0, left);
					const to = Math.min(width, left + kw);
					const line = item * perItem + y * width * channels;
					rows.set(x.subarray(line + from * channels, line + to * channels), at + (from - left) * channels);
				}
			}
		}
	}
}

/** The kernel, given the backend's matrix product. */
export const convFilterKernel =
	(tf: Tf) =>
	({backend, inputs, attrs}: KernelCall): TensorInfo => {
		const {x, dy} = inputs as {x: TensorInfo; dy: TensorInfo};
		const filter = shape4(attrs['filterShape']);
		const info = tf.backend_util.computeConv2DInfo(
			[...shape4(x.shape)],
			[...filter],
			attrs['strides'] as [number, number],
			1,
			attrs['pad'] as 'valid',
			attrs['dimRoundingMode'] as 'floor' | undefined,
		);
		const geometry: Geometry = {
			x: shape4(x.shape),
			out: shape4(info.outShape),
			filter,
			stride: [info.strideHeight, info.strideWidth],
			pad: [info.padInfo.top, info.padInfo.left],
		};
		const window = filter[0] * filter[1] * filter[2];
		const spots = geometry.out[1] * geometry.out[2];
		const slice = Math.max(1, Math.floor(rowsBudget / Math.max(1, spots * window)));
		const result = zeroed(backend, filter);
		for (let first = 0; first < geometry.x[0]; first += slice) {
			const items = Math.min(slice, geometry.x[0] - first);
			addSlice(tf, backend, {x, dy, result, geometry, first, items, window});
		}
		return result;
	};

interface Slice {
	readonly x: TensorInfo;
	readonly dy: TensorInfo;
	readonly result: TensorInfo;
	readonly geometry: Geometry;
	readonly first: number;
	readonly items: number;
	readonly window: number;
}

function addSlice(tf: Tf, backend: WasmBackend, {x, dy, result, geometry, first, items, window}: Slice): void {
	const [, outHeight, outWidth, channels] = geometry.out;
	const count = items * outHeight * outWidth;
	const rows = backend.makeOutput([1, count, window], 'float32');
	const errors = backend.makeOutput([1, count, channels], 'float32');
	im2col(floats(backend, x), floats(backend, rows), geometry, first);
	const begin = first * outHeight * outWidth * channels;
	floats(backend, errors).set(floats(backend, dy).subarray(begin, begin + count * channels));
	const matMul = tf.getKernel('BatchMatMul', 'wasm').kernelFunc;
	const product = matMul({
		inputs: {a: rows, b: errors},
		backend,
		attrs: {transposeA: true, transposeB: false},
	}) as TensorInfo;
	const part = floats(backend, product);
	const sum = floats(backend, result);
	for (let index = 0; index < sum.length; index++) {
		sum[index]! += part[index]!;
	}
	for (const info of [rows, errors, product]) {
		backend.disposeData(info.dataId);
	}
}
