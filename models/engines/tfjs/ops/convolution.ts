/** Convolutions, one- and two-dimensional, grouped, depthwise and dilated, over tfjs' channels-last kernels. */
import type {Tensor4D} from '@tensorflow/tfjs';
import type {TfTensor, Value} from '../value.js';
import {cut} from './broadcast.js';
import type {Op, OpContext} from './context.js';
import {fromImage, padImage, toImage, windowsOf} from './windows.js';

/** [O, I, L] or [O, I, H, W] → [H, W, I, O]. */
function filterOf(context: OpContext, weight: TfTensor): TfTensor {
	const square =
		weight.rank === 3 ? context.tf.reshape(weight, [weight.shape[0]!, weight.shape[1]!, 1, weight.shape[2]!]) : weight;
	return context.tf.transpose(square, [2, 3, 1, 0]);
}

/**
 * Writes a dilated filter out with zeros between its taps: tfjs has no gradient for dilated convolutions.
 * [H, W, I, O] → [(H − 1) d + 1, (W − 1) e + 1, I, O]
 */
function dilate(context: OpContext, filter: TfTensor, [down, right]: readonly [number, number]): TfTensor {
	if (down === 1 && right === 1) {
		return filter;
	}
	const {tf} = context;
	const [h, w, i, o] = filter.shape as [number, number, number, number];
	const spread = tf.pad(tf.reshape(filter, [h, 1, w, 1, i * o]), [
		[0, 0],
		[0, down - 1],
		[0, 0],
		[0, right - 1],
		[0, 0],
	]);
	const flat = tf.reshape(spread, [h * down, w * right, i, o]);
	return tf.slice(flat, [0, 0, 0, 0], [(h - 1) * down + 1, (w - 1) * right + 1, i, o]);
}

function convolve(context: OpContext, x: Tensor4D, filter: TfTensor, strides: [number, number], groups: number) {
	const {tf} = context;
	const channels = x.shape[3];
	const [h, w, perGroup, outputs] = filter.shape as [number, number, number, number];
	if (groups === 1) {
		return tf.conv2d(x, filter as Tensor4D, strides, 'valid');
	}
	// tfjs' depthwise kernels want equal strides.
	if (groups === channels && perGroup === 1 && strides[0] === strides[1]) {
		const depthwise = tf.reshape(filter, [h, w, channels, outputs / channels]) as Tensor4D;
		return tf.depthwiseConv2d(x, depthwise, strides, 'valid');
	}
	const parts = cut(tf, x, groups, 3) as Tensor4D[];
	const filters = cut(tf, filter, groups, 3) as Tensor4D[];
	return tf.concat(
		parts.map((part, group) => tf.conv2d(part, filters[group]!, strides, 'valid')),
		3,
	);
}

function withBias(context: OpContext, y: TfTensor, bias: Value | undefined): TfTensor {
	return bias === undefined ? y : context.tf.add(y, bias.plain);
}

const conv: Op = context => {
	const x = context.value(0);
	const weight = context.plain(1);
	const groups = context.int('group', 1);
	const windows = windowsOf(context, x.shape.slice(2), weight.shape.slice(2));
	if (x.shape[1] !== weight.shape[1]! * groups || weight.shape[0]! % groups !== 0) {
		context.fail(`input [${x.shape}], weights [${weight.shape}], ${groups} groups`, 'MODEL_SHAPE');
	}
	const filter = dilate(context, filterOf(context, weight), windows.dilations);
	const padded = padImage(context, toImage(context, x.last), windows.pads, 0) as Tensor4D;
	const y = convolve(context, padded, filter, windows.strides, groups);
	return context.channelsLast(withBias(context, fromImage(context, y, windows.spatial), context.optional(2)));
};

/**
 * The transposed convolution, as tfjs' gradient of a convolution with respect to its input (which it can differentiate
 * again). The result of the full, unpadded one is cropped to what the paddings ask for.
 */
const convTranspose: Op = context => {
	const {tf} = context;
	const x = context.value(0);
	const weight = context.plain(1); // [I, O / groups, …]
	if (context.string('auto_pad', 'NOTSET') !== 'NOTSET' || context.ints('output_shape') !== undefined) {
		context.fail('auto_pad or output_shape of a transposed convolution');
	}
	const groups = context.int('group', 1);
	const {strides, dilations, pads, spatial} = windowsOf(context, x.shape.slice(2), weight.shape.slice(2));
	const extra = context.ints('output_padding') ?? [0, 0];
	const [below, beside] = spatial === 1 ? [0, extra[0]!] : [extra[0]!, extra[1]!];
	// [H, W, O / groups, I] is what conv2dTranspose calls [height, width, outDepth, inDepth].
	const filter = dilate(context, filterOf(context, weight), dilations) as Tensor4D;
	const image = toImage(context, x.last) as Tensor4D;
	const [h, w, out] = filter.shape;
	const height = (image.shape[1] - 1) * strides[0] + h;
	const width = (image.shape[2] - 1) * strides[1] + w;
	const parts = cut(tf, image, groups, 3) as Tensor4D[];
	const filters = cut(tf, filter, groups, 3) as Tensor4D[];
	const full = tf.concat(
		parts.map((part, group) =>
			tf.conv2dTranspose(part, filters[group]!, [part.shape[0], height, width, out], strides, 'valid'),
		),
		3,
	);
	const roomy = padImage(
		context,
		full,
		[
			[0, below],
			[0, beside],
		],
		0,
	);
	const cropped = tf.slice(
		roomy,
		[0, pads[0][0], pads[1][0], 0],
		[image.shape[0], height + below - pads[0][0] - pads[0][1], width + beside - pads[1][0] - pads[1][1], out * groups],
	);
	return context.channelsLast(withBias(context, fromImage(context, cropped, spatial), context.optional(2)));
};

export const convolutionOps = {Conv: conv, ConvTranspose: convTranspose} as const satisfies Record<string, Op>;
