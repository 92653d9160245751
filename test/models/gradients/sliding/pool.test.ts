import test from 'ava';
import fc from 'fast-check';
import {seededRandom} from '../../../../core/random.js';
import {int, ints} from '../../../../models/graph.js';
import {checkOp, distinct, tolerance, uniform} from '../../../support/graphs/gradient-check.js';

const random = seededRandom(47);

const axis = fc.record({
	kernel: fc.integer({min: 1, max: 4}),
	stride: fc.integer({min: 1, max: 4}),
	dilation: fc.integer({min: 1, max: 2}),
	/** Shares of the kernel: padding must be smaller than it. */
	begin: fc.nat(1),
	end: fc.nat(1),
	more: fc.nat(6),
});

const cases = fc.integer({min: 1, max: 2}).chain(rank =>
	fc.record({
		items: fc.integer({min: 1, max: 2}),
		channels: fc.integer({min: 1, max: 3}),
		ceil: fc.nat(1),
		includePad: fc.nat(1),
		axes: fc.array(axis, {minLength: rank, maxLength: rank}),
	}),
);

type Case = typeof cases extends fc.Arbitrary<infer C> ? C : never;

/** Padding of less than half the reach of the window, so that every window sees some data. */
const geometry = ({axes}: Case, dilated: boolean) => {
	const dilations = axes.map(each => (dilated ? each.dilation : 1));
	const reach = axes.map((each, index) => (each.kernel - 1) * dilations[index]! + 1);
	const pad = (wish: number, index: number) => Math.min(wish, Math.floor((axes[index]!.kernel - 1) / 2));
	const begin = axes.map((each, index) => pad(each.begin, index));
	const end = axes.map((each, index) => pad(each.end, index));
	return {
		shape: axes.map((each, index) => reach[index]! + each.more),
		attributes: {
			kernel_shape: ints(axes.map(each => each.kernel)),
			strides: ints(axes.map(each => each.stride)),
			pads: ints([...begin, ...end]),
			...(dilated ? {dilations: ints(dilations)} : {}),
		},
	};
};

const holds = (check: (example: Case) => Promise<number>, numRuns = 60) =>
	fc.assert(
		fc.asyncProperty(cases, async example => {
			const error = await check(example);
			if (!(error < tolerance)) {
				throw new Error(`relative error ${error}`);
			}
		}),
		{numRuns, seed: 8},
	);

test('MaxPool has the gradient that finite differences show, overlapping or not, padded, dilated, with ceil_mode', async t => {
	await t.notThrowsAsync(
		holds(example => {
			const {shape, attributes} = geometry(example, true);
			return checkOp(random, {
				op: 'MaxPool',
				inputs: [distinct(random, [example.items, example.channels, ...shape])],
				attributes: {...attributes, ceil_mode: int(example.ceil)},
			});
		}),
	);
});

test('MaxPool with a 3×3 window and stride 1 adds the gradients of all windows that share a maximum', async t => {
	const error = await checkOp(random, {
		op: 'MaxPool',
		inputs: [distinct(random, [2, 2, 6, 6])],
		attributes: {kernel_shape: ints([3, 3]), strides: ints([1, 1]), pads: ints([1, 1, 1, 1])},
	});
	t.true(error < tolerance, `${error}`);
});

test('AveragePool has the gradient that finite differences show, with padding counted or not, with ceil_mode', async t => {
	await t.notThrowsAsync(
		holds(example => {
			const {shape, attributes} = geometry(example, false);
			return checkOp(random, {
				op: 'AveragePool',
				inputs: [uniform(random, [example.items, example.channels, ...shape])],
				attributes: {...attributes, ceil_mode: int(example.ceil), count_include_pad: int(example.includePad)},
			});
		}),
	);
});

for (const op of ['GlobalAveragePool', 'GlobalMaxPool']) {
	test(`${op} has the gradient that finite differences show`, async t => {
		for (const shape of [
			[2, 3, 5],
			[2, 3, 4, 5],
		]) {
			const error = await checkOp(random, {op, inputs: [distinct(random, shape)]});
			t.true(error < tolerance, `${error}`);
		}
	});
}
