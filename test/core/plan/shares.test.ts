import test from 'ava';
import fc from 'fast-check';
import {alike, apportion, dealt} from '../../../core/plan/shares.js';

test('parts are whole, sum to the total, and miss their exact share by less than one', t => {
	fc.assert(
		fc.property(
			fc.integer({min: 0, max: 1000}),
			fc.array(fc.double({min: 0.01, max: 100, noNaN: true}), {minLength: 1, maxLength: 20}),
			(total, shares) => {
				const parts = apportion(total, shares);
				const sum = shares.reduce((a, b) => a + b, 0);
				t.is(
					parts.reduce((a, b) => a + b, 0),
					total,
				);
				t.true(
					parts.every(
						(part, index) => Number.isInteger(part) && Math.abs(part - (total * shares[index]!) / sum) < 1 + 1e-9,
					),
				);
			},
		),
	);
});

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const anyShares = fc.array(fc.double({min: 0.01, max: 100, noNaN: true}), {minLength: 1, maxLength: 20});
const numbers = (count: number): number[] => Array.from({length: count}, (_, index) => index);

test('over its micro-batches a batch is divided by its shares, and in each as near to that as whole numbers allow', t => {
	fc.assert(
		fc.property(
			fc.integer({min: 1, max: 400}),
			fc.integer({min: 1, max: 80}),
			anyShares,
			(batch, microBatches, shares) => {
				const micros = Math.min(batch, microBatches);
				const totals = apportion(batch, shares);
				const counts = numbers(micros).map(micro => dealt(totals, micros, micro));
				const sizes = counts.map(sum);
				t.is(sum(sizes), batch);
				t.true(Math.max(...sizes) - Math.min(...sizes) <= 1);
				// All stages divide the same micro-batches.
				t.deepEqual(
					sizes,
					numbers(micros).map(micro => dealt([batch], micros, micro)[0]),
				);
				for (const [replica, total] of totals.entries()) {
					const own = counts.map(count => count[replica]!);
					t.is(sum(own), total);
					t.true(Math.abs(total - (batch * shares[replica]!) / sum(shares)) < 1 + 1e-9);
					t.true(own.every(count => count === Math.floor(total / micros) || count === Math.ceil(total / micros)));
				}
			},
		),
		{numRuns: 60},
	);
});

test('micro-batches that are told to be alike are divided alike in every stage, and there are few kinds of them', t => {
	fc.assert(
		fc.property(
			fc.integer({min: 1, max: 400}),
			fc.integer({min: 1, max: 80}),
			fc.array(anyShares, {minLength: 1, maxLength: 4}),
			(batch, microBatches, stages) => {
				const micros = Math.min(batch, microBatches);
				const totals = stages.map(shares => apportion(batch, shares));
				const first = alike(totals, micros);
				t.is(first.length, micros);
				for (const [micro, one] of first.entries()) {
					t.true(one <= micro && first[one] === one);
					for (const own of totals) {
						t.deepEqual(dealt(own, micros, micro), dealt(own, micros, one));
					}
				}
				t.true(new Set(first).size <= 1 + sum(totals.map(own => own.length)));
			},
		),
		{numRuns: 60},
	);
	t.is(new Set(alike([[40, 40, 40], [120]], 10)).size, 1);
});

test('three equal sources of micro-batches of four items: one after the other has the item that is left over', t => {
	for (const micros of [3, 6, 9, 12, 24, 48]) {
		const totals = apportion(4 * micros, [1, 1, 1]);
		const busiest = numbers(micros).map(micro => {
			const counts = dealt(totals, micros, micro);
			t.deepEqual(counts.toSorted(), [1, 1, 2]);
			return counts.indexOf(2);
		});
		for (const source of [0, 1, 2]) {
			t.is(busiest.filter(one => one === source).length, micros / 3);
			// Far apart in time: nobody is first to have two and then waits for the others.
			t.false(
				busiest.some(
					(one, micro) => one === source && micro > 1 && busiest[micro - 1] === one && busiest[micro - 2] === one,
				),
			);
		}
	}
	t.deepEqual(
		[0, 1, 2, 3].map(micro => dealt(apportion(16, [1, 1, 1]), 4, micro)),
		[
			[2, 1, 1],
			[1, 2, 1],
			[2, 1, 1],
			[1, 1, 2],
		],
	);
});
