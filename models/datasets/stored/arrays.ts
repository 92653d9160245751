/** Datasets from NumPy arrays: features [items, …] and labels or values [items, …]. */
import {FplError} from '../../../core/errors.js';
import {describe, type Shape, sizeOf, type Tensor, toNumbers} from '../../../core/tensor/tensor.js';
import type {Dataset, Split} from '../dataset.js';
import {readNpy} from '../formats/npy.js';
import type {Appearance} from '../locate.js';
import {type Column, memoryDataset, type Truth} from '../memory.js';
import {type Normalise, normalisation} from '../normalise.js';
import type {FilesByRole} from './pictures.js';

const named = (...names: readonly string[]) => names.flatMap(name => [`${name}.npy`, `${name}.npy.gz`]);

export const npyFiles: Appearance['files'] = {
	trainFeatures: named('x_train', 'train_x', 'X_train'),
	trainTargets: named('y_train', 'train_y'),
	testFeatures: named('x_test', 'test_x', 'X_test'),
	testTargets: named('y_test', 'test_y'),
};

/** IEEE 754 half precision, given as its 16-bit pattern. */
function halfToNumber(pattern: number): number {
	const sign = pattern & 0x8000 ? -1 : 1;
	const exponent = (pattern >> 10) & 0x1f;
	const fraction = pattern & 0x3ff;
	if (exponent === 0x1f) {
		return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
	}
	return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

function toFloats(file: string, source: Tensor): Float32Array {
	const floats =
		source.dtype === 'float32'
			? source.data
			: source.dtype === 'float16'
				? Float32Array.from(source.data, halfToNumber)
				: Float32Array.from(source.data as ArrayLike<number | bigint>, Number);
	const wrong = floats.findIndex(value => !Number.isFinite(value));
	if (wrong >= 0) {
		throw new FplError('DATA_FORMAT', {
			where: `${file}, element ${wrong}`,
			expected: 'a finite number',
			got: `${floats[wrong]}`,
		});
	}
	return floats;
}

interface Features {
	/** Of one item. */
	readonly shape: Shape;
	readonly data: Uint8Array | Float32Array | BigInt64Array;
}

/** Bytes stay bytes and int64 stays int64 (token ids); everything else becomes float32. */
function featuresOf(file: string, source: Tensor): Features {
	if (source.shape.length < 1) {
		throw new FplError('DATA_FORMAT', {where: file, expected: 'at least one dimension', got: describe(source)});
	}
	const shape = source.shape.slice(1);
	return source.dtype === 'uint8' || source.dtype === 'int64'
		? {shape, data: source.data}
		: {shape, data: toFloats(file, source)};
}

const integers: ReadonlySet<string> = new Set([
	'uint8',
	'int8',
	'uint16',
	'int16',
	'uint32',
	'int32',
	'int64',
	'uint64',
]);

/** Integers [items] or [items, 1] are classes, all else values. */
function truthOf(file: string, source: Tensor, classes: number | undefined): Truth {
	const shape = source.shape.slice(1);
	if (!integers.has(source.dtype) || sizeOf(shape) !== 1) {
		return {kind: 'values', shape, data: toFloats(file, source)};
	}
	const numbers = toNumbers(source);
	const wrong = numbers.findIndex(label => label < 0 || label > 65_535);
	if (wrong >= 0) {
		throw new FplError('DATA_FORMAT', {
			where: `${file}, label ${wrong}`,
			expected: 'a class number from 0 to 65535',
			got: `${numbers[wrong]}`,
		});
	}
	const labels = Int32Array.from(numbers);
	return {kind: 'classes', classes: classes ?? labels.reduce((most, label) => Math.max(most, label + 1), 1), labels};
}

/**
 * A split of four `.npy` files with one feature «input». Floats and bytes are normalised per channel (the first dimension
 * of an item; for vectors, each number).
 * @throws FplError `DATA_FILE`, `DATA_FORMAT`; `DATA_SHAPE` when features and targets have different numbers of items.
 */
export async function npySplit(name: string, files: FilesByRole, normalise: Normalise = 'train'): Promise<Split> {
	const read = async (role: string) => {
		const file = files[role]!;
		return {file, array: await readNpy(file)};
	};
	const trainX = await read('trainFeatures');
	const testX = await read('testFeatures');
	const train = featuresOf(trainX.file, trainX.array);
	const test = featuresOf(testX.file, testX.array);
	const kindOf = ({data, shape}: Features) => `${data.constructor.name}[${shape.join(', ')}]`;
	if (kindOf(train) !== kindOf(test)) {
		throw new FplError('DATA_FORMAT', {
			where: testX.file,
			expected: `items as in ${trainX.file}, ${kindOf(train)}`,
			got: kindOf(test),
		});
	}
	const channels = train.shape[0] ?? 1;
	const column = ({shape, data}: Features): Column =>
		data instanceof BigInt64Array || train.data instanceof BigInt64Array
			? ({name: 'input', shape, data} as Column)
			: {
					name: 'input',
					shape,
					data,
					normalisation: normalisation(normalise, train.data, channels, sizeOf(shape) / channels),
				};
	const trainY = await read('trainTargets');
	const testY = await read('testTargets');
	const trainTruth = truthOf(trainY.file, trainY.array, undefined);
	const testTruth = truthOf(testY.file, testY.array, trainTruth.kind === 'classes' ? trainTruth.classes : undefined);
	if (trainTruth.kind !== testTruth.kind) {
		throw new FplError('DATA_FORMAT', {
			where: testY.file,
			expected: `${trainTruth.kind}, as in ${trainY.file}`,
			got: testTruth.kind,
		});
	}
	const dataset = (part: string, features: Features, truth: Truth): Dataset =>
		memoryDataset(`${name} (${part})`, [column(features)], truth);
	return {train: dataset('train', train, trainTruth), test: dataset('test', test, testTruth)};
}
