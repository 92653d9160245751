import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {isFplError} from '../../../core/errors.js';
import {toNumbers} from '../../../core/tensor/tensor.js';
import {parseCsv} from '../../../models/datasets/formats/csv.js';
import {type CsvSchema, readTable} from '../../../models/datasets/formats/table.js';
import {openDataset} from '../../../models/datasets/open.js';
import {temporaryFolder} from '../../support/temporary.js';
import {file, rejects} from './files.js';

const rowsOf = (text: string, delimiter = ',') => [...parseCsv(text, 'x.csv', {delimiter})];
const fieldsOf = (text: string, delimiter = ',') => rowsOf(text, delimiter).map(({fields}) => fields);

test('quotes, doubled quotes, breaks within quotes and both line ends are understood', t => {
	t.deepEqual(fieldsOf('a,"b,c"\r\n"say ""hi""",\n'), [
		['a', 'b,c'],
		['say "hi"', ''],
	]);
	t.deepEqual(fieldsOf('"two\nlines",x\ny,z'), [
		['two\nlines', 'x'],
		['y', 'z'],
	]);
	t.deepEqual(fieldsOf('\uFEFFa;b;', ';'), [['a', 'b', '']]);
	t.deepEqual(fieldsOf('a\n\n\nb\n'), [['a'], ['b']]);
	t.deepEqual(fieldsOf('a\n""\n'), [['a']]);
	t.deepEqual(fieldsOf(''), []);
	t.deepEqual(
		rowsOf('a\n"1\n2\n3"\n\nb').map(({line}) => line),
		[1, 2, 6],
	);
});

test('stray quotes are told with line and field', t => {
	for (const [text, message] of [
		['a,b\nc,d"e', /line 2, field 2: a quote stands within/u],
		['a\n"b"c\n', /line 2, field 1: there is text after/u],
		['a\n"b\nc\n', /line 2, field 1: a quoted field is never closed/u],
	] as const) {
		t.throws(() => rowsOf(text), {message});
	}
});

