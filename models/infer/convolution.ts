/** Convolutions and poolings: operators that slide a window over [batch, channels, …spatial]. */
import type {Dim} from '../graph.js';
import type {InferContext} from './context.js';
import {type Dims, multiply, show, unknownDim} from './dims.js';
import {agree, checkedDim, same, unknowns} from './rules.js';
import {type OperatorTable, op} from './signature.js';

export const autoPads = ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'] as const;
export type AutoPad = (typeof autoPads)[number];

/** The geometry of a sliding window, one entry per spatial axis. */
export interface Window {
	readonly kernel: readonly number[];
	readonly strides: readonly number[];
	readonly dilations: readonly number[];
	/** Before and after; zero where `autoPad` decides. */
	readonly begin: readonly number[];
	readonly end: readonly number[];
	readonly autoPad: AutoPad;
}

/** Reads and checks the attributes that every sliding operator has. */
export function windowOf(context: InferContext, kernel: readonly number[]): Window {
	const {length: rank} = kernel;
	const list = (name: string, byDefault: number, lowest: number, length = rank): readonly number[] => {
		const values = context.ints(name) ?? new Array<number>(length).fill(byDefault);
		if (values.length !== length || values.some(value => !Number.isSafeInteger(value) || value < lowest)) {
			context.fail(
				{
					problem: `attribute «${name}» does not fit`,
					expected: `${length} whole numbers ≥ ${lowest}`,
					got: show(values),
				},
				'MODEL_INVALID',
			);
		}
		return values;
	};
	const autoPad = context.string('auto_pad', 'NOTSET');
	if (!isAutoPad(autoPad)) {
		context.fail({problem: 'attribute «auto_pad»', expected: autoPads.join(', '), got: autoPad}, 'MODEL_INVALID');
	}
	const pads = list('pads', 0, 0, 2 * rank);
	if (kernel.some(size => !Number.isSafeInteger(size) || size < 1)) {
		context.fail({problem: 'the kernel is empty', got: show(kernel)}, 'MODEL_INVALID');
	}
	return {
		kernel,
		strides: list('strides', 1, 1),
		dilations: list('dilations', 1, 1),
		begin: pads.slice(0, rank),
		end: pads.slice(rank),
		autoPad,
	};
}

const isAutoPad = (text: string): text is AutoPad => (autoPads as readonly string[]).includes(text);

/** Output sizes of a window that slides over `spatial`. @param ceil round up, as `ceil_mode` of a pooling asks. */
export function slide(context: InferContext, spatial: Dims, window: Window, ceil = false): Dims {
	return spatial.map((size, axis) => {
		if (typeof size !== 'number') {
			return unknownDim;
		}
		const {kernel, strides, dilations, begin, end, autoPad} = window;
		const stride = strides[axis]!;
		if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
			return Math.ceil(size / stride);
		}
		const reach = (kernel[axis]! - 1) * dilations[axis]! + 1;
		const before = autoPad === 'VALID' ? 0 : begin[axis]!;
		const room = size + before + (autoPad === 'VALID' ? 0 : end[axis]!) - reach;
		const rounded = (ceil ? Math.ceil : Math.floor)(room / stride) + 1;
		// A last window that starts in the padding behind the data would see nothing: it is dropped, as PyTorch does.
		const dropped = ceil && (rounded - 1) * stride >= size + before ? rounded - 1 : rounded;
		return checkedDim(context, `output axis ${axis + 2}`, dropped);
	});
}

/** Splits [batch, channels, …spatial]. */
function parts(context: InferContext, index = 0): {batch: Dim; channels: Dim; spatial: Dims} {
	const [batch, channels, ...spatial] = context.shape(index);
	if (batch === undefined || channels === undefined || spatial.length === 0) {
		context.fail({
			problem: `input ${index} needs a batch, a channel and a spatial axis`,
			got: show(context.shape(index)),
		});
	}
	return {batch, channels, spatial};
}

/** Kernel sizes from the weight's shape, checked against the attribute of the same meaning. */
function kernelOf(context: InferContext, rank: number): readonly number[] | undefined {
	const sizes = context.ranked(1, rank + 2).slice(2);
	const declared = context.ints('kernel_shape');
	if (declared !== undefined) {
		for (const [axis, size] of sizes.entries()) {
			agree(context, 'kernel_shape', size, declared[axis] ?? -1);
		}
		return declared;
	}
	return sizes.every(size => typeof size === 'number') ? sizes : undefined;
}

function groupOf(context: InferContext): number {
	const group = context.int('group', 1);
	if (!Number.isSafeInteger(group) || group < 1) {
		context.fail({problem: 'attribute «group»', expected: 'a whole number ≥ 1', got: `${group}`}, 'MODEL_INVALID');
	}
	return group;
}

/** X [B, C, …], W [M, C/group, …k], bias [M] → [B, M, …]. */
export function conv(context: InferContext): readonly Dims[] {
	const {batch, channels, spatial} = parts(context);
	const kernel = kernelOf(context, spatial.length);
	const [filters, perGroup] = context.shape(1) as [Dim, Dim];
	const group = groupOf(context);
	agree(context, 'the channels of the weight', channels, multiply(perGroup, group));
	if (typeof filters === 'number' && filters % group !== 0) {
		context.fail({problem: 'the filters cannot be shared among the groups', got: `${filters} and ${group}`});
	}
	if (context.has(2)) {
		agree(context, 'the length of the bias', filters, context.ranked(2, 1)[0]!);
	}
	const sizes = kernel === undefined ? unknowns(spatial.length) : slide(context, spatial, windowOf(context, kernel));
	return [[batch, filters, ...sizes]];
}

