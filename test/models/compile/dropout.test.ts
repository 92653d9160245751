import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {dropoutMask, dropoutPart} from '../../../models/compile/dropout.js';

const options = {seed: 7, update: 3, node: 'drop', ratio: 0.25, shape: [64, 100]} as const;

test('a mask holds 0 and 1/(1 − ratio), in the right proportion', t => {
	const {data} = dropoutMask(options);
	t.deepEqual([...new Set(data)].sort(), [0, Math.fround(4 / 3)]);
	const dropped = data.filter(value => value === 0).length / data.length;
	// Four standard deviations of 6,400 draws.
	t.true(Math.abs(dropped - 0.25) < 0.022, `${dropped}`);
});

test('the same seed, update and node give the same mask, any other gives another', t => {
	const {data} = dropoutMask(options);
	t.deepEqual(dropoutMask(options).data, data);
	for (const other of [{seed: 8}, {update: 4}, {node: 'drop2'}]) {
		const differing = dropoutMask({...options, ...other}).data.filter((value, index) => value !== data[index]).length;
		// Independent masks differ in 2 · ¼ · ¾ of their elements.
		t.true(Math.abs(differing / data.length - 0.375) < 0.025, `${JSON.stringify(other)}: ${differing}`);
	}
});

test('a share of the batch gets its rows of the whole mask', t => {
	const whole = dropoutMask(options).data;
	const share = dropoutMask({...options, shape: [16, 100], offset: 48 * 100}).data;
	t.deepEqual(share, whole.slice(4800));
});

test('ratio 0 keeps everything, ratio 1 is refused', t => {
	t.true(dropoutMask({...options, ratio: 0}).data.every(value => value === 1));
	const error = t.throws(() => dropoutMask({...options, ratio: 1}));
	t.true(isFplError(error, 'MODEL_INVALID'));
});

test('parts along any axis are those of the whole mask', t => {
	const common = {seed: 4, update: 2, node: 'drop', ratio: 0.3};
	const total = 5;
	for (const [axis, shapeOf] of [
		[0, (items: number) => [items, 3, 2]],
		[1, (items: number) => [3, items, 2]],
		[1, (items: number) => [3, items * 4]],
		[2, (items: number) => [2, 3, items]],
	] as const) {
		const whole = dropoutMask({...common, shape: shapeOf(total)});
		const outer = shapeOf(total)
			.slice(0, axis)
			.reduce((product, dim) => product * dim, 1);
		const row = whole.data.length / outer;
		const perItem = row / total;
		for (const [offset, items] of [
			[0, 5],
			[0, 2],
			[2, 3],
			[4, 1],
		] as const) {
			const part = dropoutPart({...common, shape: shapeOf(items), axis, items, offset, total});
			const expected = Array.from({length: outer}, (_, at) => [
				...whole.data.subarray(at * row + offset * perItem, at * row + (offset + items) * perItem),
			]).flat();
			t.deepEqual([...part.data], expected, `axis ${axis}, ${items} items from ${offset}`);
		}
	}
});
