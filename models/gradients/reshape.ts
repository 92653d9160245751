/** Gradients of operators that only rearrange or repeat elements. */
import {attribute, integers, reduceSum, reshape, transpose} from './ops.js';
import type {GradientRule, RuleContext} from './rule.js';

/** The gradient of the only differentiable input (the first), undefined for shapes, axes and the like. */
export const first = (c: RuleContext, dx: string): readonly (string | undefined)[] =>
	c.inputs.map((_, index) => (index === 0 ? dx : undefined));

/** Same elements, another shape: dy in the shape of x. */
const sameElements: GradientRule = (c, [dy]) => first(c, reshape(c, dy!, c.shape(c.inputs[0]!)));

const transposed: GradientRule = (c, [dy]) => {
	const rank = c.shape(c.inputs[0]!).length;
	const permutation = attribute(c.node, 'perm', 'ints') ?? Array.from({length: rank}, (_, axis) => rank - 1 - axis);
	const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
	return [transpose(c, dy!, inverse)];
};

/** Every element went to several places: sum over them. */
const tiled: GradientRule = (c, [dy]) => {
	const shape = c.shape(c.inputs[0]!);
	const repeats = integers(c, 1)!;
	const apart = reshape(
		c,
		dy!,
		shape.flatMap((dim, axis) => [repeats[axis]!, dim]),
	);
	const summed = reduceSum(
		c,
		apart,
		repeats.flatMap((repeat, axis) => (repeat === 1 ? [] : [2 * axis])),
	);
	return first(c, reshape(c, summed, shape));
};

/** Blocks of pixels to channels and back: each is the other's gradient, for the two orders of channels. */
const pixels = (c: RuleContext, dy: string, towardsDepth: boolean): string => {
	const block = attribute(c.node, 'blocksize', 'int')!;
	const columnsFirst = attribute(c.node, 'mode', 'string') === 'CRD';
	const [n, channels, height, width] = c.shape(c.inputs[0]!) as [number, number, number, number];
	if (!towardsDepth) {
		// x [n, b·b·k, h, w] became [n, k, h·b, w·b]; dy goes back.
		const k = channels / (block * block);
		const apart = reshape(c, dy, [n, k, height, block, width, block]);
		const order = columnsFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
		return reshape(c, transpose(c, apart, order), [n, channels, height, width]);
	}
	const apart = reshape(c, dy, [n, block, block, channels, height / block, width / block]);
	return reshape(c, transpose(c, apart, [0, 3, 4, 1, 5, 2]), [n, channels, height, width]);
};

/** The gradient of a running sum runs the other way. */
const cumSum: GradientRule = (c, [dy]) => {
	const flag = (name: string) => attribute(c.node, name, 'int') ?? 0;
	return first(
		c,
		c.emit('CumSum', [dy!, c.inputs[1]!], {
			exclusive: {kind: 'int', value: flag('exclusive')},
			reverse: {kind: 'int', value: 1 - flag('reverse')},
		}),
	);
};

export const reshaping = {
	Reshape: sameElements,
	Flatten: sameElements,
	Squeeze: sameElements,
	Unsqueeze: sameElements,
	Transpose: transposed,
	Expand: (c, [dy]) => first(c, c.unbroadcast(dy!, c.shape(c.inputs[0]!))),
	Tile: tiled,
	DepthToSpace: (c, [dy]) => [pixels(c, dy!, false)],
	SpaceToDepth: (c, [dy]) => [pixels(c, dy!, true)],
	Trilu: (c, [dy]) => first(c, c.emit('Trilu', [dy!, ...c.inputs.slice(1)], c.node.attributes)),
	CumSum: cumSum,
} satisfies Record<string, GradientRule>;
