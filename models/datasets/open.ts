/** Datasets by name: one closed table of what can be opened. */
import {FplError} from '../../core/errors.js';
import {nearest} from '../../core/nearest.js';
import type {Split} from './dataset.js';
import type {CsvSchema} from './formats/table.js';
import {drawnSplit} from './generate/drawing.js';
import {type Appearance, dataFolders, findFiles, type Places} from './locate.js';
import type {Normalise} from './normalise.js';
import {npyFiles, npySplit} from './stored/arrays.js';
import {describedSplit} from './stored/described.js';
import {cifarFiles, cifarSplit, idxFiles, idxSplit} from './stored/pictures.js';
import {tableSplit} from './stored/tables.js';

interface Stored {
	/** The folder with the files; looked for where data usually lie when undefined. */
	readonly path?: string;
	readonly normalise?: Normalise;
}

interface Given extends Stored {
	readonly path: string;
}

interface Drawn {
	/** Default 1. */
	readonly seed?: number;
	/** Items to draw; defaults in the table below. */
	readonly train?: number;
	readonly test?: number;
	readonly normalise?: Normalise;
}

export type DatasetSpec =
	| ({readonly kind: 'mnist' | 'fashion-mnist' | 'cifar10' | 'occupancy'} & Stored)
	| ({readonly kind: 'digits' | 'vibration' | 'tokens'} & Drawn)
	/** `vibration` as sequences [32, 32] for recurrent nets. */
	| ({readonly kind: 'vibration-frames'} & Drawn)
	/** `path`: a folder with four IDX files, four `.npy` files, or a `dataset.yaml` beside its CSV files. */
	| ({readonly kind: 'idx' | 'npy' | 'csv'} & Given);

export type DatasetName = DatasetSpec['kind'];

/** The UCI Occupancy Detection data (Candanedo, Feldheim 2016): five sensors of an office, and whether people are in it. */
export const occupancySchema: CsvSchema = {
	columns: {
		date: 'skip',
		Temperature: 'numeric',
		Humidity: 'numeric',
		Light: 'numeric',
		CO2: 'numeric',
		HumidityRatio: 'numeric',
		Occupancy: 'class',
	},
	classes: ['0', '1'],
};

const appearances = {
	mnist: {folders: ['mnist', 'mnist10k', 'MNIST/raw'], files: idxFiles},
	'fashion-mnist': {folders: ['fashion-mnist', 'FashionMNIST/raw'], files: idxFiles},
	cifar10: {folders: ['cifar10', 'cifar10/cifar-10-batches-bin', 'cifar-10-batches-bin'], files: cifarFiles},
	occupancy: {
		folders: ['occupancy'],
		files: {
			train: ['datatraining.csv', 'datatraining.txt'],
			test: ['datatest.csv', 'datatest.txt'],
			test2: ['datatest2.csv', 'datatest2.txt'],
		},
	},
} as const satisfies Record<string, Appearance>;

export type StoredName = keyof typeof appearances;

interface Entry {
	readonly description: string;
	/** Shape of one item and number of classes, where the name settles them. */
	readonly input?: readonly number[];
	readonly classes?: number;
	/** `stored`: looked for on disk; `drawn`: made from a seed; `given`: needs a path. */
	readonly source: 'stored' | 'drawn' | 'given';
}

/** What `fpl data list` tells. */
export const datasets = {
	mnist: {description: 'Handwritten digits (LeCun, Cortes, Burges)', input: [1, 28, 28], classes: 10, source: 'stored'},
	'fashion-mnist': {description: 'Pictures of clothes (Zalando)', input: [1, 28, 28], classes: 10, source: 'stored'},
	cifar10: {description: 'Small colour pictures (Krizhevsky)', input: [3, 32, 32], classes: 10, source: 'stored'},
	occupancy: {description: 'Is the office occupied? Five sensors (UCI)', input: [5], classes: 2, source: 'stored'},
	digits: {description: 'Digits drawn from a seed', input: [1, 28, 28], classes: 10, source: 'drawn'},
	vibration: {
		description: 'Vibration of a rotating machine, four sensors, drawn from a seed',
		input: [4, 256],
		classes: 5,
		source: 'drawn',
	},
	'vibration-frames': {
		description: 'The same as sequences of 32 steps, for recurrent nets',
		input: [32, 32],
		classes: 5,
		source: 'drawn',
	},
	tokens: {description: 'Event logs as token ids, drawn from a seed', input: [32], classes: 5, source: 'drawn'},
	idx: {description: 'A folder with four IDX files', source: 'given'},
	npy: {description: 'A folder with x_train.npy, y_train.npy, x_test.npy, y_test.npy', source: 'given'},
	csv: {description: 'A folder with CSV files and their dataset.yaml', source: 'given'},
} as const satisfies Record<DatasetName, Entry>;

