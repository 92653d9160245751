/** The models that can be had by name: one closed table. */
import {FplError} from '../../core/errors.js';
import {nearest} from '../../core/nearest.js';
import type {DType, Shape} from '../../core/tensor/tensor.js';
import type {Model} from '../graph.js';
import {gru} from './gru.js';
import {mobilenetv2} from './mobilenetv2.js';
import {mobilenetv3Small} from './mobilenetv3.js';
import type {BuildOptions, CommonOptions, SpecialOption, SpecialOptions} from './options.js';
import {cnnSmall, lenet5, mlp, sensorCnn} from './plain.js';
import {resnet18, resnet50} from './resnet.js';
import {tinyTransformer} from './transformer.js';
import {vgg11} from './vgg.js';

export interface ZooEntry {
	readonly build: (options: BuildOptions) => Model;
	/** Shape of one item unless the caller gives another. */
	readonly input: Shape;
	/** What the dimensions of `input` mean; their number is fixed unless this says `any`. */
	readonly axes: readonly string[] | 'any';
	readonly dtype: DType;
	/** Number of classes unless the caller gives another. */
	readonly classes: number;
	/** Name of a dataset that fits the default input and classes. */
	readonly dataset: string;
	readonly options: readonly SpecialOption[];
	readonly description: string;
}

const picture = ['channels', 'height', 'width'] as const;

export const zoo = {
	mlp: {
		build: mlp,
		input: [1, 28, 28],
		axes: 'any',
		dtype: 'float32',
		classes: 10,
		dataset: 'mnist',
		options: ['hidden', 'dropout'],
		description: 'Fully connected: two hidden layers of 256 and 128 units, relu',
	},
	lenet5: {
		build: lenet5,
		input: [1, 28, 28],
		axes: picture,
		dtype: 'float32',
		classes: 10,
		dataset: 'mnist',
		options: [],
		description: 'LeNet-5 with relu and max-pools, for handwritten digits',
	},
	'cnn-small': {
		build: cnnSmall,
		input: [3, 32, 32],
		axes: picture,
		dtype: 'float32',
		classes: 10,
		dataset: 'cifar10',
		options: [],
		description: 'Four 3×3 convolutions (32, 64, 128, 128) and one dense layer',
	},
	vgg11: {
		build: vgg11,
		input: [3, 32, 32],
		axes: picture,
		dtype: 'float32',
		classes: 10,
		dataset: 'cifar10',
		options: ['batchNorm', 'dropout'],
		description: 'VGG-11 for 32×32 pictures, with batch norm',
	},
	resnet18: {
		build: resnet18,
		input: [3, 32, 32],
		axes: picture,
		dtype: 'float32',
		classes: 10,
		dataset: 'cifar10',
		options: ['stem'],
		description: 'ResNet-18, by default with the 3×3 stem for 32×32 pictures',
	},
	resnet50: {
		build: resnet50,
		input: [3, 224, 224],
		axes: picture,
		dtype: 'float32',
		classes: 1000,
		dataset: 'cifar10',
		options: ['stem'],
		description: 'ResNet-50, by default with the 7×7 stem for 224×224 pictures',
	},
	mobilenetv2: {
		build: mobilenetv2,
		input: [3, 32, 32],
		axes: picture,
		dtype: 'float32',
		classes: 10,
		dataset: 'cifar10',
		options: ['stem', 'dropout'],
		description: 'MobileNetV2, by default with stride 1 in the first convolution for 32×32 pictures',
	},
	'mobilenetv3-small': {
		build: mobilenetv3Small,
		input: [3, 32, 32],
		axes: picture,
		dtype: 'float32',
		classes: 10,
		dataset: 'cifar10',
		options: ['stem', 'dropout'],
		description: 'MobileNetV3 small: hard-swish and squeeze-and-excite, stride 1 in the first convolution by default',
	},
	'sensor-cnn': {
		build: sensorCnn,
		input: [4, 256],
		axes: ['channels', 'samples'],
		dtype: 'float32',
		classes: 5,
		dataset: 'vibration',
		options: [],
		description: 'Three 1-D convolutions over windows of several sensors',
	},
	gru: {
		build: gru,
		input: [32, 32],
		axes: ['steps', 'features'],
		dtype: 'float32',
		classes: 5,
		dataset: 'vibration-frames',
		options: ['units'],
		description: 'One GRU of 64 units over a sequence, then a dense layer',
	},
	'tiny-transformer': {
		build: tinyTransformer,
		input: [32],
		axes: ['steps'],
		dtype: 'int64',
		classes: 5,
		dataset: 'tokens',
		options: ['vocabulary', 'dropout'],
		description: 'Two transformer encoder layers (64 wide, 4 heads) over token ids',
	},
} as const satisfies Record<string, ZooEntry>;

