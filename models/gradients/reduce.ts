/**
 * Gradients of reductions. Axes are an attribute or an input, by operator and opset; without axes all are reduced. `dy` is
 * first given the reduced axes back as ones (`kept`), so that it broadcasts against x.
 */
import {
	asFloat,
	attribute,
	div,
	expand,
	fromZero,
	integers,
	mul,
	reduceKeeping,
	reduceSum,
	reshape,
	scalarLike,
	scale,
	sub,
} from './ops.js';
import type {GradientRule, RuleContext} from './rule.js';

interface Reduction {
	readonly x: string;
	/** Reduced axes, counted from 0. Empty: the operator was told to change nothing. */
	readonly axes: readonly number[];
	/** The value with ones where axes were reduced. */
	kept(value: string): string;
	readonly dy: string;
	readonly y: string;
}

/** A rule from the reduction to the gradient of x, which is still to be broadcast to x's shape, times a factor. */
const reduction =
	(
		dx: (c: RuleContext, r: Reduction) => string,
		factor = (_c: RuleContext, _r: Reduction): number => 1,
	): GradientRule =>
	(c, [dy]) => {
		const x = c.inputs[0]!;
		const shape = c.shape(x);
		const given = attribute(c.node, 'axes', 'ints') ?? integers(c, 1) ?? [];
		const none = given.length === 0 && attribute(c.node, 'noop_with_empty_axes', 'int') === 1;
		const axes = given.length === 0 && !none ? [...shape.keys()] : given.map(axis => fromZero(axis, shape.length));
		const keptShape = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
		const kept = (value: string) => reshape(c, value, keptShape);
		const self: Reduction = {x, axes, kept, dy: kept(dy!), y: c.output(0)};
		return [expand(c, dx(c, self), shape, factor(c, self)), ...c.inputs.slice(1).map(() => undefined)];
	};

const count = (c: RuleContext, {x, axes}: Reduction): number =>
	axes.reduce((total, axis) => total * c.shape(x)[axis]!, 1);

/** dy goes to the elements that equal the extremum, in equal parts where several do (as PyTorch's amax). */
const extremum = reduction((c, r) => {
	const hits = asFloat(c, c.emit('Equal', [r.x, r.kept(r.y)]), r.x);
	return mul(c, hits, div(c, r.dy, reduceSum(c, hits, r.axes, true)));
});

/**
 * y = Πx: dy·y/x where nothing is 0. With one 0 only that element has a gradient, the product of the others; with more
 * there is none.
 */
const product = reduction((c, r) => {
	const isZero = c.emit('Equal', [r.x, scalarLike(c, r.x, 0)]);
	const safe = c.emit('Where', [isZero, scalarLike(c, r.x, 1), r.x]);
	const zeros = asFloat(c, isZero, r.x);
	const zeroCount = reduceSum(c, zeros, r.axes, true);
	const exactly = (n: number) => asFloat(c, c.emit('Equal', [zeroCount, scalarLike(c, r.x, n)]), r.x);
	const rest = reduceKeeping(c, 'ReduceProd', safe, r.axes);
	const atZero = mul(c, zeros, mul(c, exactly(1), rest));
	const elsewhere = div(c, mul(c, exactly(0), rest), safe);
	return mul(c, r.dy, c.emit('Add', [atZero, elsewhere]));
});

export const reduce = {
	ReduceSum: reduction((_c, r) => r.dy),
	ReduceMean: reduction(
		(_c, r) => r.dy,
		(c, r) => 1 / count(c, r),
	),
	ReduceMax: extremum,
	ReduceMin: extremum,
	ReduceProd: product,
	ReduceSumSquare: reduction((c, r) => mul(c, r.x, scale(c, r.dy, 2))),
	ReduceL1: reduction((c, r) => mul(c, r.dy, c.emit('Sign', [r.x]))),
	/** y = ‖x‖: dy·x/y, and 0 where y is 0 (there x is 0 too). */
	ReduceL2: reduction((c, r) => {
		const norm = c.emit('Max', [r.kept(r.y), scalarLike(c, r.x, 1e-30)]);
		return mul(c, r.x, div(c, r.dy, norm));
	}),
	/** y = ln Σx: dy/Σx, and Σx = eʸ */
	ReduceLogSum: reduction((c, r) => div(c, r.dy, c.emit('Exp', [r.kept(r.y)]))),
	/** y = ln Σeˣ: dy·e^(x−y) */
	ReduceLogSumExp: reduction((c, r) => mul(c, r.dy, c.emit('Exp', [sub(c, r.x, r.kept(r.y))]))),
} satisfies Record<string, GradientRule>;
