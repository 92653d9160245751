/** Ops that move elements. */
import {float32, int64, scalar} from '../../../core/tensor/tensor.js';
import {type OpCase, opCase} from './build.js';

const list = (...values: number[]) => int64([values.length], values);
const toTheEnd = Number.MAX_SAFE_INTEGER;

const rearranging: readonly OpCase[] = [
	opCase('Reshape', [3, 4], 'y = Reshape(v, to)', {to: list(0, -1, 2)}),
	opCase('Flatten', [3, 4, 2], 'y = Flatten(v) axis=2'),
	opCase('Squeeze', [1, 4, 1], 'y = Squeeze(v, axes)', {axes: list(1)}),
	opCase('Unsqueeze', [3, 4], 'y = Unsqueeze(v, axes)', {axes: list(0, -1)}),
	opCase('Transpose', [3, 4, 2], 'y = Transpose(v) perm=[0, 3, 1, 2]'),
	opCase('Transpose by default', [3, 4], 'y = Transpose(v)'),
	opCase('Concat', [3, 4], 'e = Exp(v); y = Concat(v, e, v) axis=1'),
	opCase('Concat of channels after a convolution', [4, 3, 3], 'c = Conv(v, k); y = Concat(v, c) axis=1', {
		k: [3, 4, 1, 1],
	}),
	opCase('Split by sizes', [3, 4], 'a, b = Split(v, sizes) axis=2; y = Mul(a, b)', {sizes: list(1, 3)}),
	opCase('Split evenly, with a part that nobody wants', [3, 4], 'a, unwanted = Split(v) axis=-1; y = Exp(a)'),
	opCase('Split into one part', [3, 4], 'a = Split(v, sizes) axis=2; y = Exp(a)', {sizes: list(4)}),
	opCase('Split of channels after a convolution', [4, 3, 3], 'c = Conv(v, k); a, b = Split(c) axis=1; y = Mul(a, b)', {
		k: [6, 4, 1, 1],
	}),
	opCase('Slice', [3, 4], 'y = Slice(v, from, to, axes)', {
		from: list(-2, 1),
		to: list(toTheEnd, -1),
		axes: list(1, 2),
	}),
	opCase('Slice with steps', [5, 4], 'y = Slice(v, from, to, axes, steps)', {
		from: list(-1, 0),
		to: list(-9, 4),
		axes: list(1, 2),
		steps: list(-2, 3),
	}),
	opCase('Expand', [1, 4], 'y = Expand(v, to)', {to: list(2, 3, 1)}),
	opCase('Tile', [3, 2, 2], 'y = Tile(v, by)', {by: list(1, 2, 1, 3)}),
	opCase('Pad', [3, 4], 'y = Pad(v, pads, value)', {pads: list(0, 1, 0, 0, 0, 2), value: scalar(0.5)}),
	opCase('Pad by cropping', [3, 4], 'y = Pad(v, pads)', {pads: list(0, -1, 1, 0, 0, -2)}),
	...['reflect', 'edge'].map(mode =>
		opCase(`Pad by ${mode}`, [3, 4], `y = Pad(v, pads) mode="${mode}"`, {pads: list(0, 1, 2, 0, 2, 1)}),
	),
	...['DCR', 'CRD'].map(mode =>
		opCase(`DepthToSpace, ${mode}`, [8, 2, 3], `y = DepthToSpace(v) blocksize=2 mode="${mode}"`),
	),
	opCase('SpaceToDepth', [2, 4, 6], 'y = SpaceToDepth(v) blocksize=2'),
	opCase('Trilu', [4, 4], 'y = Trilu(v) upper=0'),
	opCase('Trilu above a diagonal', [3, 4], 'y = Trilu(v, k)', {k: int64([], [1])}),
	opCase('EyeLike', [4], 'e = EyeLike(v) k=1; y = Mul(v, e)'),
	// Larger than what is folded when a graph is compiled.
	opCase(
		'Constant, ConstantOfShape, Range and Size',
		[1, 4],
		's = Shape(v); c = ConstantOfShape(s); k = ConstantOfShape(big); r = Range(zero, end, one); l = Size(v);' +
			'lf = Cast(l) to=1; t = Add(k, r); q = ReduceMax(t) keepdims=0; n = Constant() value_float=2.5;' +
			'y = Sum(v, c, q, n, lf)',
		{big: list(1, 600_000), zero: scalar(0), end: scalar(600_000), one: scalar(1)},
	),
];

const indexing: readonly OpCase[] = [
	opCase('Gather', [3, 4], 'y = Gather(v, at) axis=1', {at: int64([2, 2], [0, 2, -1, 2])}),
	opCase('Gather of one', [3, 4], 'y = Gather(v, at) axis=2', {at: int64([], [1])}),
	opCase('GatherElements', [3, 4], 'y = GatherElements(v, at) axis=2', {
		at: int64([2, 3, 2], [0, 1, 3, 3, -1, 2, 0, 0, 1, 2, 3, 0]),
	}),
	opCase('GatherND', [3, 4], 'y = GatherND(v, at)', {at: int64([2, 2], [0, 1, 1, -1])}),
	opCase('GatherND with batch axes', [3, 4], 'y = GatherND(v, at) batch_dims=1', {at: int64([2, 2, 1], [0, 1, 2, 2])}),
	opCase('ScatterElements', [3, 4], 'y = ScatterElements(v, at, u) axis=2', {
		at: int64([1, 3, 2], [0, 1, 3, 2, 1, 0]),
		u: [1, 3, 2],
	}),
	opCase(
		'ScatterElements, adding',
		[3, 4],
		'y = ScatterElements(v, at, u) axis=2 reduction="add"',
		{at: int64([1, 3, 2], [0, 0, 3, 2, 1, 1]), u: [1, 3, 2]},
		{opset: 18},
	),
	opCase('ScatterND', [3, 4], 'y = ScatterND(v, at, u)', {at: int64([2, 2], [0, 2, 1, 0]), u: [2, 4]}),
	opCase('OneHot', [3, 4], 'a = ArgMax(v) axis=2 keepdims=0; h = OneHot(a, depth, values); y = Mul(v, h)', {
		depth: int64([], [4]),
		values: float32([2], [-1, 2]),
	}),
];

export const moving: readonly OpCase[] = [...rearranging, ...indexing];
