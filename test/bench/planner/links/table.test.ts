/** The table of what runs learned of links, and what is said of it. */
import test from 'ava';
import {
	csvHead,
	csvLine,
	type LinkRate,
	type Row,
	readRows,
	summaries,
	verdictOf,
} from '../../../../bench/planner/links/table.js';
import {megabitsPerSecond} from '../../../../core/units.js';

const rate = (link: string, megabits: number): LinkRate => ({link, bytesPerSecond: megabitsPerSecond(megabits)});
const slow = [rate('cam-1/up', 8)];
const row = (plan: string, otherwise: readonly LinkRate[], found: readonly LinkRate[], concerned = true): Row => ({
	model: 'lenet5',
	plan,
	otherwise,
	found,
	concerned,
});

const rows = [
	row('d-sgd', [], []),
	row('fedavg', [], [rate('fog-1/down', 100)]),
	row('d-sgd', slow, [rate('cam-1/up', 9.8)]),
	row('split-fed', slow, [rate('cam-1/up', 13)]),
	row('fedavg', slow, [rate('cam-1/up', 8.1), rate('cam-2/up', 4)]),
	row('u-shaped', slow, [rate('fog-1/down', 4)]),
	row('pipeline-4', slow, []),
	row('centralised', slow, [], false),
];

test('what was found is held against how links are', t => {
	t.deepEqual(rows.map(verdictOf), [
		'nothing blamed',
		'others blamed',
		'found',
		'found at another rate',
		'found with others',
		'others blamed',
		'not found',
		'takes no part',
	]);
});

test('a table that was printed is read again, whatever else is printed with it', t => {
	const text = [csvHead, ...rows.map(csvLine), '', ...summaries(rows)].join('\n');
	t.deepEqual(readRows(text), rows);
});

test('the summary counts, and names what is not as it should be', t => {
	t.deepEqual(summaries(rows), [
		'as declared: 2 plans; nothing blamed: 1; others blamed: 1 (fedavg)',
		'cam-1/up 8 Mbit/s: 6 plans; found: 1; found at another rate: 1 (split-fed); found with others: 1 (fedavg); others blamed: 1 (u-shaped); not found: 1 (pipeline-4); takes no part: 1 (centralised)',
	]);
});
