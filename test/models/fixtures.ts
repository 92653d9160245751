/** Models exported from PyTorch, and what PyTorch computes with them: test/fixtures/onnx, made by make.py there. */
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {arrayTypes, type DType, sizeOf, type Tensor} from '../../core/tensor/tensor.js';

/** Tests run from `dist/test/models`. */
export const fixtureDirectory = path.resolve(import.meta.dirname, '../../../test/fixtures/onnx');

export const fixtureNames: readonly string[] = readdirSync(fixtureDirectory)
	.filter(file => file.endsWith('.onnx'))
	.map(file => path.basename(file, '.onnx'))
	.sort();

export interface Fixture {
	readonly opset: number;
	/** PyTorch's names and shapes, in its order. */
	readonly parameters: readonly (readonly [string, readonly number[]])[];
	/** A batch of two. */
	readonly inputs: Readonly<Record<string, Tensor>>;
	/** In inference mode. */
	readonly outputs: Readonly<Record<string, Tensor>>;
	/** Class numbers, one per item. */
	readonly targets: readonly number[];
	/** Mean softmax cross-entropy of the outputs against the targets, in training mode. */
	readonly loss: number;
	/** Norm and sum of the loss' gradient for parameters that the file holds under PyTorch's name and shape. */
	readonly gradients: Readonly<Record<string, {readonly norm: number; readonly sum: number}>>;
	/** ONNX' type name and dims of every inner value and output; null where its inference could not tell. */
	readonly shapes: Readonly<Record<string, readonly [string, readonly (number | null)[] | null]>>;
}

export const fixtureFile = (name: string): string => path.join(fixtureDirectory, `${name}.onnx`);

interface RawTensor {
	readonly dtype: DType;
	readonly shape: readonly number[];
	readonly data: readonly number[];
}

function toTensor({dtype, shape, data}: RawTensor): Tensor {
	const array = new arrayTypes[dtype](sizeOf(shape));
	for (const [index, value] of data.entries()) {
		array[index] = array instanceof BigInt64Array ? BigInt(value) : value;
	}
	return {dtype, shape, data: array} as Tensor;
}

const toTensors = (raw: Record<string, RawTensor>) =>
	Object.fromEntries(Object.entries(raw).map(([name, tensor]) => [name, toTensor(tensor)]));

export function loadFixture(name: string): Fixture {
	const raw = JSON.parse(readFileSync(path.join(fixtureDirectory, `${name}.json`), 'utf8'));
	return {...raw, inputs: toTensors(raw.inputs), outputs: toTensors(raw.outputs)};
}
