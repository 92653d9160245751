/** Datasets of pictures, from IDX files or CIFAR's records. */
import {FplError} from '../../../core/errors.js';
import {sizeOf, toNumbers} from '../../../core/tensor/tensor.js';
import type {Dataset, Split} from '../dataset.js';
import {type Pictures, readCifar} from '../formats/cifar.js';
import {readIdx} from '../formats/idx.js';
import type {Appearance} from '../locate.js';
import {memoryDataset} from '../memory.js';
import {type Normalise, normalisation} from '../normalise.js';

const plainOrGzipped = (...names: readonly string[]) => names.flatMap(name => [name, `${name}.gz`]);

/** Names as in the official archives; some unpackers write a dot before `idx`. */
export const idxFiles: Appearance['files'] = {
	trainImages: plainOrGzipped('train-images-idx3-ubyte', 'train-images.idx3-ubyte'),
	trainLabels: plainOrGzipped('train-labels-idx1-ubyte', 'train-labels.idx1-ubyte'),
	testImages: plainOrGzipped('t10k-images-idx3-ubyte', 't10k-images.idx3-ubyte'),
	testLabels: plainOrGzipped('t10k-labels-idx1-ubyte', 't10k-labels.idx1-ubyte'),
};

/** The files by role, as `findFiles` answers them. */
export type FilesByRole = Readonly<Record<string, string>>;

interface Part extends Pictures {
	readonly shape: readonly number[];
}

/** Images [items, height, width] or [items, channels, height, width] of bytes, with labels [items]. */
async function idxPart(images: string, labels: string): Promise<Part> {
	const pixels = await readIdx(images);
	if (pixels.dtype !== 'uint8' || pixels.shape.length < 2) {
		throw new FplError('DATA_FORMAT', {
			where: images,
			expected: 'bytes with two dimensions or more, the first of which counts items',
			got: `${pixels.dtype}[${pixels.shape.join(', ')}]`,
		});
	}
	const classes = await readIdx(labels);
	if (classes.shape.length !== 1 || classes.shape[0] !== pixels.shape[0]) {
		throw new FplError('DATA_FORMAT', {
			where: labels,
			expected: `[${pixels.shape[0]}], one label for each item of ${images}`,
			got: `[${classes.shape.join(', ')}]`,
		});
	}
	const numbers = toNumbers(classes);
	const wrong = numbers.findIndex(label => !Number.isInteger(label) || label < 0 || label > 65_535);
	if (wrong >= 0) {
		throw new FplError('DATA_FORMAT', {
			where: `${labels}, label ${wrong}`,
			expected: 'a class number from 0 to 65535',
			got: `${numbers[wrong]}`,
		});
	}
	const [, ...rest] = pixels.shape;
	const shape = rest.length === 2 ? [1, ...rest] : rest;
	return {pixels: pixels.data, labels: Int32Array.from(numbers), shape};
}

function pictureSplit(name: string, train: Part, test: Part, classes: number, normalise: Normalise): Split {
	const {shape} = train;
	if (shape.join() !== test.shape.join()) {
		throw new FplError('DATA_FORMAT', {
			where: `test items of «${name}»`,
			expected: `the shape [${shape.join(', ')}] of the training items`,
			got: `[${test.shape.join(', ')}]`,
		});
	}
	const channels = shape.length > 1 ? shape[0]! : 1;
	const constants = normalisation(normalise, train.pixels, channels, sizeOf(shape) / channels);
	const dataset = (part: string, {pixels, labels}: Part): Dataset =>
		memoryDataset(`${name} (${part})`, [{name: 'input', shape, data: pixels, normalisation: constants}], {
			kind: 'classes',
			classes,
			labels,
		});
	return {train: dataset('train', train), test: dataset('test', test)};
}

/**
 * A split of the four IDX files, with features «input» [1, height, width] normalised per channel.
 * @param classes how many there are; counted from the training labels by default.
 * @throws FplError `DATA_FILE`, `DATA_FORMAT`; `DATA_SHAPE` for a label that is no class.
 */
export async function idxSplit(
	name: string,
	files: FilesByRole,
	{classes, normalise = 'train'}: {readonly classes?: number; readonly normalise?: Normalise} = {},
): Promise<Split> {
	const train = await idxPart(files['trainImages']!, files['trainLabels']!);
	const test = await idxPart(files['testImages']!, files['testLabels']!);
	const counted = classes ?? train.labels.reduce((most, label) => Math.max(most, label + 1), 1);
	return pictureSplit(name, train, test, counted, normalise);
}

const cifarBatches = [1, 2, 3, 4, 5].map(number => `data_batch_${number}.bin`);

/** The files of CIFAR-10's binary version. */
export const cifarFiles: Appearance['files'] = Object.fromEntries(
	[...cifarBatches, 'test_batch.bin'].map(name => [name, plainOrGzipped(name)]),
);

/**
 * A split of CIFAR-10's files, with features «input» [3, 32, 32] normalised per colour.
 * @throws FplError `DATA_FILE`, `DATA_FORMAT`.
 */
export async function cifarSplit(name: string, files: FilesByRole, normalise: Normalise = 'train'): Promise<Split> {
	const shape = [3, 32, 32];
	const train = await readCifar(cifarBatches.map(batch => files[batch]!));
	const test = await readCifar([files['test_batch.bin']!]);
	return pictureSplit(name, {...train, shape}, {...test, shape}, 10, normalise);
}
