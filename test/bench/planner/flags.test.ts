import test from 'ava';
import {namesOf, numberOf, wholeOf, wholesOf} from '../../../bench/planner/flags.js';
import {FplError} from '../../../core/errors.js';

test('flags of benches are read as they are meant', t => {
	t.is(numberOf('within', '0.5', 0, 100), 0.5);
	t.is(wholeOf('seed', '7', 0, 10), 7);
	t.deepEqual(wholesOf('micro-batches', '4,8, 16', 1, 1024), [4, 8, 16]);
	t.deepEqual(namesOf('labels', 'stay', ['stay', 'travel']), ['stay']);
});

const refused = test.macro({
	exec(t, read: () => unknown, message: RegExp) {
		t.throws(read, {instanceOf: FplError, code: 'USAGE', message});
	},
	title: (_, read) => `refused: ${String(read)}`,
});

test(refused, () => wholeOf('instances', 'x', 1, 100), /--instances: expected a number from 1 to 100, got «x»/u);
test(refused, () => wholesOf('micro-batches', '4,foo', 1, 1024), /--micro-batches: .*got «foo»/u);
test(refused, () => wholeOf('seed', '', 0, 100), /--seed: .*got «»/u);
test(refused, () => wholeOf('seed', '1.5', 0, 100), /--seed: expected a whole number, got «1\.5»/u);
test(refused, () => numberOf('thorough', 'Infinity', 0.1, 60), /--thorough: .*from 0\.1 to 60/u);
test(refused, () => namesOf('cases', 'nope', ['cameras/wifi']), /--cases: expected some of cameras\/wifi, got «nope»/u);
