/** Ops that move elements without changing them. */
import {toTf} from '../convert.js';
import type {TfTensor, Value} from '../value.js';
import {commonShape, cut, expandTo} from './broadcast.js';
import type {Op, OpContext} from './context.js';

/** Axes from an input (newer opsets) or an attribute (older ones), resolved; undefined where neither is given. */
export function axesOf(context: OpContext, input: number, rank: number): number[] | undefined {
	const axes = context.numbers(input) ?? context.ints('axes');
	return axes?.map(axis => context.axis(axis, rank));
}

const host = (context: OpContext, shape: readonly number[], numbers: readonly number[]): Value =>
	toTf(
		context.tf,
		{dtype: 'int64', shape, data: BigInt64Array.from(numbers, value => BigInt(value))},
		context.node.name,
	);

const shape: Op = context => {
	const dims = context.value(0).shape;
	const from = context.int('start', 0);
	const to = context.int('end', dims.length);
	const part = dims.slice(from, to);
	return host(context, [part.length], part);
};

const size: Op = context => host(context, [], [context.value(0).raw.size]);

const reshape: Op = context => {
	const x = context.plain(0);
	const keepZero = context.int('allowzero', 0) === 1;
	const wanted = (context.numbers(1) ?? []).map((dim, axis) => (dim === 0 && !keepZero ? (x.shape[axis] ?? 0) : dim));
	const known = wanted.filter(dim => dim !== -1).reduce((product, dim) => product * dim, 1);
	const target = wanted.map(dim => (dim === -1 ? x.size / Math.max(known, 1) : dim));
	if (target.reduce((product, dim) => product * dim, 1) !== x.size || !target.every(Number.isInteger)) {
		context.fail(`[${x.shape}] cannot become [${wanted}]`, 'MODEL_SHAPE');
	}
	return context.of(context.tf.reshape(x, target));
};

const flatten: Op = context => {
	const x = context.plain(0);
	const at = context.int('axis', 1);
	const axis = at < 0 ? at + x.rank : at;
	const rows = x.shape.slice(0, axis).reduce((product, dim) => product * dim, 1);
	return context.of(context.tf.reshape(x, [rows, rows === 0 ? 0 : x.size / rows]));
};

const squeeze: Op = context => {
	const x = context.plain(0);
	const axes = axesOf(context, 1, x.rank) ?? x.shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
	return context.of(
		context.tf.reshape(
			x,
			x.shape.filter((_, axis) => !axes.includes(axis)),
		),
	);
};

const unsqueeze: Op = context => {
	const x = context.plain(0);
	const count = (context.numbers(1) ?? context.ints('axes') ?? []).length;
	const axes = axesOf(context, 1, x.rank + count) ?? [];
	const dims = [...x.shape];
	for (const axis of axes.toSorted((a, b) => a - b)) {
		dims.splice(axis, 0, 1);
	}
	return context.of(context.tf.reshape(x, dims));
};

const transpose: Op = context => {
	const x = context.value(0);
	const order = context.ints('perm') ?? x.shape.map((_, axis) => x.rank - 1 - axis);
	return context.of(context.tf.transpose(x.plain, [...order]));
};

const concat: Op = context => {
	const parts = Array.from({length: context.count}, (_, index) => context.value(index));
	const {rank} = context.value(0);
	const axis = context.axis(context.int('axis', 0), rank);
	if (axis === 1 && parts.some(part => part.lies === 'last')) {
		return context.channelsLast(
			context.tf.concat(
				parts.map(part => part.last),
				rank - 1,
			),
		);
	}
	return context.of(
		context.tf.concat(
			parts.map(part => part.plain),
			axis,
		),
	);
};

const split: Op = context => {
	const x = context.value(0);
	const axis = context.axis(context.int('axis', 0), x.rank);
	const length = x.shape[axis]!;
	const count = context.int('num_outputs', context.node.outputs.length);
	const chunk = Math.ceil(length / count);
	const even = Array.from({length: count}, (_, index) => Math.max(0, Math.min(chunk, length - index * chunk)));
	const sizes = context.numbers(1) ?? context.ints('split') ?? even;
	if (x.lies === 'last' && axis === 1) {
		return cut(context.tf, x.raw, sizes, x.rank - 1).map(part => context.channelsLast(part));
	}
	return cut(context.tf, x.plain, sizes, axis).map(part => context.of(part));
};

/** Picks rows of one axis; differentiable. The indices are checked here since the backends read past the end. */
export function take(context: OpContext, x: TfTensor, indices: readonly number[], axis: number): TfTensor {
	const length = x.shape[axis]!;
	const resolved = indices.map(index => (index < 0 ? index + length : index));
	const bad = resolved.findIndex(index => !(index >= 0 && index < length));
	if (bad >= 0) {
		context.fail(`index ${indices[bad]} into an axis of length ${length}`, 'DATA_SHAPE');
	}
	return context.tf.gather(x, context.tf.tensor1d(resolved, 'int32'), axis);
}

const slice: Op = context => {
	const x = context.plain(0);
	const starts = context.numbers(1) ?? context.ints('starts') ?? [];
	const ends = context.numbers(2) ?? context.ints('ends') ?? [];
	const axes = axesOf(context, 3, x.rank) ?? starts.map((_, axis) => axis);
	const steps = context.numbers(4) ?? starts.map(() => 1);
	let result = x;
	for (const [position, axis] of axes.entries()) {
		const dim = result.shape[axis]!;
		const step = steps[position]!;
		const resolve = (at: number, low: number, high: number) => Math.min(high, Math.max(low, at < 0 ? at + dim : at));
		const start = resolve(starts[position]!, 0, step > 0 ? dim : dim - 1);
		const end = resolve(ends[position]!, step > 0 ? 0 : -1, dim);
		const length = Math.max(0, Math.ceil((end - start) / step));
		if (step === 1) {
			const begin = result.shape.map((_, other) => (other === axis ? start : 0));
			const extent = result.shape.map((other, index) => (index === axis ? length : other));
			result = context.tf.slice(result, begin, extent);
		} else {
			const indices = Array.from({length}, (_, index) => start + index * step);
			result = take(context, result, indices, axis);
		}
	}
	return context.of(result);
};

