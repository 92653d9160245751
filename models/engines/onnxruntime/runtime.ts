/** The native library and what it can do on this machine. */
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import {FplError} from '../../../core/errors.js';
import type {DType, Shape, Tensor, TypedArray} from '../../../core/tensor/tensor.js';
import {blockSize} from './blocked/probe.js';
import type {Setup} from './engine.js';
import {stopMessage} from './stop.js';

type Ort = typeof import('onnxruntime-node');

export interface Runtime {
	/** For people: «onnxruntime-node 1.30.0, 2 threads». */
	readonly description: string;
	readonly threads: number;
	readonly ort: Ort;
	/** Channels per block of the fast convolution kernels; undefined where there are none. */
	readonly block: number | undefined;
	/** See `stop.ts`; undefined where outputs are copied. */
	readonly stop: string | undefined;
	/** Sessions write what each node takes to a file whose name begins with the answer; undefined: they do not. */
	readonly trace?: (graph: string) => string;
}

/** @throws FplError `ENGINE_UNAVAILABLE` */
export async function loadRuntime({threads, plain}: Setup): Promise<Runtime> {
	try {
		const ort = await import('onnxruntime-node');
		const block = plain ? undefined : await blockSize(ort);
		const version = ort.env.versions.node ?? ort.env.versions.common;
		return {
			ort,
			threads,
			block,
			stop: plain ? undefined : await stopMessage(ort),
			description: `onnxruntime-node ${version}, ${threads} thread${threads === 1 ? '' : 's'}`,
		};
	} catch (error) {
		throw new FplError(
			'ENGINE_UNAVAILABLE',
			{
				where: 'onnxruntime',
				problem: error instanceof Error ? error.message.split('\n')[0]! : String(error),
				fix: `onnxruntime-node has no library that loads on ${process.platform} ${process.arch}; try the engine tfjs`,
			},
			{cause: error},
		);
	}
}

/** Our tensor over the same memory as a tensor of the runtime, and back. */
export const toOrt = ({ort}: Runtime, dtype: DType, shape: Shape, data: TypedArray): OrtTensor =>
	new ort.Tensor(dtype as OrtTensor.Type, data as OrtTensor.DataType, shape);

export const fromOrt = (value: OrtTensor): Tensor =>
	({dtype: value.type, shape: [...value.dims], data: value.data}) as unknown as Tensor;
