/** The table of predicted and measured figures, and what is said of it. */
import test from 'ava';
import {csvHead, csvLine, kendallTau, type Row, readRows, summaries} from '../../../../bench/planner/truth/table.js';

const row = (plan: string, predictedMs: number, measuredMs: number, late = 0): Row => ({
	model: 'lenet5',
	plan,
	predictedMs,
	measuredMs,
	predictedBytes: 1010,
	measuredBytes: 1000,
	late,
});

test('τ is 1 for the same order, −1 for the reversed one, and falls with each pair that changes places', t => {
	t.is(kendallTau([1, 2, 3, 4], [10, 20, 30, 40]), 1);
	t.is(kendallTau([1, 2, 3, 4], [4, 3, 2, 1]), -1);
	// One of six pairs is the other way round: (5 − 1) / 6.
	t.is(kendallTau([1, 2, 3, 4], [1, 3, 2, 4]), 4 / 6);
	// A tie counts for neither: of three pairs the first ranking leaves two.
	t.is(kendallTau([1, 1, 2], [1, 2, 3]), 2 / Math.sqrt(2 * 3));
});

test('a table that was printed is read again, whatever else is printed with it', t => {
	const rows = [row('d-sgd', 110, 100), row('pipeline-4', 190, 200, 0.25)];
	const text = [csvHead, ...rows.map(csvLine), '', ...summaries(rows)].join('\n');
	t.deepEqual(readRows(text), rows);
});

test('errors are told in percent of what was measured, with the plans for which the machine was too slow', t => {
	const [text, ...others] = summaries([row('d-sgd', 110, 100), row('pipeline-4', 190, 200, 0.25)]);
	t.deepEqual(others, []);
	t.regex(text!, /lenet5: 2 plans; step time off by 7\.5 % \(median\), 10\.0 % \(worst\)/u);
	t.regex(text!, /bytes off by 1\.00 % \(median\), 1\.00 % \(worst\)/u);
	t.regex(text!, /τ 1\.000; this machine was too slow in pipeline-4$/u);
});

test('who sends nothing but a checkpoint in the end is not off in bytes, unless more was predicted', t => {
	const bytesError = (predictedBytes: number) =>
		csvLine({...row('centralised', 100, 100), predictedBytes, measuredBytes: 0}).split(',')[7];
	t.is(bytesError(6), '0.000');
	t.is(bytesError(1e6), 'Infinity');
});