const gather: Op = context => {
	const x = context.plain(0);
	const indices = context.value(1);
	const axis = context.axis(context.int('axis', 0), x.rank);
	const taken = take(context, x, indices.host, axis);
	return context.of(
		context.tf.reshape(taken, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]),
	);
};

const expand: Op = context => {
	const x = context.plain(0);
	const target = commonShape(x.shape, context.numbers(1) ?? []);
	return context.of(
		expandTo(context.tf, x, target ?? context.fail(`[${x.shape}] to [${context.numbers(1)}]`, 'MODEL_SHAPE')),
	);
};

/** By putting copies side by side, since tfjs' tile has no gradient beyond rank 4. */
const tile: Op = context => {
	let result = context.plain(0);
	for (const [axis, repeats] of (context.numbers(1) ?? []).entries()) {
		if (repeats === 0) {
			context.fail('tiling zero times');
		}
		result = repeats === 1 ? result : context.tf.concat(Array<TfTensor>(repeats).fill(result), axis);
	}
	return context.of(result);
};

/** Index of the element that padding shows at `position` (which may lie outside) of an axis of this length. */
const mirrored = {
	reflect(position: number, length: number): number {
		const period = Math.max(1, 2 * (length - 1));
		const at = ((position % period) + period) % period;
		return at < length ? at : period - at;
	},
	edge: (position: number, length: number) => Math.min(length - 1, Math.max(0, position)),
	wrap: (position: number, length: number) => ((position % length) + length) % length,
} as const;

const pad: Op = context => {
	const x = context.plain(0);
	const amounts = context.numbers(1) ?? context.ints('pads') ?? [];
	const axes = axesOf(context, 3, x.rank) ?? x.shape.map((_, axis) => axis);
	const mode = context.string('mode', 'constant');
	let result = x;
	for (const [position, axis] of axes.entries()) {
		const before = amounts[position]!;
		const after = amounts[position + axes.length]!;
		const dim = result.shape[axis]!;
		if (before === 0 && after === 0) {
			continue;
		}
		if (mode === 'constant') {
			const cut = (amount: number) => Math.max(0, -amount);
			const cropped = context.tf.slice(
				result,
				result.shape.map((_, other) => (other === axis ? cut(before) : 0)),
				result.shape.map((other, index) => (index === axis ? dim - cut(before) - cut(after) : other)),
			);
			const widths = result.shape.map((_, other): [number, number] =>
				other === axis ? [Math.max(0, before), Math.max(0, after)] : [0, 0],
			);
			result = context.tf.pad(cropped, widths, context.numbers(2)?.[0] ?? context.float('value', 0));
		} else if (mode === 'reflect' || mode === 'edge' || mode === 'wrap') {
			const indices = Array.from({length: dim + before + after}, (_, at) => mirrored[mode](at - before, dim));
			result = take(context, result, indices, axis);
		} else {
			context.fail(`padding mode «${mode}»`);
		}
	}
	return context.of(result);
};

const constantOfShape: Op = context => {
	const dims = context.numbers(0) ?? [];
	const fill = context.attribute('value', 'tensor');
	const length = dims.reduce((product, dim) => product * dim, 1);
	if (fill === undefined) {
		return context.of(context.tf.zeros([...dims]));
	}
	const [value] = toTf(context.tf, fill, context.node.name).host;
	const type = toTf(context.tf, fill, context.node.name).raw.dtype as 'float32' | 'int32' | 'bool';
	return context.of(context.tf.fill([...dims], length === 0 ? 0 : value!, type));
};

const constant: Op = context => {
	const value = context.attribute('value', 'tensor');
	if (value !== undefined) {
		return toTf(context.tf, value, context.node.name);
	}
	const float = context.attribute('value_float', 'float');
	const floats = context.attribute('value_floats', 'floats') ?? (float === undefined ? undefined : [float]);
	if (floats !== undefined) {
		return context.of(context.tf.tensor([...floats], float === undefined ? [floats.length] : []));
	}
	const int = context.attribute('value_int', 'int');
	const ints = context.ints('value_ints') ?? (int === undefined ? undefined : [int]);
	return ints === undefined
		? context.fail('a Constant without a numeric value')
		: host(context, int === undefined ? [ints.length] : [], ints);
};

const range: Op = context => {
	const [start, limit, delta] = [0, 1, 2].map(index => context.numbers(index)?.[0] ?? 0) as [number, number, number];
	const length = Math.max(0, Math.ceil((limit - start) / delta));
	const numbers = Array.from({length}, (_, index) => start + index * delta);
	return context.plain(0).dtype === 'float32'
		? context.of(context.tf.tensor1d(numbers, 'float32'))
		: host(context, [length], numbers);
};

export const shapeOps = {
	Shape: shape,
	Size: size,
	Reshape: reshape,
	Flatten: flatten,
	Squeeze: squeeze,
	Unsqueeze: unsqueeze,
	Transpose: transpose,
	Concat: concat,
	Split: split,
	Slice: slice,
	Gather: gather,
	Expand: expand,
	Tile: tile,
	Pad: pad,
	Constant: constant,
	ConstantOfShape: constantOfShape,
	Range: range,
} as const satisfies Record<string, Op>;
