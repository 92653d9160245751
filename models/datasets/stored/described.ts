/** A folder of CSV files with a description beside them, `dataset.yaml`. */
import {stat} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {readConfig} from '../../../core/config/config.js';
import {readConfigFile} from '../../../core/config/document.js';
import type {Split} from '../dataset.js';
import {type CsvSchema, columnKinds} from '../formats/table.js';
import type {Normalise} from '../normalise.js';
import {tableSplit} from './tables.js';

export const descriptionName = 'dataset.yaml';

const fileName = z.string().min(1);

const description = z.strictObject({
	version: z.literal(1),
	/** Files beside the description. */
	train: fileName,
	test: z.union([fileName, z.array(fileName).min(1)]),
	columns: z.record(z.string(), z.enum(columnKinds)),
	others: z.enum(['error', 'skip', 'numeric']).default('error'),
	delimiter: z.string().length(1).default(','),
	classes: z.array(z.string()).min(1).optional(),
	missing: z.array(z.string()).optional(),
});

/**
 * The split that a description tells of.
 * @param place the description, or the folder with a `dataset.yaml`.
 * @throws FplError `CONFIG_FILE`, `CONFIG_KEY`, `CONFIG_VALUE` for the description; `DATA_FILE`, `DATA_FORMAT` for the files.
 */
export async function describedSplit(place: string, normalise: Normalise = 'train'): Promise<Split> {
	const isFolder = await stat(place).then(
		info => info.isDirectory(),
		() => false,
	);
	const file = isFolder ? path.join(place, descriptionName) : place;
	const {train, test, classes, missing, ...rest} = readConfig(description, {document: await readConfigFile(file)});
	const folder = path.dirname(file);
	const schema: CsvSchema = {
		...rest,
		...(classes !== undefined && {classes}),
		...(missing !== undefined && {missing}),
	};
	const tests = typeof test === 'string' ? [test] : test;
	const files = {train: path.join(folder, train), test: tests.map(name => path.join(folder, name))};
	return tableSplit(path.basename(path.resolve(folder)), files, schema, normalise);
}
