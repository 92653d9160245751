import test from 'ava';
import {heapGrowthPercent} from '../../../cli/daemon/heap.js';

const gib = 1024 ** 3;

test('the heap may grow with the memory of the machine, up to five times its size', t => {
	t.is(heapGrowthPercent(2 * gib), 200);
	t.is(heapGrowthPercent(4 * gib), 400);
	t.is(heapGrowthPercent(64 * gib), 400);
});

test('a machine with little memory is left to V8', t => {
	t.is(heapGrowthPercent(0.5 * gib), undefined);
});
