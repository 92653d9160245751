import test from 'ava';
import fc from 'fast-check';
import {seededRandom} from '../../../core/random.js';
import {float32, int64, type Shape, scalar, type Tensor, tensor} from '../../../core/tensor/tensor.js';
import {type Attributes, int, ints, string} from '../../../models/graph.js';
import {checkOp, type OpCase, tolerance, uniform} from '../../support/graphs/gradient-check.js';

const random = seededRandom(14);
const numbers = (values: readonly number[]): {readonly constant: Tensor} => ({
	constant: int64([values.length], values),
});
const x = (shape: Shape) => uniform(random, shape);

const cases: readonly (OpCase & {readonly title: string})[] = [
	{title: 'Reshape', op: 'Reshape', inputs: [x([2, 3, 4]), numbers([4, -1])]},
	{title: 'Flatten', op: 'Flatten', inputs: [x([2, 3, 4])], attributes: {axis: int(2)}},
	{title: 'Squeeze of named axes', op: 'Squeeze', inputs: [x([2, 1, 4, 1]), numbers([1])]},
	{title: 'Squeeze of all axes', op: 'Squeeze', inputs: [x([2, 1, 4, 1])]},
	{title: 'Unsqueeze', op: 'Unsqueeze', inputs: [x([2, 3]), numbers([0, -1])]},
	{title: 'Transpose', op: 'Transpose', inputs: [x([2, 3, 4])], attributes: {perm: ints([2, 0, 1])}},
	{title: 'Transpose without perm', op: 'Transpose', inputs: [x([2, 3, 4])]},
	{title: 'Expand', op: 'Expand', inputs: [x([3, 1]), numbers([2, 1, 4])]},
	{title: 'Tile', op: 'Tile', inputs: [x([2, 3]), numbers([3, 2])]},
	{title: 'Tile of one axis', op: 'Tile', inputs: [x([2, 3]), numbers([1, 2])]},
	...['DCR', 'CRD'].map(mode => ({
		title: `DepthToSpace in mode ${mode}`,
		op: 'DepthToSpace',
		inputs: [x([2, 8, 2, 3])],
		attributes: {blocksize: int(2), mode: string(mode)},
	})),
	{title: 'SpaceToDepth', op: 'SpaceToDepth', inputs: [x([2, 3, 4, 6])], attributes: {blocksize: int(2)}},
	{title: 'Trilu, upper', op: 'Trilu', inputs: [x([2, 4, 4])]},
	{
		title: 'Trilu, lower with an offset',
		op: 'Trilu',
		inputs: [x([4, 5]), {constant: tensor('int64', [], BigInt64Array.of(1n))}],
		attributes: {upper: int(0)},
	},
	...[0, 1].flatMap(reverse =>
		[0, 1].map(exclusive => ({
			title: `CumSum, reverse ${reverse}, exclusive ${exclusive}`,
			op: 'CumSum',
			inputs: [x([3, 5]), {constant: tensor('int64', [], BigInt64Array.of(1n))}],
			attributes: {reverse: int(reverse), exclusive: int(exclusive)} as Attributes,
		})),
	),
	{title: 'Concat', op: 'Concat', inputs: [x([2, 3]), x([2, 1]), x([2, 2])], attributes: {axis: int(-1)}},
	{title: 'Concat of one', op: 'Concat', inputs: [x([2, 3])], attributes: {axis: int(0)}},
	{
		title: 'Split into named sizes',
		op: 'Split',
		inputs: [x([2, 6]), numbers([1, 3, 2])],
		attributes: {axis: int(1)},
		outputs: 3,
	},
	{title: 'Split evenly', op: 'Split', inputs: [x([4, 3])], outputs: 2},
	{title: 'Split unevenly', op: 'Split', inputs: [x([5, 3])], outputs: 2, attributes: {num_outputs: int(2)}, opset: 18},
	{title: 'Pad with a constant', op: 'Pad', inputs: [x([2, 3]), numbers([1, 0, 0, 2]), {constant: scalar(3)}]},
	{title: 'Pad with negative counts', op: 'Pad', inputs: [x([4, 5]), numbers([-1, 1, 0, -2])]},
	{title: 'Pad of named axes', op: 'Pad', inputs: [x([2, 3, 4]), numbers([1, 2]), '', numbers([-1])], opset: 18},
	{
		title: 'Pad by reflection',
		op: 'Pad',
		inputs: [x([3, 4]), numbers([1, 2, 2, 3])],
		attributes: {mode: string('reflect')},
	},
	{
		title: 'Pad by repetition',
		op: 'Pad',
		inputs: [x([3, 4]), numbers([1, 2, 0, 3])],
		attributes: {mode: string('edge')},
	},
];

