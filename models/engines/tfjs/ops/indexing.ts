/**
 * Reading and writing single elements. Indices are read on the host and turned into positions of the flattened data, so
 * that one differentiable gather (or segment sum) does the rest.
 */
import {toTf} from '../convert.js';
import type {TfTensor, Value} from '../value.js';
import type {Op, OpContext} from './context.js';
import {take} from './shape.js';

const sizeOf = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);

/** Elements between neighbours along each axis. */
const stridesOf = (shape: readonly number[]) => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

/** An index that may count from the end, checked. */
function resolve(context: OpContext, index: number, length: number): number {
	const resolved = index < 0 ? index + length : index;
	return resolved >= 0 && resolved < length
		? resolved
		: context.fail(`index ${index} into an axis of length ${length}`, 'DATA_SHAPE');
}

/** For every element of `indices`: its own place in the data, but with its value as the coordinate along `axis`. */
function elementPositions(context: OpContext, shape: readonly number[], indices: Value, axis: number): number[] {
	const strides = stridesOf(shape);
	const own = stridesOf(indices.shape);
	return indices.host.map((index, at) =>
		shape.reduce((position, dim, dimension) => {
			const coordinate =
				dimension === axis
					? resolve(context, index, dim)
					: Math.floor(at / own[dimension]!) % indices.shape[dimension]!;
			return position + coordinate * strides[dimension]!;
		}, 0),
	);
}

/** For every tuple in the last axis of `indices`: where the slice begins that it points at. */
function slicePositions(context: OpContext, shape: readonly number[], indices: Value, batch: number): number[] {
	const strides = stridesOf(shape);
	const depth = indices.shape.at(-1)!;
	const tuples = sizeOf(indices.shape.slice(0, -1));
	const perBatch = tuples / sizeOf(shape.slice(0, batch));
	return Array.from({length: tuples}, (_, tuple) => {
		let position = Math.floor(tuple / perBatch) * sizeOf(shape.slice(batch));
		for (let level = 0; level < depth; level++) {
			const axis = batch + level;
			position += resolve(context, indices.host[tuple * depth + level]!, shape[axis]!) * strides[axis]!;
		}
		return position;
	});
}

/** Each position stands for `width` elements in a row. */
const widen = (positions: readonly number[], width: number) =>
	positions.flatMap(position => Array.from({length: width}, (_, offset) => position + offset));

const flat = (context: OpContext, t: TfTensor) => context.tf.reshape(t, [t.size]);

const gatherElements: Op = context => {
	const x = context.plain(0);
	const indices = context.value(1);
	const axis = context.axis(context.int('axis', 0), x.rank);
	const positions = elementPositions(context, x.shape, indices, axis);
	return context.of(context.tf.reshape(take(context, flat(context, x), positions, 0), [...indices.shape]));
};

const gatherND: Op = context => {
	const x = context.plain(0);
	const indices = context.value(1);
	const batch = context.int('batch_dims', 0);
	const inner = x.shape.slice(batch + indices.shape.at(-1)!);
	const positions = widen(slicePositions(context, x.shape, indices, batch), sizeOf(inner));
	const taken = take(context, flat(context, x), positions, 0);
	return context.of(context.tf.reshape(taken, [...indices.shape.slice(0, -1), ...inner]));
};

/** Puts (or adds) the flattened updates at positions of the data; of several for one place the last one stays. */
function scatter(context: OpContext, positions: readonly number[]): Value {
	const {tf} = context;
	const x = context.plain(0);
	const updates = flat(context, context.plain(2));
	const reduction = context.string('reduction', 'none');
	if (reduction === 'add') {
		const sums = tf.unsortedSegmentSum(updates, tf.tensor1d([...positions], 'int32'), x.size);
		return context.of(tf.add(x, tf.reshape(sums, x.shape)));
	}
	if (reduction !== 'none') {
		context.fail(`reduction «${reduction}»`);
	}
	const source = Array.from({length: x.size}, (_, index) => index);
	for (const [update, position] of positions.entries()) {
		source[position] = x.size + update;
	}
	return context.of(tf.reshape(take(context, tf.concat([flat(context, x), updates]), source, 0), x.shape));
}

