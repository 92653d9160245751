/** Gradients of indexing: what was read from several places is added up there, what was written elsewhere does not count. */
import {FplError} from '../../core/errors.js';
import {int64, sizeOf} from '../../core/tensor/tensor.js';
import {type Attributes, int, string} from '../graph.js';
import {attribute, fromZero, integers, others, reshape, shapeConstant, transpose, zerosOf} from './ops.js';
import type {GradientRule, RuleContext} from './rule.js';
import {pad} from './slice.js';

const adding: Attributes = {reduction: string('add')};

/** Zeros like `like` with `updates` added at `indices` (ScatterND). */
const scattered = (c: RuleContext, like: string, indices: string, updates: string): string =>
	c.emit('ScatterND', [zerosOf(c, c.dtype(like), c.shape(like)), indices, updates], adding);

/**
 * y = data[…, indices, …] along one axis. The axis is brought to the front, then rows of dy are added to rows of zeros. A
 * single index known beforehand (a token's or a step's place) needs only padding.
 */
const gather: GradientRule = (c, [dy]) => {
	const [data, indices] = c.inputs as [string, string];
	const shape = c.shape(data);
	const axis = fromZero(attribute(c.node, 'axis', 'int') ?? 0, shape.length);
	const dim = shape[axis]!;
	if (c.known(indices) !== undefined && sizeOf(c.shape(indices)) === 1) {
		const at = fromZero(integers(c, 1)![0]!, dim);
		const none = shape.map(() => 0);
		const single = reshape(c, dy!, shape.with(axis, 1));
		return [pad(c, single, none.with(axis, at), none.with(axis, dim - 1 - at)), undefined];
	}
	const count = sizeOf(c.shape(indices));
	const inner = shape.slice(axis + 1);
	const outer = shape.slice(0, axis);
	const front = [axis, ...others([axis], shape.length)];
	const frontShape = front.map(at => shape[at]!);
	const flat = reshape(c, dy!, [sizeOf(outer), count, sizeOf(inner)]);
	const rows = reshape(c, transpose(c, flat, [1, 0, 2]), [count, ...frontShape.slice(1)]);
	const base = zerosOf(c, c.dtype(data), frontShape);
	const sum = c.emit('ScatterND', [base, reshape(c, indices, [count, 1]), rows], adding);
	const back = shape.map((_, at) => front.indexOf(at));
	return [transpose(c, sum, back), undefined];
};

const elementAttributes = (c: RuleContext, more: Attributes = {}): Attributes => ({
	axis: int(attribute(c.node, 'axis', 'int') ?? 0),
	...more,
});

const gatherElements: GradientRule = (c, [dy]) => {
	const [data, indices] = c.inputs as [string, string];
	const base = zerosOf(c, c.dtype(data), c.shape(data));
	return [c.emit('ScatterElements', [base, indices, dy!], elementAttributes(c, adding)), undefined];
};

/** Batch dimensions, which ScatterND does not know, become explicit indices. */
const gatherND: GradientRule = (c, [dy]) => {
	const [data, indices] = c.inputs as [string, string];
	const batchDims = attribute(c.node, 'batch_dims', 'int') ?? 0;
	const shape = c.shape(indices);
	const grid = Array.from({length: batchDims}, (_, axis) => {
		const along = int64(
			shape.map((_dim, at) => (at === axis ? shape[axis]! : 1)),
			[...Array(shape[axis]!).keys()],
		);
		return c.emit('Expand', [c.constant(along), shapeConstant(c, shape.with(-1, 1))]);
	});
	const full = grid.length === 0 ? indices : c.emit('Concat', [...grid, indices], {axis: int(-1)});
	return [scattered(c, data, full, dy!), undefined];
};

/** y = data with updates written (or added) at indices: data keeps dy where nothing was written. */
const scatterElements: GradientRule = (c, [dy]) => {
	const indices = c.inputs[1]!;
	const attributes = elementAttributes(c);
	const kept = () => {
		const zeros = zerosOf(c, c.dtype(dy!), c.shape(indices));
		return c.emit('ScatterElements', [dy!, indices, zeros], attributes);
	};
	return scatterGradients(c, dy!, kept, () => c.emit('GatherElements', [dy!, indices], attributes));
};

const scatterND: GradientRule = (c, [dy]) => {
	const [, indices, updates] = c.inputs as [string, string, string];
	const kept = () => c.emit('ScatterND', [dy!, indices, zerosOf(c, c.dtype(dy!), c.shape(updates))]);
	return scatterGradients(c, dy!, kept, () => c.emit('GatherND', [dy!, indices]));
};

function scatterGradients(c: RuleContext, dy: string, kept: () => string, read: () => string) {
	const reduction = attribute(c.node, 'reduction', 'string') ?? 'none';
	if (reduction !== 'none' && reduction !== 'add') {
		throw new FplError('MODEL_GRADIENT', {
			where: `node «${c.node.name}» (${c.node.op})`,
			problem: 'only plain and adding scatters have a gradient rule',
			got: `reduction ${reduction}`,
		});
	}
	return [c.wants(0) ? (reduction === 'add' ? dy : kept()) : undefined, undefined, c.wants(2) ? read() : undefined];
}

export const gathering = {
	Gather: gather,
	GatherElements: gatherElements,
	GatherND: gatherND,
	ScatterElements: scatterElements,
	ScatterND: scatterND,
} satisfies Record<string, GradientRule>;