/** X [B, C, …], W [C, M/group, …k], bias [M] → [B, M, …]. */
function convTranspose(context: InferContext): readonly Dims[] {
	const {batch, channels, spatial} = parts(context);
	const kernel = kernelOf(context, spatial.length);
	const [rows, perGroup] = context.shape(1) as [Dim, Dim];
	agree(context, 'the channels of the weight', channels, rows);
	const filters = multiply(perGroup, groupOf(context));
	if (context.has(2)) {
		agree(context, 'the length of the bias', filters, context.ranked(2, 1)[0]!);
	}
	if (kernel === undefined) {
		return [[batch, filters, ...unknowns(spatial.length)]];
	}
	const window = windowOf(context, kernel);
	const outputShape = context.ints('output_shape');
	const outputPadding = context.ints('output_padding') ?? kernel.map(() => 0);
	const sizes = spatial.map((size, axis) => {
		if (outputShape !== undefined) {
			return checkedDim(context, 'output_shape', outputShape.at(axis - spatial.length) ?? -1);
		}
		if (typeof size !== 'number') {
			return unknownDim;
		}
		const stride = window.strides[axis]!;
		if (window.autoPad === 'SAME_UPPER' || window.autoPad === 'SAME_LOWER') {
			return size * stride;
		}
		const reach = (kernel[axis]! - 1) * window.dilations[axis]! + 1;
		const pads = window.autoPad === 'VALID' ? 0 : window.begin[axis]! + window.end[axis]!;
		const total = stride * (size - 1) + (outputPadding[axis] ?? 0) + reach - pads;
		return checkedDim(context, `output axis ${axis + 2}`, total);
	});
	return [[batch, filters, ...sizes]];
}

function declaredKernel(context: InferContext, rank: number): readonly number[] {
	const kernel = context.ints('kernel_shape');
	if (kernel?.length !== rank) {
		context.fail(
			{problem: 'attribute «kernel_shape»', expected: `${rank} numbers`, got: show(kernel)},
			'MODEL_INVALID',
		);
	}
	return kernel;
}

function pool(context: InferContext): readonly Dims[] {
	const {batch, channels, spatial} = parts(context);
	const window = windowOf(context, declaredKernel(context, spatial.length));
	const sizes = slide(context, spatial, window, context.int('ceil_mode', 0) !== 0);
	return context.node.outputs.map(() => [batch, channels, ...sizes]);
}

function globalPool(context: InferContext): readonly Dims[] {
	const {batch, channels, spatial} = parts(context);
	return [[batch, channels, ...spatial.map(() => 1)]];
}

/** X and its flat indices [B, C, …]; optionally the whole output shape. */
function maxUnpool(context: InferContext): readonly Dims[] {
	const {batch, channels, spatial} = parts(context);
	if (context.has(2)) {
		const target = context.numbers(2);
		if (target.length !== spatial.length + 2) {
			context.fail({problem: 'the output shape has the wrong rank', got: show(target)});
		}
		return [target.map(dim => checkedDim(context, 'output_shape', dim))];
	}
	const {kernel, strides, begin, end} = windowOf(context, declaredKernel(context, spatial.length));
	const sizes = spatial.map((size, axis) =>
		typeof size === 'number'
			? checkedDim(context, `axis ${axis + 2}`, (size - 1) * strides[axis]! + kernel[axis]! - begin[axis]! - end[axis]!)
			: unknownDim,
	);
	return [[batch, channels, ...sizes]];
}

/** Columns [B, C · ∏block, L], image shape, block shape → [B, C, …image]. */
function col2Im(context: InferContext): readonly Dims[] {
	const [batch, rows] = context.ranked(0, 3) as [Dim, Dim, Dim];
	const image = context.numbers(1).map(dim => checkedDim(context, 'image_shape', dim));
	const block = context.numbers(2).reduce((product, size) => product * size, 1);
	if (typeof rows !== 'number') {
		return [[batch, unknownDim, ...image]];
	}
	return [[batch, checkedDim(context, 'the number of channels', rows / block), ...image]];
}

const sliding = {auto_pad: 'string', kernel_shape: 'ints', pads: 'ints', strides: 'ints'} as const;
const convolving = {...sliding, dilations: 'ints', group: 'int'} as const;
const pooling = {...sliding, dilations: 'ints', ceil_mode: 'int'} as const;

export const convolution: OperatorTable = {
	Conv: op('F F F? -> F', conv, convolving),
	ConvTranspose: op('F F F? -> F', convTranspose, {...convolving, output_padding: 'ints', output_shape: 'ints'}),
	MaxPool: op('N -> N int64?', pool, {...pooling, storage_order: 'int'}),
	AveragePool: op('F -> F', pool, {...pooling, count_include_pad: 'int'}),
	GlobalAveragePool: op('F -> F', globalPool),
	GlobalMaxPool: op('F -> F', globalPool),
	MaxUnpool: op('F int64 int64? -> F', maxUnpool, {kernel_shape: 'ints', pads: 'ints', strides: 'ints'}),
	Col2Im: op('T int64 int64 -> T', col2Im, {dilations: 'ints', pads: 'ints', strides: 'ints'}, {since: 18}),
	LRN: op('F -> F', same, {alpha: 'float', beta: 'float', bias: 'float', size: 'int'}),
};

export const fusedConvolution: OperatorTable = {
	FusedConv: op('F F F? F? -> F', conv, {...convolving, activation: 'string', activation_params: 'floats'}),
};