const scatterElements: Op = context => {
	const {shape} = context.value(0);
	const axis = context.axis(context.int('axis', 0), shape.length);
	return scatter(context, elementPositions(context, shape, context.value(1), axis));
};

const scatterND: Op = context => {
	const {shape} = context.value(0);
	const indices = context.value(1);
	const width = sizeOf(shape.slice(indices.shape.at(-1)!));
	return scatter(context, widen(slicePositions(context, shape, indices, 0), width));
};

const oneHot: Op = context => {
	const {tf} = context;
	const indices = context.value(0);
	const depth = context.numbers(1)?.[0] ?? 0;
	const [off, on] = (context.numbers(2) ?? [0, 1]) as [number, number];
	const axis = context.axis(context.int('axis', -1), indices.rank + 1);
	const wrapped = indices.host.map(index => (index < 0 ? index + depth : index));
	const codes = tf.oneHot(tf.tensor(wrapped, [...indices.shape], 'int32'), depth, on, off);
	const order = indices.shape.map((_, dimension) => dimension).toSpliced(axis, 0, indices.rank);
	return context.of(tf.cast(tf.transpose(codes, order), context.plain(2).dtype));
};

/** Keeps the triangle above (or below) a diagonal of the last two axes. */
const trilu: Op = context => {
	const {tf} = context;
	const x = context.plain(0);
	const offset = context.numbers(1)?.[0] ?? 0;
	const upper = context.int('upper', 1) === 1;
	const [rows, columns] = x.shape.slice(-2) as [number, number];
	const mask = Array.from({length: rows * columns}, (_, at) => {
		const across = (at % columns) - Math.floor(at / columns);
		return (upper ? across >= offset : across <= offset) ? 1 : 0;
	});
	return context.of(tf.mul(x, tf.tensor(mask, [rows, columns], x.dtype === 'float32' ? 'float32' : 'int32')));
};

const eyeLike: Op = context => {
	const [rows, columns] = context.value(0).shape as [number, number];
	const offset = context.int('k', 0);
	const data = Float32Array.from({length: rows * columns}, (_, at) =>
		(at % columns) - Math.floor(at / columns) === offset ? 1 : 0,
	);
	return toTf(context.tf, {dtype: 'float32', shape: [rows, columns], data}, context.node.name);
};

/** [N, b · b · C, H, W] → [N, C, H · b, W · b] */
const depthToSpace: Op = context => {
	const {tf} = context;
	const x = context.plain(0);
	const [n, channels, h, w] = x.shape as [number, number, number, number];
	const block = context.int('blocksize', 1);
	const c = channels / (block * block);
	const columnsFirst = context.string('mode', 'DCR') === 'CRD';
	const open = tf.reshape(x, columnsFirst ? [n, c, block, block, h, w] : [n, block, block, c, h, w]);
	const turned = tf.transpose(open, columnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
	return context.of(tf.reshape(turned, [n, c, h * block, w * block]));
};

/** [N, C, H · b, W · b] → [N, b · b · C, H, W] */
const spaceToDepth: Op = context => {
	const {tf} = context;
	const x = context.plain(0);
	const [n, c, height, width] = x.shape as [number, number, number, number];
	const block = context.int('blocksize', 1);
	const [h, w] = [height / block, width / block];
	const turned = tf.transpose(tf.reshape(x, [n, c, h, block, w, block]), [0, 3, 5, 1, 2, 4]);
	return context.of(tf.reshape(turned, [n, c * block * block, h, w]));
};

export const indexingOps = {
	GatherElements: gatherElements,
	GatherND: gatherND,
	ScatterElements: scatterElements,
	ScatterND: scatterND,
	OneHot: oneHot,
	Trilu: trilu,
	EyeLike: eyeLike,
	DepthToSpace: depthToSpace,
	SpaceToDepth: spaceToDepth,
} as const satisfies Record<string, Op>;
