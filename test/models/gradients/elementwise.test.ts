import test from 'ava';
import fc from 'fast-check';
import {seededRandom} from '../../../core/random.js';
import {float32, type Shape, scalar, type Tensor, tensor} from '../../../core/tensor/tensor.js';
import {float, int} from '../../../models/graph.js';
import {awayFromZero, checkOp, distinct, type OpCase, tolerance, uniform} from '../../support/graphs/gradient-check.js';

const random = seededRandom(11);

/** Two shapes that broadcast together: each axis of the common shape may be 1 or missing (from the left) in either. */
const broadcastable: fc.Arbitrary<readonly [Shape, Shape]> = fc
	.array(fc.tuple(fc.integer({min: 1, max: 4}), fc.constantFrom('both', 'left', 'right')), {maxLength: 4})
	.chain(axes =>
		fc.tuple(fc.nat(axes.length), fc.nat(axes.length)).map(([dropLeft, dropRight]): readonly [Shape, Shape] => {
			const shape = (side: string) => axes.map(([dim, where]) => (where === 'both' || where === side ? dim : 1));
			// An axis may only be dropped where its size is 1, or where the other side has it.
			return [shape('left').slice(dropLeft), dropLeft > 0 ? shape('right') : shape('right').slice(dropRight)];
		}),
	);

const check = async (spec: OpCase) => {
	const error = await checkOp(random, spec);
	if (!(error <= tolerance)) {
		throw new Error(`${spec.op}: relative error ${error}`);
	}
};

for (const op of ['Add', 'Sub', 'Mul']) {
	test(`${op} has the gradient that finite differences show, whatever is broadcast`, async t => {
		await fc.assert(
			fc.asyncProperty(broadcastable, ([a, b]) => check({op, inputs: [uniform(random, a), uniform(random, b)]})),
			{numRuns: 12},
		);
		t.pass();
	});
}

test('Div has the right gradient, whatever is broadcast', async t => {
	await fc.assert(
		fc.asyncProperty(broadcastable, ([a, b]) =>
			check({op: 'Div', inputs: [uniform(random, a), awayFromZero(random, b, 0.7, 2)]}),
		),
		{numRuns: 12},
	);
	t.pass();
});

test('Pow has the right gradient for both operands, whatever is broadcast', async t => {
	await fc.assert(
		fc.asyncProperty(broadcastable, ([a, b]) =>
			check({op: 'Pow', inputs: [uniform(random, a, 0.8, 2), uniform(random, b, -2, 2)]}),
		),
		{numRuns: 8},
	);
	t.pass();
});

for (const exponent of [2, 3, 0.5, -1, 1, 2.5]) {
	test(`Pow with the constant exponent ${exponent} has the right gradient`, async t => {
		const x = uniform(random, [3, 4], 0.5, 2);
		t.true((await checkOp(random, {op: 'Pow', inputs: [x, {constant: scalar(exponent)}]})) < tolerance);
	});
}

const shape = [2, 3, 4];
const unary: Record<string, Tensor> = {
	Neg: uniform(random, shape),
	Sqrt: uniform(random, shape, 0.5, 2),
	Exp: uniform(random, shape),
	Log: uniform(random, shape, 0.5, 2),
	Abs: awayFromZero(random, shape),
	Reciprocal: awayFromZero(random, shape, 0.7, 2),
	Sin: uniform(random, shape, -3, 3),
	Cos: uniform(random, shape, -3, 3),
	Tan: uniform(random, shape),
	Sinh: uniform(random, shape),
	Cosh: uniform(random, shape),
	Atan: uniform(random, shape),
	Identity: uniform(random, shape),
};

for (const [op, x] of Object.entries(unary)) {
	test(`${op} has the gradient that finite differences show`, async t => {
		const error = await checkOp(random, {op, inputs: [x]});
		t.true(error < tolerance, `${error}`);
	});
}

for (const op of ['Min', 'Max', 'Sum', 'Mean']) {
	test(`${op} of three broadcast inputs has the right gradient`, async t => {
		const all = distinct(random, [24 + 4 + 3]).data as Float32Array;
		const inputs = [
			float32([2, 3, 4], all.subarray(0, 24)),
			float32([4], all.subarray(24, 28)),
			float32([3, 1], all.subarray(28)),
		];
		const error = await checkOp(random, {op, inputs});
		t.true(error < tolerance, `${error}`);
	});
}

