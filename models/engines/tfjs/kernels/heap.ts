/** What our kernels need of tfjs' wasm backend: tensors as typed arrays in its heap. */
import type {DataId, KernelFunc, TensorInfo} from '@tensorflow/tfjs';

export interface WasmBackend {
	makeOutput(shape: readonly number[], dtype: 'float32' | 'int32'): TensorInfo;
	/** A view that the next allocation may invalidate. */
	typedArrayFromHeap(info: TensorInfo): Float32Array | Int32Array;
	disposeData(id: DataId): boolean;
}

export interface KernelCall {
	readonly backend: WasmBackend;
	readonly inputs: Readonly<Record<string, TensorInfo>>;
	readonly attrs: Readonly<Record<string, unknown>>;
}

/** Our typed kernels as tfjs' registry takes them. */
export const asKernel = (kernel: (call: KernelCall) => TensorInfo): KernelFunc => kernel as unknown as KernelFunc;

export const floats = (backend: WasmBackend, info: TensorInfo): Float32Array =>
	backend.typedArrayFromHeap(info) as Float32Array;

/** An output full of zeros (the backend's memory is not cleared). */
export function zeroed(backend: WasmBackend, shape: readonly number[]): TensorInfo {
	const info = backend.makeOutput(shape, 'float32');
	floats(backend, info).fill(0);
	return info;
}

export type Shape4 = readonly [number, number, number, number];
export const shape4 = (shape: unknown): Shape4 => shape as Shape4;
