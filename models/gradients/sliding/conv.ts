/**
 * Gradients of convolutions in any number of spatial axes, with strides, dilations, groups and every kind of padding.
 * The gradient of the input is a transposed convolution, that of the bias a sum, that of the weight a matrix product over
 * all output positions (`conv-weight.ts`).
 */
import type {Shape} from '../../../core/tensor/tensor.js';
import {int, ints} from '../../graph.js';
import {attribute, reduceSum, reshape} from '../ops.js';
import type {GradientRule, RuleContext} from '../rule.js';
import {weightGradient} from './conv-weight.js';
import {covered, type Window, windowOf} from './window.js';

/** All axes but the one of the channels. */
const allButChannels = (shape: Shape): readonly number[] => [...shape.keys()].filter(axis => axis !== 1);

export const biasGradient = (c: RuleContext, dy: string): string => reduceSum(c, dy, allButChannels(c.shape(dy)));

/**
 * dx = ConvTranspose(dy, W) with the forward's geometry; `output_padding` stands for the data behind the last window that
 * a stride left over.
 */
function inputGradient(c: RuleContext, dy: string, weight: string, window: Window, group: number): string {
	const used = covered(window);
	const rest = window.input.map((length, axis) => length + window.begin[axis]! + window.end[axis]! - used[axis]!);
	return c.emit('ConvTranspose', [dy, weight], {
		kernel_shape: ints(window.kernel),
		strides: ints(window.strides),
		dilations: ints(window.dilations),
		pads: ints([...window.begin, ...window.end]),
		output_padding: ints(rest),
		group: int(group),
	});
}

/** y = x ∗ W + b */
const conv: GradientRule = (c, [dy]) => {
	const [x, weight] = c.inputs as [string, string];
	const group = attribute(c.node, 'group', 'int') ?? 1;
	const window = windowOf(c.node, c.shape(x), c.shape(dy!), c.shape(weight).slice(2));
	const dw = () => {
		const value = reshape(c, weightGradient(c, x, dy!, window, group), c.shape(weight));
		if (group === 1) {
			c.isWeightGradient(value, {data: x, gradient: dy!, window});
		}
		return value;
	};
	return [
		c.wants(0) ? inputGradient(c, dy!, weight, window, group) : undefined,
		c.wants(1) ? dw() : undefined,
		c.inputs.length > 2 && c.wants(2) ? biasGradient(c, dy!) : undefined,
	].slice(0, c.inputs.length);
};

/**
 * y = ConvTranspose(x, W) + b is the input gradient of a convolution with the same W [C, M/group, …]: so dx is that
 * convolution of dy, and dW that convolution's weight gradient with the parts of data and gradient exchanged.
 */
const convTranspose: GradientRule = (c, [dy]) => {
	const [x, weight] = c.inputs as [string, string];
	const group = attribute(c.node, 'group', 'int') ?? 1;
	const window = transposedWindow(c, x, dy!, c.shape(weight).slice(2));
	const dx = () =>
		c.emit('Conv', [dy!, weight], {
			kernel_shape: ints(window.kernel),
			strides: ints(window.strides),
			dilations: ints(window.dilations),
			pads: ints([...window.begin, ...window.end]),
			group: int(group),
		});
	return [
		c.wants(0) ? dx() : undefined,
		c.wants(1) ? reshape(c, weightGradient(c, dy!, x, window, group), c.shape(weight)) : undefined,
		c.inputs.length > 2 && c.wants(2) ? biasGradient(c, dy!) : undefined,
	].slice(0, c.inputs.length);
};

/** The window of the convolution that this node transposes: its data are y, its result x. */
function transposedWindow(c: RuleContext, x: string, y: string, kernel: readonly number[]): Window {
	const [small, large] = [c.shape(x), c.shape(y)];
	const window = windowOf(c.node, large, small, kernel);
	const mode = attribute(c.node, 'auto_pad', 'string') ?? 'NOTSET';
	const given = attribute(c.node, 'output_shape', 'ints') !== undefined;
	if (!given && mode !== 'SAME_UPPER' && mode !== 'SAME_LOWER') {
		return window;
	}
	// ONNX: total padding = covered + output_padding − output; SAME_UPPER has the larger half at the end.
	const extra = attribute(c.node, 'output_padding', 'ints') ?? kernel.map(() => 0);
	const total = covered(window).map((length, axis) => Math.max(length + extra[axis]! - window.input[axis]!, 0));
	const small2 = total.map(pad => Math.floor(pad / 2));
	const large2 = total.map(pad => Math.ceil(pad / 2));
	return mode === 'SAME_UPPER' ? {...window, begin: small2, end: large2} : {...window, begin: large2, end: small2};
}

export const convolution = {Conv: conv, ConvTranspose: convTranspose} satisfies Record<string, GradientRule>;
