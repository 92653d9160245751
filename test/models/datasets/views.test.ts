import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {toNumbers} from '../../../core/tensor/tensor.js';
import {memoryDataset} from '../../../models/datasets/memory.js';
import {openDataset} from '../../../models/datasets/open.js';
import {subset} from '../../../models/datasets/subset.js';
import {views} from '../../../models/datasets/views.js';

const counted = (items: number, shape: readonly number[]) => {
	const size = shape.reduce((a, b) => a * b, 1);
	return memoryDataset(
		'counted',
		[{name: 'input', shape, data: Float32Array.from({length: items * size}, (_, index) => index)}],
		{kind: 'classes', classes: 3, labels: Int32Array.from({length: items}, (_, item) => item % 3)},
	);
};

const numbersOf = (dataset: ReturnType<typeof counted>, indices: readonly number[]) =>
	toNumbers(dataset.batch(indices).inputs['input']!);

test('channel views hold one sensor each and share targets and order', async t => {
	const {train} = await openDataset({kind: 'vibration', train: 20, test: 1}, {environment: {}});
	const each = views(train, {kind: 'channels'});
	t.is(each.length, 4);
	const indices = [7, 3, 19];
	const whole = train.batch(indices);
	for (const [channel, view] of each.entries()) {
		t.deepEqual(view.features, [{name: 'input', dtype: 'float32', shape: [1, 256]}]);
		const {inputs, targets} = view.batch(indices);
		t.deepEqual(targets, whole.targets);
		const expected = indices.flatMap((_, row) =>
			toNumbers(whole.inputs['input']!).slice((row * 4 + channel) * 256, (row * 4 + channel + 1) * 256),
		);
		t.deepEqual(toNumbers(inputs['input']!), expected);
	}
});

test('quadrants cover a picture once, without overlap', t => {
	const dataset = counted(2, [2, 4, 6]);
	const quadrants = views(dataset, {kind: 'tiles', rows: 2, columns: 2});
	t.deepEqual(
		quadrants.map(({features}) => features[0]?.shape),
		Array.from({length: 4}, () => [2, 2, 3]),
	);
	t.deepEqual(numbersOf(quadrants[0]!, [0]), [0, 1, 2, 6, 7, 8, 24, 25, 26, 30, 31, 32]);
	t.deepEqual(numbersOf(quadrants[3]!, [1]).slice(0, 3), [48 + 15, 48 + 16, 48 + 17]);
	const all = quadrants.flatMap(view => numbersOf(view, [1])).sort((a, b) => a - b);
	t.deepEqual(all, numbersOf(dataset, [1]));
});

test('overlapping and uneven tiles have one size and stay within the picture', t => {
	const dataset = counted(1, [1, 5, 7]);
	for (const [rows, columns, overlap] of [
		[2, 2, 0],
		[2, 3, 0.5],
		[5, 7, 0],
		[1, 1, 0.9],
		[3, 2, 0.25],
	] as const) {
		const tiles = views(dataset, {kind: 'tiles', rows, columns, overlap});
		t.is(tiles.length, rows * columns);
		const seen = new Set(tiles.flatMap(view => numbersOf(view, [0])));
		t.is(seen.size, 35, 'together they see everything');
		t.is(new Set(tiles.map(({features}) => features[0]!.shape.join())).size, 1);
	}
	t.deepEqual(views(dataset, {kind: 'tiles', rows: 1, columns: 2, overlap: 0.5})[0]?.features[0]?.shape, [1, 5, 6]);
});

test('columns of a table are views alone or in groups', t => {
	const dataset = counted(3, [4]);
	t.deepEqual(
		views(dataset, {kind: 'columns'}).map(view => numbersOf(view, [2])),
		[[8], [9], [10], [11]],
	);
	t.deepEqual(
		views(dataset, {kind: 'columns', groups: [[3, 0], [1]]}).map(view => numbersOf(view, [1, 0])),
		[
			[7, 4, 3, 0],
			[5, 1],
		],
	);
});

test('views of a subset keep its numbering', t => {
	const [first] = views(subset(counted(5, [2, 2]), [4, 1]), {kind: 'channels'});
	t.deepEqual([first!.items, numbersOf(first!, [0])], [2, [16, 17]]);
});

test('items that cannot be seen so are refused', t => {
	const two = counted(1, [2, 2]);
	for (const [make, code] of [
		[() => views(two, {kind: 'tiles', rows: 2, columns: 2}), 'DATA_SHAPE'],
		[() => views(counted(1, [1, 2, 2]), {kind: 'tiles', rows: 3, columns: 1}), 'DATA_SHAPE'],
		[() => views(counted(1, [1, 2, 2]), {kind: 'tiles', rows: 0, columns: 1}), 'CONFIG_VALUE'],
		[() => views(counted(1, [1, 2, 2]), {kind: 'tiles', rows: 1, columns: 1, overlap: 1}), 'CONFIG_VALUE'],
		[() => views(two, {kind: 'columns'}), 'DATA_SHAPE'],
		[() => views(counted(1, [3]), {kind: 'columns', groups: [[3]]}), 'DATA_SHAPE'],
		[() => views(counted(1, [3]), {kind: 'columns', groups: [[]]}), 'DATA_SHAPE'],
	] as const) {
		t.true(isFplError(t.throws(make), code));
	}
});