export const datasetNames = Object.keys(datasets) as readonly DatasetName[];

/**
 * The spec of a dataset that a job names.
 * @throws FplError `DATA_UNKNOWN` for a name that is not in the table; `CONFIG_VALUE` where a path is needed and missing.
 */
export function datasetSpec(name: string, path?: string): DatasetSpec {
	const kind = datasetNames.find(known => known === name);
	if (kind === undefined) {
		const guess = nearest(name, datasetNames);
		throw new FplError('DATA_UNKNOWN', {
			got: `«${name}»`,
			expected: `one of ${datasetNames.join(', ')}`,
			...(guess !== undefined && {fix: `Did you mean «${guess}»?`}),
		});
	}
	if (kind === 'idx' || kind === 'npy' || kind === 'csv') {
		if (path === undefined) {
			throw new FplError('CONFIG_VALUE', {where: `dataset «${kind}»`, expected: 'a path', got: 'none'});
		}
		return {kind, path};
	}
	return path === undefined || datasets[kind].source === 'drawn' ? {kind} : {kind, path};
}

const isStored = (name: string): name is StoredName => Object.hasOwn(appearances, name);

/** Whether the files of a stored dataset are on this machine; always true for drawn ones. */
export async function isAvailable(name: DatasetName, places: Places): Promise<boolean> {
	return isStored(name)
		? (await findFiles(appearances[name], places)) !== undefined
		: datasets[name].source === 'drawn';
}

async function storedFiles(name: StoredName, places: Places, path: string | undefined) {
	const files = await findFiles(appearances[name], places, path);
	if (files === undefined) {
		throw new FplError('DATA_FILE', {
			where: `dataset «${name}»`,
			problem: `its files are in none of ${dataFolders(places).join(', ')}`,
			fix:
				name === 'occupancy'
					? 'Get it from archive.ics.uci.edu, dataset 357, and set FPL_DATA_DIR to the folder that holds «occupancy».'
					: `Run «fpl data get ${name}», or set FPL_DATA_DIR to the folder that holds «${name}».`,
		});
	}
	return files;
}

/** At least one item, few enough to hold. */
function drawnCounts({kind, seed = 1, train, test}: {readonly kind: string} & Drawn, most: number) {
	const counts = {seed, train: train ?? 6000, test: test ?? 1000};
	for (const key of ['train', 'test'] as const) {
		if (!Number.isInteger(counts[key]) || counts[key] < 1 || counts[key] > most) {
			throw new FplError('CONFIG_VALUE', {
				where: `dataset «${kind}», ${key}`,
				expected: `a number of items from 1 to ${most}`,
				got: `${counts[key]}`,
			});
		}
	}
	return counts;
}

/**
 * Opens a dataset: its training and test part.
 * @throws FplError `DATA_FILE` when its files are missing or unreadable, `DATA_FORMAT` when they are not what they should
 * be, `DATA_SHAPE` when their parts do not fit together, `CONFIG_*` for an impossible spec.
 */
export async function openDataset(spec: DatasetSpec, places: Places): Promise<Split> {
	const {kind, normalise = 'train'} = spec;
	switch (kind) {
		case 'mnist':
		case 'fashion-mnist':
			return idxSplit(kind, await storedFiles(kind, places, spec.path), {classes: 10, normalise});
		case 'cifar10':
			return cifarSplit(kind, await storedFiles(kind, places, spec.path), normalise);
		case 'occupancy': {
			const {train, test, test2} = await storedFiles(kind, places, spec.path);
			return tableSplit(kind, {train: train!, test: [test!, test2!]}, occupancySchema, normalise);
		}
		case 'digits':
			return drawnSplit({kind, ...drawnCounts(spec, 1_000_000), normalise});
		case 'vibration':
			return drawnSplit({kind, ...drawnCounts(spec, 200_000), normalise});
		case 'vibration-frames':
			return drawnSplit({kind: 'vibration', ...drawnCounts(spec, 200_000), normalise, form: 'frames'});
		case 'tokens':
			return drawnSplit({kind, ...drawnCounts(spec, 1_000_000)});
		case 'idx':
			return idxSplit(kind, (await findFiles({folders: [], files: idxFiles}, places, spec.path))!, {normalise});
		case 'npy':
			return npySplit(kind, (await findFiles({folders: [], files: npyFiles}, places, spec.path))!, normalise);
		case 'csv':
			return describedSplit(spec.path, normalise);
		default:
			return spec satisfies never;
	}
}