for (const {title, ...spec} of cases) {
	test(`${title} has the gradient that finite differences show`, async t => {
		const error = await checkOp(random, spec);
		t.true(error < tolerance, `${error}`);
	});
}

test('Slice has the right gradient, for any starts, ends and steps', async t => {
	const slices = fc.tuple(fc.integer({min: 1, max: 7}), fc.integer({min: 1, max: 5})).chain(shape =>
		fc.record({
			shape: fc.constant(shape),
			axes: fc.constantFrom([0, 1], [1, 0], [-1], [0], [1]),
			starts: fc.tuple(fc.integer({min: -9, max: 9}), fc.integer({min: -9, max: 9})),
			ends: fc.tuple(fc.integer({min: -9, max: 9}), fc.integer({min: -9, max: 9})),
			steps: fc.tuple(fc.constantFrom(1, 2, 3, -1, -2), fc.constantFrom(1, 2, -1, -3)),
		}),
	);
	await fc.assert(
		fc.asyncProperty(slices, async ({shape, axes, starts, ends, steps}) => {
			const n = axes.length;
			const inputs = [x(shape), ...[starts, ends, axes, steps].map(values => numbers(values.slice(0, n)))];
			const error = await checkOp(random, {op: 'Slice', inputs});
			if (!(error < tolerance)) {
				throw new Error(`relative error ${error}`);
			}
		}),
		{numRuns: 60},
	);
	t.pass();
});

const indices = (shape: Shape, bound: number, low = 0) =>
	int64(
		shape,
		Array.from({length: shape.reduce((a, b) => a * b, 1)}, () => low + random.integer(bound - low)),
	);

const gathers: readonly (OpCase & {readonly title: string})[] = [
	{title: 'Gather of embeddings, some twice', op: 'Gather', inputs: [x([4, 3]), int64([2, 3], [0, 2, 2, 3, 0, 2])]},
	{
		title: 'Gather along a middle axis',
		op: 'Gather',
		inputs: [x([2, 4, 3]), indices([5], 4, -4)],
		attributes: {axis: int(1)},
	},
	{
		title: 'Gather along the last axis',
		op: 'Gather',
		inputs: [x([2, 4]), indices([2, 2], 4)],
		attributes: {axis: int(-1)},
	},
	{
		title: 'Gather of one known place',
		op: 'Gather',
		inputs: [x([2, 4, 3]), {constant: int64([], [-2])}],
		attributes: {axis: int(1)},
	},
	{title: 'Gather of a computed scalar', op: 'Gather', inputs: [x([4, 3]), int64([], [2])]},
	{title: 'GatherElements', op: 'GatherElements', inputs: [x([4, 3]), indices([5, 3], 4)]},
	{
		title: 'GatherElements along axis 1',
		op: 'GatherElements',
		inputs: [x([2, 3]), indices([2, 5], 3)],
		attributes: {axis: int(1)},
	},
	{title: 'GatherND', op: 'GatherND', inputs: [x([3, 4, 2]), indices([5, 2], 3)]},
	{
		title: 'GatherND with batch dimensions',
		op: 'GatherND',
		inputs: [x([2, 3, 4]), indices([2, 5, 1], 3)],
		attributes: {batch_dims: int(1)},
	},
	{title: 'ScatterElements', op: 'ScatterElements', inputs: [x([3, 3]), int64([2, 3], [0, 2, 1, 2, 0, 0]), x([2, 3])]},
	{
		title: 'ScatterElements, adding',
		op: 'ScatterElements',
		inputs: [x([3, 3]), indices([2, 3], 3), x([2, 3])],
		attributes: {reduction: string('add')},
	},
	{title: 'ScatterND', op: 'ScatterND', inputs: [x([4, 3]), int64([2, 1], [3, 1]), x([2, 3])]},
	{
		title: 'ScatterND, adding',
		op: 'ScatterND',
		inputs: [x([4, 3]), indices([5, 1], 4), x([5, 3])],
		attributes: {reduction: string('add')},
	},
];

for (const {title, ...spec} of gathers) {
	test(`${title} has the gradient that finite differences show`, async t => {
		const error = await checkOp(random, spec);
		t.true(error < tolerance, `${error}`);
	});
}

test('a gradient that was added to the same row a thousand times is complete', async t => {
	// Would fail if rows were added by several threads at once.
	const error = await checkOp(random, {
		op: 'Gather',
		inputs: [float32([1, 2], [0.5, -0.5]), int64([1000], new Array(1000).fill(0))],
	});
	t.true(error < tolerance, `${error}`);
});
