/** CSV files under a schema: which columns are features, which one is the target, and how their texts become numbers. */
import {FplError} from '../../../core/errors.js';
import {nearest} from '../../../core/nearest.js';
import {formatError, readDataFile} from './bytes.js';
import {parseCsv, type Row} from './csv.js';

/**
 * numeric: a feature; categorical: one feature per category, 0 or 1; class: the target of a classification; value: a
 * target of a regression (there may be several); skip: not looked at.
 */
export const columnKinds = ['numeric', 'categorical', 'class', 'value', 'skip'] as const;
export type ColumnKind = (typeof columnKinds)[number];

export interface CsvSchema {
	/** Column name → kind. All of them must be in the header. */
	readonly columns: Readonly<Record<string, ColumnKind>>;
	/** What to do with columns that are not named above. Default `error`. */
	readonly others?: 'error' | 'skip' | 'numeric';
	/** One character, `,` by default. */
	readonly delimiter?: string;
	/** Categories of the class column, in the order of their numbers. Default: those of the training file, sorted. */
	readonly classes?: readonly string[];
	/** Texts that stand for a missing value, which is an error. Default: empty, NA, NaN, null, ?. */
	readonly missing?: readonly string[];
}

/** A file's columns as numbers; categories are numbered in the order of `categories`. */
export interface Table {
	readonly rows: number;
	readonly columns: readonly TableColumn[];
}

export interface TableColumn {
	readonly name: string;
	readonly kind: Exclude<ColumnKind, 'skip'>;
	/** One number per row: the value, or the number of the category. */
	readonly values: Float64Array;
	/** For `categorical` and `class`. */
	readonly categories: readonly string[];
}

const maxBytes = 2 ** 28;
const maxCategories = 10_000;
const missingTexts = ['', 'NA', 'NaN', 'null', '?'] as const;

interface Reader {
	readonly name: string;
	readonly kind: Exclude<ColumnKind, 'skip'>;
	readonly field: number;
	readonly values: number[];
	readonly categories: Map<string, number>;
	/** Whether the categories are settled, so that a new one is an error. */
	readonly settled: boolean;
}

function readersOf(file: string, header: readonly string[], schema: CsvSchema, train: Table | undefined): Reader[] {
	for (const name of Object.keys(schema.columns)) {
		if (!header.includes(name)) {
			const guess = nearest(name, header);
			throw formatError(`${file}, line 1`, {
				problem: `there is no column «${name}»`,
				got: `the columns ${header.join(', ')}`,
				...(guess !== undefined && {fix: `Did you mean «${guess}»?`}),
			});
		}
	}
	return header.flatMap((name, field) => {
		const kind = Object.hasOwn(schema.columns, name) ? schema.columns[name]! : (schema.others ?? 'error');
		if (kind === 'error') {
			throw formatError(`${file}, line 1, column «${name}»`, {
				problem: 'the schema does not say what this column is',
				fix: `Name it with one of ${columnKinds.join(', ')}, or set «others».`,
			});
		}
		if (kind === 'skip') {
			return [];
		}
		const given = kind === 'class' ? schema.classes : undefined;
		const known = train?.columns.find(column => column.name === name)?.categories ?? given;
		const categories = new Map((known ?? []).map((category, number) => [category, number]));
		return [{name, kind, field, values: [], categories, settled: known !== undefined}];
	});
}

function readCell(where: string, text: string, reader: Reader, missing: ReadonlySet<string>): number {
	if (missing.has(text)) {
		throw formatError(where, {
			problem: 'a value is missing',
			got: `«${text}»`,
			fix: 'Fill it in, remove the row, or mark the column as skip.',
		});
	}
	if (reader.kind === 'numeric' || reader.kind === 'value') {
		const value = Number(text);
		if (!Number.isFinite(value)) {
			throw formatError(where, {expected: 'a finite number', got: `«${text.slice(0, 60)}»`});
		}
		return value;
	}
	const number = reader.categories.get(text);
	if (number !== undefined) {
		return number;
	}
	if (reader.settled) {
		const some = [...reader.categories.keys()].slice(0, 20).join(', ');
		throw formatError(where, {expected: `one of the known categories ${some}`, got: `«${text.slice(0, 60)}»`});
	}
	if (reader.categories.size >= maxCategories) {
		throw formatError(where, {problem: `there are more than ${maxCategories} categories`});
	}
	reader.categories.set(text, reader.categories.size);
	return reader.categories.size - 1;
}

