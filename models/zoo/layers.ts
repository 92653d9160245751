/** Layers with the parameter names, shapes and initial values of their PyTorch namesakes. */
import {FplError} from '../../core/errors.js';
import {int64, type Shape, scalar, sizeOf} from '../../core/tensor/tensor.js';
import {float, int, ints} from '../graph.js';
import type {GraphBuilder, Value} from './builder.js';
import {fanIn, fill} from './initialise.js';

export interface ConvOptions {
	/** Output channels. */
	readonly out: number;
	/** Side of the (square) kernel; length of a 1-D one. */
	readonly kernel: number;
	readonly stride?: number;
	readonly pad?: number;
	readonly groups?: number;
	readonly bias?: boolean;
}

/** Length of one spatial axis after a window moved over it. @throws FplError `MODEL_SHAPE` when nothing is left. */
function slide(where: string, length: number, kernel: number, stride: number, pad: number): number {
	const result = Math.floor((length + 2 * pad - kernel) / stride) + 1;
	if (result < 1) {
		throw new FplError('MODEL_SHAPE', {
			where,
			problem: 'the input is too small for this model',
			expected: `at least ${kernel - 2 * pad} per spatial axis here`,
			got: `${length}`,
		});
	}
	return result;
}

const slideAll = (where: string, lengths: Shape, kernel: number, stride: number, pad: number): Shape =>
	lengths.map(length => slide(where, length, kernel, stride, pad));

/** Convolution over as many spatial axes as the value has. */
export function conv(b: GraphBuilder, name: string, x: Value, options: ConvOptions): Value {
	const {out, kernel, stride = 1, pad = 0, groups = 1, bias = true} = options;
	const [channels, ...lengths] = x.shape as [number, ...number[]];
	const each = <T>(value: T) => lengths.map(() => value);
	const weightShape = [out, channels / groups, ...each(kernel)];
	const initialise = fanIn(sizeOf(weightShape.slice(1)));
	const inputs = [x.name, b.parameter(`${name}.weight`, weightShape, initialise)];
	if (bias) {
		inputs.push(b.parameter(`${name}.bias`, [out], initialise));
	}
	const attributes = {
		kernel_shape: ints(each(kernel)),
		strides: ints(each(stride)),
		pads: ints([...each(pad), ...each(pad)]),
		dilations: ints(each(1)),
		group: int(groups),
	};
	return {
		name: b.node(name, 'Conv', inputs, attributes),
		shape: [out, ...slideAll(`${name} (Conv)`, lengths, kernel, stride, pad)],
	};
}

export interface NormOptions {
	readonly epsilon?: number;
	/** Share of a batch's statistics in the running ones, as PyTorch counts; ONNX keeps one minus this. */
	readonly momentum?: number;
}

/**
 * Batch normalisation in inference form: one output, running statistics as buffers. Compiling for training turns it into
 * training mode.
 */
export function batchNorm(b: GraphBuilder, name: string, x: Value, options: NormOptions = {}): Value {
	const {epsilon = 1e-5, momentum = 0.1} = options;
	const shape = [x.shape[0]!];
	const inputs = [
		x.name,
		b.parameter(`${name}.weight`, shape, fill(1)),
		b.parameter(`${name}.bias`, shape, fill(0)),
		b.buffer(`${name}.running_mean`, shape, 0),
		b.buffer(`${name}.running_var`, shape, 1),
	];
	return {
		name: b.node(name, 'BatchNormalization', inputs, {epsilon: float(epsilon), momentum: float(1 - momentum)}),
		shape: x.shape,
	};
}

/** An operator of one input and no attributes that keeps the shape: Relu, HardSwish, Sigmoid … */
export const activation = (b: GraphBuilder, name: string, op: string, x: Value): Value => ({
	name: b.node(name, op, [x.name]),
	shape: x.shape,
});

export const relu = (b: GraphBuilder, name: string, x: Value): Value => activation(b, name, 'Relu', x);

/** min(max(x, 0), 6), the activation of the mobile nets. */
export const relu6 = (b: GraphBuilder, name: string, x: Value): Value => ({
	name: b.node(name, 'Clip', [x.name, b.constant(`${name}.min`, scalar(0)), b.constant(`${name}.max`, scalar(6))]),
	shape: x.shape,
});

export interface PoolOptions {
	readonly kernel: number;
	readonly stride?: number;
	readonly pad?: number;
}

export function maxPool(
	b: GraphBuilder,
	name: string,
	x: Value,
	{kernel, stride = kernel, pad = 0}: PoolOptions,
): Value {
	const [channels, ...lengths] = x.shape as [number, ...number[]];
	const each = (value: number) => lengths.map(() => value);
	const attributes = {
		kernel_shape: ints(each(kernel)),
		strides: ints(each(stride)),
		pads: ints([...each(pad), ...each(pad)]),
	};
	return {
		name: b.node(name, 'MaxPool', [x.name], attributes),
		shape: [channels, ...slideAll(`${name} (MaxPool)`, lengths, kernel, stride, pad)],
	};
}

/** Mean over all spatial axes, which stay with length 1. */
export const globalAveragePool = (b: GraphBuilder, name: string, x: Value): Value => ({
	name: b.node(name, 'GlobalAveragePool', [x.name]),
	shape: x.shape.map((dim, axis) => (axis === 0 ? dim : 1)),
});

/** [N, …] → [N, product of the rest]. */
export const flatten = (b: GraphBuilder, name: string, x: Value): Value => ({
	name: b.node(name, 'Flatten', [x.name], {axis: int(1)}),
	shape: [sizeOf(x.shape)],
});

/** y = x · Wᵀ + b with W of shape [out, in], over a value of shape [N, in]. */
export function linear(b: GraphBuilder, name: string, x: Value, out: number): Value {
	const features = x.shape[0]!;
	const inputs = [
		x.name,
		b.parameter(`${name}.weight`, [out, features], fanIn(features)),
		b.parameter(`${name}.bias`, [out], fanIn(features)),
	];
	return {name: b.node(name, 'Gemm', inputs, {transB: int(1)}), shape: [out]};
}

export const add = (b: GraphBuilder, name: string, x: Value, y: Value): Value => ({
	name: b.node(name, 'Add', [x.name, y.name]),
	shape: x.shape,
});

/** Zeroes a share `ratio` of the elements while training; the identity otherwise, and left out where the ratio is 0. */
export const dropout = (b: GraphBuilder, name: string, x: Value, ratio: number): Value =>
	ratio === 0
		? x
		: {name: b.node(name, 'Dropout', [x.name, b.constant(`${name}.ratio`, scalar(ratio))]), shape: x.shape};

/** Reshapes with a constant target; `0` keeps a dimension, `−1` takes what is left (ONNX Reshape, allowzero 0). */
export const reshape = (b: GraphBuilder, name: string, x: Value, target: Shape, shape: Shape): Value => ({
	name: b.node(name, 'Reshape', [x.name, b.constant(`${name}.shape`, int64([target.length], target))]),
	shape,
});

export const transpose = (b: GraphBuilder, name: string, x: Value, perm: readonly number[], shape: Shape): Value => ({
	name: b.node(name, 'Transpose', [x.name], {perm: ints(perm)}),
	shape,
});
