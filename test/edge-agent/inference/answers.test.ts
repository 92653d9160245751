import test from 'ava';
import fc from 'fast-check';
import {float32, int64} from '../../../core/tensor/tensor.js';
import {hitsOf, likeliest, Tally} from '../../../edge-agent/inference/answers.js';

test('the likeliest class is the first of the largest values', t => {
	fc.assert(
		fc.property(
			fc.integer({min: 1, max: 6}),
			fc.array(fc.integer({min: -3, max: 3}), {maxLength: 40}),
			(classes, all) => {
				const items = Math.floor(all.length / classes);
				const values = all.slice(0, items * classes);
				const {data} = likeliest(float32([items, classes], values));
				const rows = Array.from({length: items}, (_, item) => values.slice(item * classes, (item + 1) * classes));
				return rows.every((row, item) => Number(data[item]) === row.indexOf(Math.max(...row)));
			},
		),
	);
	t.pass();
});

test('hits are counted by classes, by values, and by the sign of a single logit', t => {
	const loss = 'softmax-cross-entropy';
	t.is(hitsOf(int64([3], [1, 2, 0]), int64([3], [1, 1, 0]), loss), 2);
	t.is(hitsOf(float32([2, 2], [0.1, 0.9, 0.8, 0.2]), int64([2], [1, 1]), loss), 1);
	t.is(hitsOf(float32([3, 1], [2, -1, 0.5]), float32([3, 1], [1, 0, 0]), 'bce'), 2);
	t.is(hitsOf(float32([2, 1], [2, -1]), float32([2, 1], [1, 0]), 'mse'), undefined);
	t.is(hitsOf(float32([1, 2, 2], [1, 2, 3, 4]), int64([1], [1]), loss), undefined);
});

test('intervals are kept apart, and handed out once', t => {
	const tally = new Tally(2, true);
	tally.add(0, 4, int64([2], [7, 8]), 1);
	tally.add(1, 5, int64([1], [9]), 1);
	tally.skip(0);
	t.deepEqual(tally.read(0), {replica: 2, latencyMs: [4, -1], hits: 1, items: 2, predictions: [7, 8]});
	t.deepEqual(tally.read(1), {replica: 2, latencyMs: [5], hits: 1, items: 1, predictions: [9]});
	t.deepEqual(tally.read(0), {replica: 2, latencyMs: [], hits: 0, items: 0, predictions: []});
});

test('one batch without hits makes an interval without accuracy; what is no number is null', t => {
	const tally = new Tally(0, true);
	tally.add(0, 1, float32([1, 2], [1, Number.NaN]), undefined);
	tally.add(0, 1, float32([1, 2], [0.5, Number.POSITIVE_INFINITY]), 1);
	const {hits, predictions} = tally.read(0);
	t.is(hits, null);
	t.deepEqual(predictions, [1, null, 0.5, null]);
});