test('what is written by the rules is read back', t => {
	const field = fc.string({unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'ü', '1'), maxLength: 6});
	const rows = fc.array(fc.array(field, {minLength: 2, maxLength: 4}), {maxLength: 5});
	const quote = (text: string) => (/["\r\n,]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
	fc.assert(
		fc.property(rows, fc.constantFrom('\n', '\r\n'), (table, end) => {
			const text = table.map(fields => fields.map(quote).join(',') + end).join('');
			t.deepEqual(fieldsOf(text), table);
		}),
	);
});

test('any text gives rows or a format error', t => {
	fc.assert(
		fc.property(fc.string({unit: fc.constantFrom('a', '"', ',', '\n', '\r'), maxLength: 30}), text => {
			try {
				rowsOf(text);
			} catch (error) {
				t.true(isFplError(error, 'DATA_FORMAT'));
			}
		}),
		{numRuns: 500},
	);
});

const schema: CsvSchema = {columns: {size: 'numeric', colour: 'categorical', note: 'skip', kind: 'class'}};
const good = 'size,colour,note,kind\n1,red,x,cat\n2,blue,,dog\n4,red,y,cat\n';

test('a table becomes numbers, categories in sorted order', async t => {
	const folder = await temporaryFolder(t);
	const {rows, columns} = await readTable(await file(folder, 'a.csv', good), schema);
	t.is(rows, 3);
	t.deepEqual(
		columns.map(({name, categories, values}) => [name, categories, [...values]]),
		[
			['size', [], [1, 2, 4]],
			['colour', ['blue', 'red'], [1, 0, 1]],
			['kind', ['cat', 'dog'], [0, 1, 0]],
		],
	);
	const numbered = await readTable(await file(folder, 'n.csv', 'k,v\n10,1\n9,2\n'), {
		columns: {k: 'class', v: 'numeric'},
	});
	t.deepEqual(numbered.columns[0]?.categories, ['9', '10']);
});

test('faults are told with file, line and column', async t => {
	const folder = await temporaryFolder(t);
	const read = async (text: string, over: Partial<CsvSchema> = {}) =>
		readTable(await file(folder, 'a.csv', text), {...schema, ...over});
	const one = (cell: string) => `size,colour,note,kind\n1,red,x,cat\n${cell}\n`;
	await rejects(t, read(one(',red,x,cat')), 'DATA_FORMAT', /a\.csv, line 3, column «size»: a value is missing/u);
	await rejects(t, read(one('NA,red,x,cat')), 'DATA_FORMAT', /line 3, column «size».*«NA»/u);
	await rejects(t, read(one('1,red,x,')), 'DATA_FORMAT', /column «kind»: a value is missing/u);
	await rejects(t, read(one('large,red,x,cat')), 'DATA_FORMAT', /line 3, column «size».*finite number.*«large»/u);
	await rejects(t, read(one('1e999,red,x,cat')), 'DATA_FORMAT', /finite number/u);
	await rejects(t, read(one('1,red,x')), 'DATA_FORMAT', /line 3.*expected 4 fields, got 3/u);
	await rejects(
		t,
		read(one('1,red,x,bird'), {classes: ['cat', 'dog']}),
		'DATA_FORMAT',
		/column «kind».*cat, dog.*«bird»/u,
	);
	await rejects(t, read('size,color,note,kind\n'), 'DATA_FORMAT', /no column «colour».*Did you mean «color»/u);
	await rejects(
		t,
		read('size,colour,note,kind,extra\n1,red,x,cat,5\n'),
		'DATA_FORMAT',
		/column «extra».*schema does not say/u,
	);
	await rejects(t, read('size,size,colour,note,kind\n'), 'DATA_FORMAT', /«size» occurs twice/u);
	await rejects(t, read('size,colour,note,kind\n'), 'DATA_FORMAT', /no rows/u);
	await rejects(t, read(''), 'DATA_FORMAT', /empty/u);
	await rejects(t, read(good, {columns: {size: 'numeric'}}), 'CONFIG_VALUE', /one column of kind class/u);
	await rejects(t, read(good, {delimiter: '::'}), 'CONFIG_VALUE', /one character/u);
	await t.notThrowsAsync(read('size,colour,note,kind,extra\n1,red,x,cat,5\n', {others: 'skip'}));
});

test('row names as R writes them are passed over', async t => {
	const folder = await temporaryFolder(t);
	const text = '"v","k"\n"1",5,"a"\n"2",6,"b"\n';
	const table = await readTable(await file(folder, 'r.csv', text), {columns: {v: 'numeric', k: 'class'}});
	t.deepEqual([...table.columns[0]!.values], [5, 6]);
	const mixed = await file(folder, 'm.csv', '"v","k"\n"1",5,"a"\n6,"b"\n');
	await rejects(t, readTable(mixed, {columns: {v: 'numeric', k: 'class'}}), 'DATA_FORMAT', /line 3.*3 fields, got 2/u);
});

const description = `version: 1
train: train.csv
test: [test.csv]
columns: {size: numeric, colour: categorical, kind: class}
`;

test('a described folder opens as a split, normalised by its training part', async t => {
	const folder = await temporaryFolder(t);
	await file(folder, 'dataset.yaml', description);
	await file(folder, 'train.csv', 'size,colour,kind\n1,red,cat\n3,blue,dog\n');
	await file(folder, 'test.csv', 'size,colour,kind\n4,blue,dog\n');
	const {train, test: held} = await openDataset({kind: 'csv', path: folder}, {environment: {}});
	t.deepEqual(train.features, [{name: 'input', dtype: 'float32', shape: [3]}]);
	t.deepEqual(train.target, {kind: 'classes', classes: 2});
	const batch = train.batch([0, 1]);
	t.deepEqual(toNumbers(batch.inputs['input']!), [-1, 0, 1, 1, 1, 0]);
	t.deepEqual(toNumbers(batch.targets), [0, 1]);
	t.deepEqual(toNumbers(held.batch([0]).inputs['input']!), [2, 1, 0]);
	await file(folder, 'test.csv', 'size,colour,kind\n4,green,dog\n');
	const again = openDataset({kind: 'csv', path: path.join(folder, 'dataset.yaml')}, {environment: {}});
	await rejects(t, again, 'DATA_FORMAT', /test\.csv, line 2, column «colour».*blue, red.*«green»/u);
});

test('value columns make a regression', async t => {
	const folder = await temporaryFolder(t);
	await file(
		folder,
		'dataset.yaml',
		'version: 1\ntrain: a.csv\ntest: a.csv\ncolumns: {x: numeric, y: value, z: value}\n',
	);
	await file(folder, 'a.csv', 'y,x,z\n0.5,1,7\n1.5,2,8\n');
	const {train} = await openDataset({kind: 'csv', path: folder}, {environment: {}});
	t.deepEqual(train.target, {kind: 'values', shape: [2]});
	t.is(train.labels, undefined);
	t.deepEqual(toNumbers(train.batch([1]).targets), [1.5, 8]);
});

test('a description with an unknown key or without its files is refused', async t => {
	const folder = await temporaryFolder(t);
	const open = () => openDataset({kind: 'csv', path: folder}, {environment: {}});
	await rejects(t, open(), 'CONFIG_FILE', /dataset\.yaml/u);
	await file(folder, 'dataset.yaml', description);
	await rejects(t, open(), 'DATA_FILE', /train\.csv/u);
	await file(folder, 'dataset.yaml', `${description}colums: {}\n`);
	await rejects(t, open(), 'CONFIG_KEY', /colums.*columns/u);
});
