import test from 'ava';
import fc from 'fast-check';
import {textWidth} from '../../reports/format.js';
import {type Column, textTable, wrap} from '../../reports/table.js';

const columns: readonly Column[] = [
	{title: 'Device'},
	{title: 'role', expendable: 2},
	{title: 'time', align: 'right'},
	{title: 'items', align: 'right', expendable: 1},
];
const rows = [
	['cam-1', 'replica of stage 0', '1.5 s', '15'],
	['a-very-long-device-name', 'x', '12 s', '1 500'],
];

test('numbers stand right, texts left, below their titles', t => {
	t.deepEqual(textTable(columns, rows, {width: 80}), [
		'Device                   role                 time  items',
		'─────────────────────────────────────────────────────────',
		'cam-1                    replica of stage 0  1.5 s     15',
		'a-very-long-device-name  x                    12 s  1 500',
	]);
});

test('a narrow table leaves out what matters least, and says so', t => {
	t.deepEqual(textTable(columns, rows, {width: 40, ascii: true}), [
		'Device                    time  items',
		'-------------------------------------',
		'cam-1                    1.5 s     15',
		'a-very-long-device-name   12 s  1 500',
		'(too narrow for: role)',
	]);
});

test('when nothing can be left out, texts are cut but numbers never', t => {
	t.deepEqual(textTable(columns, rows, {width: 20}), [
		'Device          time',
		'────────────────────',
		'cam-1          1.5 s',
		'a-very-long-…   12 s',
		'(too narrow for: it…',
	]);
});

test('texts that may be broken go on in further lines before anything is left out or cut', t => {
	const wrapping: readonly Column[] = [
		{title: 'plan of the fleet', wraps: 8},
		{title: 'time', align: 'right'},
		{title: 'items', align: 'right', expendable: 1},
	];
	const cells = [
		['stages of 3 devices', '1.5 s', '15'],
		['alone', '12 s', '1 500'],
	];
	t.deepEqual(textTable(wrapping, cells, {width: 26}), [
		'plan of the    time  items',
		'fleet',
		'──────────────────────────',
		'stages of 3   1.5 s     15',
		'devices',
		'alone          12 s  1 500',
	]);
	t.deepEqual(textTable(wrapping, cells, {width: 20}, {total: true}), [
		'plan of the     time',
		'fleet',
		'────────────────────',
		'stages of 3    1.5 s',
		'devices',
		'────────────────────',
		'alone           12 s',
		'(too narrow for: it…',
	]);
	t.is(textTable(wrapping, cells, {width: Number.POSITIVE_INFINITY}).length, 4);
});

test('a total stands below a rule', t => {
	t.deepEqual(textTable([{title: 'a'}], [['1'], ['2']], {width: 9, ascii: true}, {total: true}), [
		'a',
		'-',
		'1',
		'-',
		'2',
	]);
});

test('no rows give titles only', t => {
	t.deepEqual(textTable([{title: 'a'}], [], {width: 9, ascii: true}, {total: true}), ['a', '-']);
});

test('text is broken at spaces, not between a number and its unit', t => {
	t.deepEqual(wrap('it took 2.8 s and 31 MB of data', 12, '  '), ['it took', '  2.8 s and', '  31 MB of', '  data']);
	t.deepEqual(wrap('12 senators', 5), ['12', 'senat', 'ors']);
	t.deepEqual(wrap('', 10), ['']);
});

test('wrapped lines never exceed the width and lose no word', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(fc.array(fc.string({minLength: 1})), fc.integer({min: 12, max: 80}), (words, width) => {
				const text = words.join(' ');
				const lines = wrap(text, width);
				const letters = (some: string) => some.replaceAll(/\s|\p{C}|�/gu, '');
				return lines.every(line => textWidth(line) <= width) && letters(lines.join('')) === letters(text);
			}),
		),
	);
});