/** Sorts categories that were met in file order, numbers as numbers, and renumbers the values. */
function settle({name, kind, values, categories, settled}: Reader): TableColumn {
	const met = [...categories.keys()];
	const numbers = met.every(text => Number.isFinite(Number(text)));
	const sorted = settled ? met : [...met].sort((a, b) => (numbers ? Number(a) - Number(b) : a < b ? -1 : 1));
	const renumber = met.map(text => sorted.indexOf(text));
	const isCode = kind === 'categorical' || kind === 'class';
	return {
		name,
		kind,
		values: Float64Array.from(values, value => (isCode ? renumber[value]! : value)),
		categories: sorted,
	};
}

function checkSchema(schema: CsvSchema): void {
	const kinds = Object.values(schema.columns);
	const targets = kinds.filter(kind => kind === 'class' || kind === 'value');
	if (targets.length === 0 || (kinds.includes('class') && targets.length > 1)) {
		throw new FplError('CONFIG_VALUE', {
			where: 'columns of a CSV schema',
			expected: 'one column of kind class, or one or more of kind value',
			got: targets.length === 0 ? 'none' : targets.join(', '),
		});
	}
	const {delimiter = ','} = schema;
	if (delimiter.length !== 1 || '"\r\n'.includes(delimiter)) {
		throw new FplError('CONFIG_VALUE', {
			where: 'delimiter of a CSV schema',
			expected: 'one character',
			got: `«${delimiter}»`,
		});
	}
}

/**
 * Reads a CSV file with a header line. Where all rows have one field more than the header, the first is a row name, as R
 * writes them, and passed over.
 * @param train the training table, whose categories count for this file too; undefined for the training file itself.
 * @throws FplError `DATA_FORMAT` with file, line and column; `DATA_FILE`; `CONFIG_VALUE` for an impossible schema.
 */
export async function readTable(file: string, schema: CsvSchema, train?: Table): Promise<Table> {
	checkSchema(schema);
	const bytes = await readDataFile(file, {maximum: maxBytes});
	const rows = parseCsv(new TextDecoder().decode(bytes), file, {delimiter: schema.delimiter ?? ','});
	const first = rows.next();
	if (first.done) {
		throw formatError(file, {problem: 'it is empty', expected: 'a header line'});
	}
	const header = (first.value as Row).fields.map(name => name.trim());
	const repeated = header.find((name, index) => header.indexOf(name) !== index);
	if (repeated !== undefined) {
		throw formatError(`${file}, line 1`, {problem: `the column «${repeated}» occurs twice`});
	}
	const readers = readersOf(file, header, schema, train);
	const missing: ReadonlySet<string> = new Set(schema.missing ?? missingTexts);
	let named: 0 | 1 | undefined;
	let count = 0;
	for (const {line, fields} of rows) {
		named ??= fields.length === header.length + 1 ? 1 : 0;
		if (fields.length !== header.length + named) {
			throw formatError(`${file}, line ${line}`, {
				expected: `${header.length + named} fields`,
				got: `${fields.length}`,
			});
		}
		for (const reader of readers) {
			const where = `${file}, line ${line}, column «${reader.name}»`;
			reader.values.push(readCell(where, fields[reader.field + named]!.trim(), reader, missing));
		}
		count += 1;
	}
	if (count === 0) {
		throw formatError(file, {problem: 'there are no rows after the header'});
	}
	return {rows: count, columns: readers.map(settle)};
}
