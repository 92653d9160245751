import test from 'ava';
import fc from 'fast-check';
import {isFplError} from '../../../core/errors.js';
import {toNumbers} from '../../../core/tensor/tensor.js';
import {memoryDataset} from '../../../models/datasets/memory.js';
import {measure, normalisation} from '../../../models/datasets/normalise.js';
import {batches, inOrder, subset, take} from '../../../models/datasets/subset.js';

/** Four items of two channels with two bytes each. */
const bytes = Uint8Array.of(0, 2, 100, 100, 4, 6, 200, 200, 8, 10, 100, 100, 12, 14, 200, 200);
const labels = Int32Array.of(0, 1, 2, 1);
const plain = () =>
	memoryDataset('four', [{name: 'input', shape: [2, 2], data: bytes}], {kind: 'classes', classes: 3, labels});

test('batches gather items by index into new tensors', t => {
	const dataset = plain();
	const {inputs, targets} = dataset.batch([2, 0, 2]);
	t.deepEqual(inputs['input']?.shape, [3, 2, 2]);
	t.deepEqual(toNumbers(inputs['input']!), [8, 10, 100, 100, 0, 2, 100, 100, 8, 10, 100, 100]);
	t.deepEqual([targets.dtype, targets.shape, toNumbers(targets)], ['int64', [3], [2, 0, 2]]);
	t.not(dataset.batch([0]).inputs['input']!.data, dataset.batch([0]).inputs['input']!.data);
	t.deepEqual(dataset.batch([]).inputs['input']?.shape, [0, 2, 2]);
});

test('bytes and floats are normalised alike, per channel', t => {
	const constants = measure(bytes, 2, 2);
	t.deepEqual(constants.mean, [7, 150]);
	t.deepEqual(constants.deviation, [Math.sqrt(21), 50]);
	const floats = Float32Array.from(bytes);
	t.deepEqual(measure(floats, 2, 2).mean, constants.mean);
	const of = (data: Uint8Array | Float32Array) =>
		memoryDataset('four', [{name: 'input', shape: [2, 2], data, normalisation: constants}], {
			kind: 'classes',
			classes: 3,
			labels,
		}).batch([0, 1, 2, 3]).inputs['input']!;
	const values = toNumbers(of(bytes));
	t.true(values.every((value, index) => Math.abs(value - toNumbers(of(floats))[index]!) < 1e-6));
	t.deepEqual(values.slice(2, 4), [-1, -1]);
	t.true(Math.abs(values.reduce((sum, value) => sum + value, 0)) < 1e-5);
});

test('a channel that never changes becomes zero', t => {
	t.deepEqual(measure(Float32Array.of(5, 1, 5, 2), 2, 1), {mean: [5, 1.5], deviation: [1, 0.5]});
	t.deepEqual(normalisation('none', bytes, 2, 2), {mean: [0, 0], deviation: [1, 1]});
	const given = {mean: [1, 2], deviation: [3, 4]};
	t.is(normalisation(given, bytes, 2, 2), given);
	for (const wrong of [
		{mean: [1], deviation: [1]},
		{mean: [1, 2], deviation: [1, 0]},
	]) {
		t.true(
			isFplError(
				t.throws(() => normalisation(wrong, bytes, 2, 2)),
				'DATA_SHAPE',
			),
		);
	}
});

test('token ids and values pass through', t => {
	const dataset = memoryDataset('ids', [{name: 'tokens', shape: [2], data: BigInt64Array.of(1n, 2n, 3n, 4n)}], {
		kind: 'values',
		shape: [1],
		data: Float32Array.of(0.5, 1.5),
	});
	t.is(dataset.items, 2);
	t.is(dataset.features[0]?.dtype, 'int64');
	const {inputs, targets} = dataset.batch([1]);
	t.deepEqual(toNumbers(inputs['tokens']!), [3, 4]);
	t.deepEqual([targets.shape, toNumbers(targets)], [[1, 1], [1.5]]);
});

test('parts that do not fit together, and items that are not there, are refused', t => {
	const build = (classes: number, few: Int32Array) => () =>
		memoryDataset('x', [{name: 'input', shape: [2, 2], data: bytes}], {kind: 'classes', classes, labels: few});
	for (const [make, text] of [
		[build(3, labels.subarray(1)), /as many items as targets \(3\), got 4/u],
		[build(2, labels), /label of item 2.*0 to 1, got 2/u],
		[() => plain().batch([4]), /item numbers from 0 to 3, got 4/u],
		[() => plain().batch([0.5]), /got 0\.5/u],
		[() => subset(plain(), [-1]), /got -1/u],
		[() => subset(plain(), [1]).batch([1]), /0 to 0, got 1/u],
	] as const) {
		const error = t.throws(make);
		t.true(isFplError(error, 'DATA_SHAPE'));
		t.regex(error!.message, text);
	}
});

test('a subset has the items asked for, with their labels', t => {
	const part = subset(plain(), [3, 1]);
	t.deepEqual([part.items, [...part.labels!]], [2, [1, 1]]);
	t.deepEqual(toNumbers(part.batch([1]).inputs['input']!), [4, 6, 200, 200]);
	t.is(take(plain(), 3).items, 3);
	t.is(take(plain(), 9).items, 4);
});

test('an epoch has every item once, in an order that seed and epoch decide', t => {
	const shape = fc.record({items: fc.nat(60), batch: fc.integer({min: 1, max: 20}), seed: fc.nat(), epoch: fc.nat(5)});
	fc.assert(
		fc.property(shape, ({items, batch, seed, epoch}) => {
			const epochBatches = [...batches(items, batch, seed, epoch)];
			const all = epochBatches.flatMap(part => [...part]);
			t.deepEqual(
				[...all].sort((a, b) => a - b),
				Array.from({length: items}, (_, index) => index),
			);
			t.true(epochBatches.slice(0, -1).every(part => part.length === batch));
			t.deepEqual([...batches(items, batch, seed, epoch)], epochBatches);
			const whole = [...batches(items, batch, seed, epoch, {dropLast: true})];
			t.is(whole.length, Math.floor(items / batch));
			t.deepEqual(
				[...inOrder(items, batch)].flatMap(part => [...part]),
				[...all].sort((a, b) => a - b),
			);
		}),
	);
	const order = (seed: number, epoch: number) => [...batches(50, 50, seed, epoch)][0];
	t.notDeepEqual(order(1, 0), order(1, 1));
	t.notDeepEqual(order(1, 0), order(2, 0));
	t.true(
		isFplError(
			t.throws(() => [...batches(5, 0, 1, 0)]),
			'CONFIG_VALUE',
		),
	);
});
