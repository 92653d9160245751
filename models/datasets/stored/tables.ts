/** Datasets from CSV tables: numeric columns normalised, categories spread over one column each. */
import {FplError} from '../../../core/errors.js';
import type {Dataset, Split} from '../dataset.js';
import {type CsvSchema, readTable, type Table, type TableColumn} from '../formats/table.js';
import {memoryDataset, type Truth} from '../memory.js';
import {type Normalisation, type Normalise, normalisation} from '../normalise.js';

const maxFeatures = 65_536;

const isFeature = ({kind}: TableColumn) => kind === 'numeric' || kind === 'categorical';
const widthOf = (column: TableColumn) => (column.kind === 'categorical' ? column.categories.length : 1);

/** One row per item; categories become 0 and 1. */
function featureMatrix(table: Table): {readonly data: Float32Array; readonly numeric: readonly boolean[]} {
	const columns = table.columns.filter(isFeature);
	const width = columns.reduce((sum, column) => sum + widthOf(column), 0);
	if (width === 0 || width > maxFeatures) {
		throw new FplError('DATA_SHAPE', {where: 'table', expected: `1 to ${maxFeatures} features`, got: `${width}`});
	}
	const data = new Float32Array(table.rows * width);
	const numeric: boolean[] = [];
	let offset = 0;
	for (const column of columns) {
		for (let row = 0; row < table.rows; row++) {
			const value = column.values[row]!;
			const position = row * width + offset;
			if (column.kind === 'categorical') {
				data[position + value] = 1;
			} else {
				data[position] = value;
			}
		}
		offset += widthOf(column);
		numeric.push(...new Array<boolean>(widthOf(column)).fill(column.kind === 'numeric'));
	}
	return {data, numeric};
}

function truthOf(table: Table): Truth {
	const target = table.columns.find(({kind}) => kind === 'class');
	if (target !== undefined) {
		return {kind: 'classes', classes: target.categories.length, labels: Int32Array.from(target.values)};
	}
	const columns = table.columns.filter(({kind}) => kind === 'value');
	const data = new Float32Array(table.rows * columns.length);
	for (const [index, column] of columns.entries()) {
		for (let row = 0; row < table.rows; row++) {
			data[row * columns.length + index] = column.values[row]!;
		}
	}
	return {kind: 'values', shape: [columns.length], data};
}

/** Constants for the numeric columns; 0 and 1 stay as they are in the others. */
function constantsOf(choice: Normalise, data: Float32Array, numeric: readonly boolean[]): Normalisation {
	const {mean, deviation} = normalisation(choice, data, numeric.length, 1);
	return {
		mean: mean.map((value, index) => (numeric[index] ? value : 0)),
		deviation: deviation.map((value, index) => (numeric[index] ? value : 1)),
	};
}

function joined(tables: readonly Table[]): Table {
	const [first] = tables as [Table, ...Table[]];
	const rows = tables.reduce((sum, table) => sum + table.rows, 0);
	const columns = first.columns.map((column, index) => {
		const values = new Float64Array(rows);
		let offset = 0;
		for (const table of tables) {
			values.set(table.columns[index]!.values, offset);
			offset += table.rows;
		}
		return {...column, values};
	});
	return {rows, columns};
}

/**
 * A split of CSV files with one feature vector «input» per row.
 * @param files the training file and one or more test files, whose rows follow each other.
 * @throws FplError as `readTable`; `DATA_SHAPE` when training and test files have different columns.
 */
export async function tableSplit(
	name: string,
	files: {readonly train: string; readonly test: readonly string[]},
	schema: CsvSchema,
	normalise: Normalise = 'train',
): Promise<Split> {
	const train = await readTable(files.train, schema);
	const tests: Table[] = [];
	for (const file of files.test) {
		const table = await readTable(file, schema, train);
		const names = ({columns}: Table) => columns.map(column => column.name).join(', ');
		if (names(table) !== names(train)) {
			throw new FplError('DATA_SHAPE', {where: file, expected: `the columns ${names(train)}`, got: names(table)});
		}
		tests.push(table);
	}
	const {data, numeric} = featureMatrix(train);
	const constants = constantsOf(normalise, data, numeric);
	const dataset = (part: string, matrix: Float32Array, table: Table): Dataset =>
		memoryDataset(
			`${name} (${part})`,
			[{name: 'input', shape: [numeric.length], data: matrix, normalisation: constants}],
			truthOf(table),
		);
	const test = joined(tests);
	return {train: dataset('train', data, train), test: dataset('test', featureMatrix(test).data, test)};
}