export type ZooName = keyof typeof zoo;
export const zooNames = Object.keys(zoo) as readonly ZooName[];
export const isZooName = (name: string): name is ZooName => Object.hasOwn(zoo, name);

const limits = {dimension: 65_536, rank: 4} as const;

function checkShape(name: string, input: Shape, axes: readonly string[] | 'any'): void {
	const rankFits = axes === 'any' ? input.length >= 1 && input.length <= limits.rank : input.length === axes.length;
	const dimensionsFit = input.every(dim => Number.isInteger(dim) && dim >= 1 && dim <= limits.dimension);
	if (!rankFits || !dimensionsFit) {
		throw new FplError('MODEL_SHAPE', {
			where: `input of «${name}»`,
			expected: axes === 'any' ? 'one to four dimensions ≥ 1' : `[${axes.join(', ')}], all ≥ 1`,
			got: `[${input.join(', ')}]`,
		});
	}
}

function checkNumber(where: string, value: number, ok: boolean, expected: string): void {
	if (!ok) {
		throw new FplError('CONFIG_VALUE', {where, expected, got: String(value)});
	}
}

function checkOptions(name: string, entry: ZooEntry, options: BuildOptions): void {
	checkShape(name, options.input, entry.axes);
	const counts: Readonly<Record<string, number | undefined>> = {
		classes: options.classes,
		vocabulary: options.vocabulary,
		units: options.units,
		...Object.fromEntries((options.hidden ?? []).map((units, index) => [`hidden[${index}]`, units])),
	};
	for (const [key, value] of Object.entries(counts)) {
		if (value !== undefined) {
			const ok = Number.isInteger(value) && value >= 1 && value <= 1e6;
			checkNumber(`${key} of «${name}»`, value, ok, 'a whole number from 1 to 1,000,000');
		}
	}
	checkNumber(`width of «${name}»`, options.width, options.width > 0 && options.width <= 8, 'a number in (0, 8]');
	const stem: string = options.stem ?? 'cifar';
	if (stem !== 'cifar' && stem !== 'imagenet') {
		throw new FplError('CONFIG_VALUE', {where: `stem of «${name}»`, expected: 'cifar or imagenet', got: stem});
	}
	const ratio = options.dropout ?? 0;
	checkNumber(`dropout of «${name}»`, ratio, ratio >= 0 && ratio < 1, 'a number in [0, 1)');
}

const commonKeys = ['input', 'classes', 'seed', 'width'] as const satisfies readonly (keyof CommonOptions)[];

/**
 * Builds a model of the zoo with freshly drawn parameters: same name, options and seed, same model.
 * @param options `input` is the shape of one item; `seed` is 0 and `width` 1 by default; the rest depends on the model.
 * @throws FplError `MODEL_UNKNOWN` for a name that is not in the table, `CONFIG_KEY` for an option the model does not take,
 * `CONFIG_VALUE` for an impossible one, `MODEL_SHAPE` when the input does not suit the model.
 */
export function buildModel(name: string, options: Partial<CommonOptions> & SpecialOptions = {}): Model {
	if (!isZooName(name)) {
		const guess = nearest(name, zooNames);
		throw new FplError('MODEL_UNKNOWN', {
			got: `«${name}»`,
			expected: `one of ${zooNames.join(', ')}`,
			fix: guess === undefined ? 'Give one of these names, or a path that ends in .onnx.' : `Did you mean «${guess}»?`,
		});
	}
	const entry: ZooEntry = zoo[name];
	const allowed: readonly string[] = [...commonKeys, ...entry.options];
	for (const [key, value] of Object.entries(options)) {
		if (value !== undefined && !allowed.includes(key)) {
			throw new FplError('CONFIG_KEY', {where: `options of «${name}»`, expected: allowed.join(', '), got: `«${key}»`});
		}
	}
	const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
	const full: BuildOptions = {input: entry.input, classes: entry.classes, seed: 0, width: 1, ...given};
	checkOptions(name, entry, full);
	return entry.build(full);
}