test('Where sends the gradient to the side that was chosen', async t => {
	const condition = tensor('bool', [3, 1], Uint8Array.from([1, 0, 1]));
	const error = await checkOp(random, {
		op: 'Where',
		inputs: [condition, uniform(random, [2, 3, 4]), uniform(random, [4])],
	});
	t.true(error < tolerance, `${error}`);
});

test('Cast to float64 and back passes the gradient on', async t => {
	const error = await checkOp(random, {op: 'Cast', inputs: [uniform(random, shape)], attributes: {to: int(1)}});
	t.true(error < tolerance, `${error}`);
});

const activations: readonly (OpCase & {readonly title?: string})[] = [
	{op: 'Relu', inputs: [awayFromZero(random, shape)]},
	{op: 'LeakyRelu', inputs: [awayFromZero(random, shape)], attributes: {alpha: float(0.2)}},
	{
		op: 'LeakyRelu',
		title: 'with a negative slope',
		inputs: [awayFromZero(random, shape)],
		attributes: {alpha: float(-0.2)},
	},
	{op: 'Elu', inputs: [awayFromZero(random, shape)]},
	{op: 'Elu', title: 'with alpha 0.5', inputs: [awayFromZero(random, shape)], attributes: {alpha: float(0.5)}},
	{op: 'Selu', inputs: [awayFromZero(random, shape)]},
	{op: 'Celu', inputs: [awayFromZero(random, shape)], attributes: {alpha: float(0.7)}},
	{op: 'PRelu', inputs: [awayFromZero(random, [2, 3, 4]), uniform(random, [3, 1], 0.1, 0.5)]},
	{op: 'Clip', inputs: [distinct(random, [20], 0.2), {constant: scalar(-1.1)}, {constant: scalar(0.7)}]},
	{op: 'Clip', title: 'without an upper limit', inputs: [awayFromZero(random, shape), {constant: scalar(0)}]},
	{op: 'ThresholdedRelu', inputs: [awayFromZero(random, shape)], attributes: {alpha: float(0.1)}},
	{op: 'Sigmoid', inputs: [uniform(random, shape, -3, 3)]},
	{op: 'HardSigmoid', inputs: [awayFromZero(random, shape, 0.2, 2)], attributes: {alpha: float(0.4), beta: float(0)}},
	{op: 'HardSwish', inputs: [distinct(random, [30], 0.45)]},
	{op: 'Tanh', inputs: [uniform(random, shape, -2, 2)]},
	{op: 'Softplus', inputs: [uniform(random, shape, -3, 3)]},
	{op: 'Softsign', inputs: [awayFromZero(random, shape)]},
	{op: 'Erf', inputs: [uniform(random, shape, -2, 2)]},
	{op: 'Gelu', inputs: [uniform(random, shape, -3, 3)], opset: 20},
	{
		op: 'Gelu',
		title: 'approximated by tanh',
		inputs: [uniform(random, shape, -3, 3)],
		opset: 20,
		attributes: {approximate: {kind: 'string', value: 'tanh'}},
	},
	{op: 'Gelu', title: 'of ONNX Runtime', inputs: [uniform(random, shape, -3, 3)], domain: 'com.microsoft'},
	{op: 'QuickGelu', inputs: [uniform(random, shape, -3, 3)], domain: 'com.microsoft'},
	...['BiasGelu', 'FastGelu'].map(op => ({
		op,
		inputs: [uniform(random, shape, -1, 1), uniform(random, [4], -1, 1)],
		domain: 'com.microsoft',
	})),
	{op: 'CastLike', inputs: [uniform(random, shape), {constant: scalar(1)}]},
	{op: 'Mish', inputs: [uniform(random, shape, -3, 3)], opset: 18},
];

for (const {title = '', ...spec} of activations) {
	test(`${spec.op} ${title} has the gradient that finite differences show`.replace('  ', ' '), async t => {
		const error = await checkOp(random, spec);
		t.true(error < tolerance, `${error}`);
	});
}
