import test from 'ava';
import {itemOrder} from '../../../models/datasets/draw.js';

test('every epoch draws every item once, in another order', t => {
	const order = itemOrder(10, 1, 0);
	const first = [...order(0, 10)];
	const second = [...order(10, 10)];
	t.deepEqual(
		first.toSorted((a, b) => a - b),
		[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
	);
	t.deepEqual(
		second.toSorted((a, b) => a - b),
		[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
	);
	t.notDeepEqual(first, second);
});

test('a resumed run draws what an uninterrupted one would have drawn', t => {
	const whole = itemOrder(7, 3, 2)(0, 40);
	const resumed = itemOrder(7, 3, 2)(12, 28);
	t.deepEqual([...resumed], [...whole.subarray(12)]);
});

test('replicas with other numbers draw in other orders', t => {
	t.notDeepEqual([...itemOrder(50, 1, 0)(0, 50)], [...itemOrder(50, 1, 1)(0, 50)]);
});
