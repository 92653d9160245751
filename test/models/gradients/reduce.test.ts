import test from 'ava';
import fc from 'fast-check';
import {seededRandom} from '../../../core/random.js';
import {float32, int64, type Shape} from '../../../core/tensor/tensor.js';
import {int, ints} from '../../../models/graph.js';
import {awayFromZero, checkOp, distinct, type OpCase, tolerance, uniform} from '../../support/graphs/gradient-check.js';

const random = seededRandom(13);

const reductions: Record<string, (shape: Shape) => ReturnType<typeof uniform>> = {
	ReduceSum: shape => uniform(random, shape),
	ReduceMean: shape => uniform(random, shape),
	ReduceMax: shape => distinct(random, shape),
	ReduceMin: shape => distinct(random, shape),
	ReduceProd: shape => awayFromZero(random, shape, 0.7, 1.4),
	ReduceSumSquare: shape => uniform(random, shape),
	ReduceL1: shape => awayFromZero(random, shape),
	ReduceL2: shape => awayFromZero(random, shape),
	ReduceLogSum: shape => uniform(random, shape, 0.5, 1.5),
	ReduceLogSumExp: shape => uniform(random, shape),
};

interface Layout {
	readonly shape: Shape;
	readonly axes: readonly number[];
	readonly keepDims: number;
	readonly opset: 17 | 18;
}

const layouts = (side: number): fc.Arbitrary<Layout> =>
	fc.array(fc.integer({min: 1, max: side}), {minLength: 1, maxLength: 4}).chain(shape =>
		fc.record({
			shape: fc.constant(shape),
			axes: fc.uniqueArray(fc.nat(shape.length - 1), {maxLength: shape.length}).chain(axes =>
				fc.constantFrom(
					axes,
					axes.map(axis => axis - shape.length),
				),
			),
			keepDims: fc.constantFrom(0, 1),
			opset: fc.constantFrom(17 as const, 18 as const),
		}),
	);

/** A product of n factors bends like the n-th power: with more than 16 the truncation of a finite difference shows. */
const longestSide = (op: string): number => (op === 'ReduceProd' ? 2 : 4);

for (const [op, sample] of Object.entries(reductions)) {
	test(`${op} has the gradient that finite differences show, over any axes`, async t => {
		await fc.assert(
			fc.asyncProperty(layouts(longestSide(op)), async ({shape, axes, keepDims, opset}) => {
				const asInput = op === 'ReduceSum' || opset === 18;
				const spec: OpCase = {
					op,
					opset,
					inputs:
						asInput && axes.length > 0 ? [sample(shape), {constant: int64([axes.length], axes)}] : [sample(shape)],
					attributes: {keepdims: int(keepDims), ...(asInput || axes.length === 0 ? {} : {axes: ints(axes)})},
				};
				const error = await checkOp(random, spec);
				if (!(error < tolerance)) {
					throw new Error(`relative error ${error}`);
				}
			}),
			{numRuns: 12},
		);
		t.pass();
	});
}

test('a reduction told to do nothing without axes passes the gradient on', async t => {
	const error = await checkOp(random, {
		op: 'ReduceSum',
		inputs: [uniform(random, [2, 3]), {constant: int64([0], [])}],
		attributes: {noop_with_empty_axes: int(1)},
	});
	t.true(error < tolerance, `${error}`);
});

test('a product with one zero and with two has the right gradient', async t => {
	const x = float32([3, 3], [0.7, 0, -1.2, 0, 1.1, 0, 0.9, -1.1, 1.3]);
	const error = await checkOp(random, {op: 'ReduceProd', inputs: [x], attributes: {axes: ints([1])}});
	t.true(error < tolerance, `${error}`);
});

for (const op of ['Softmax', 'LogSoftmax']) {
	for (const axis of [-1, 0, 1]) {
		test(`${op} over axis ${axis} has the right gradient`, async t => {
			const error = await checkOp(random, {
				op,
				inputs: [uniform(random, [3, 4, 5], -2, 2)],
				attributes: {axis: int(axis)},
			});
			t.true(error < tolerance, `${error}`);
		});
	}
}
