/** Completes the wasm backend with the kernels that training needs. */
import type {KernelConfig, KernelFunc} from '@tensorflow/tfjs';
import type {Tf} from '../value.js';
import {convFilterKernel} from './conv-filter.js';
import {convInputKernel} from './conv-input.js';
import {depthwiseFilterKernel, depthwiseInputKernel} from './depthwise.js';
import {asKernel} from './heap.js';
import {matMulKernel} from './mat-mul.js';
import {maxPoolGradKernel} from './pool.js';
import {reduceKernel} from './reduce.js';
import {segmentSumKernel} from './segment-sum.js';

const completed = new WeakSet<Tf>();

/**
 * Adds the kernels that the stock backend lacks, and replaces one that is wrong (MaxPoolGrad), two that are slow (products
 * with transposes, Conv2DBackpropInput) and two that are inexact (Sum, Mean). Call before the backend starts; calling
 * again changes nothing.
 */
export function completeWasm(tf: Tf): void {
	if (completed.has(tf)) {
		return;
	}
	completed.add(tf);
	const stock = (name: string): KernelConfig | undefined => tf.getKernel(name, 'wasm');
	const put = (kernelName: string, kernelFunc: KernelConfig['kernelFunc']) => {
		const old = stock(kernelName);
		if (old !== undefined) {
			tf.unregisterKernel(kernelName, 'wasm');
		}
		// The stock kernel's setup stays: what wraps it needs its bindings.
		tf.registerKernel({...old, kernelName, backendName: 'wasm', kernelFunc});
	};
	for (const [name, kernel] of [
		['Conv2DBackpropFilter', asKernel(convFilterKernel(tf))],
		['DepthwiseConv2dNativeBackpropFilter', asKernel(depthwiseFilterKernel(tf))],
		['DepthwiseConv2dNativeBackpropInput', asKernel(depthwiseInputKernel(tf))],
		['UnsortedSegmentSum', asKernel(segmentSumKernel)],
	] as const) {
		// A later tfjs may have its own.
		if (stock(name) === undefined) {
			put(name, kernel);
		}
	}
	put('MaxPoolGrad', asKernel(maxPoolGradKernel(tf)));
	put('Conv2DBackpropInput', asKernel(convInputKernel(tf)));
	const wrap = (name: string, around: (old: KernelFunc) => KernelFunc) => {
		const old = stock(name);
		if (old !== undefined) {
			put(name, around(old.kernelFunc));
		}
	};
	wrap('BatchMatMul', old => asKernel(matMulKernel(tf, old)));
	wrap('Sum', old => asKernel(reduceKernel(tf, old, false)));
	wrap('Mean', old => asKernel(reduceKernel(tf, old, true)));
}
