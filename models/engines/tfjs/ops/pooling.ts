/** Poolings over windows and over whole images. */
import type {Tensor4D} from '@tensorflow/tfjs';
import type {Tf, TfTensor} from '../value.js';
import type {Op, OpContext} from './context.js';
import {fromImage, padImage, toImage, type Windows, windowsOf} from './windows.js';

/** Below every float32 that a network computes; unlike −∞ it survives arithmetic. */
const lowest = -3.4e38;

function poolWindows(context: OpContext, input: readonly number[]): Windows {
	const kernel = context.ints('kernel_shape') ?? context.fail('kernel_shape is missing', 'MODEL_INVALID');
	const windows = windowsOf(context, input, kernel, context.int('ceil_mode', 0) === 1);
	if (windows.dilations.some(dilation => dilation !== 1)) {
		context.fail('dilated pooling');
	}
	return windows;
}

const maxPool: Op = context => {
	if (context.node.outputs[1]) {
		context.fail('the Indices output');
	}
	const x = context.value(0);
	const windows = poolWindows(context, x.shape.slice(2));
	const padded = padImage(context, toImage(context, x.last), windows.pads, lowest) as Tensor4D;
	const y = context.tf.maxPool(padded, [...windows.kernel], windows.strides, 'valid');
	return context.channelsLast(fromImage(context, y, windows.spatial));
};

/** The sum over the window (the mean times its size) by how many of its elements count. */
const averagePool: Op = context => {
	const {tf} = context;
	const x = context.value(0);
	const windows = poolWindows(context, x.shape.slice(2));
	const image = toImage(context, x.last) as Tensor4D;
	const pool = (t: TfTensor) => tf.avgPool(t as Tensor4D, [...windows.kernel], windows.strides, 'valid');
	const mean = pool(padImage(context, image, windows.pads, 0));
	const given = (context.ints('pads') ?? [0]).some(amount => amount !== 0);
	const hangsOver = windows.pads.flat().some(amount => amount !== 0);
	let y: TfTensor = mean;
	if (hangsOver) {
		const [, height, width] = image.shape;
		const ones = tf.ones([1, height, width, 1]);
		// What ceil_mode adds at the end never counts; what `pads` adds counts when count_include_pad says so.
		const own = ownPads(context, windows);
		const counted =
			context.int('count_include_pad', 0) === 1 && given
				? padImage(context, padImage(context, ones, own, 1), rest(windows.pads, own), 0)
				: padImage(context, ones, windows.pads, 0);
		y = tf.div(mean, pool(counted));
	}
	return context.channelsLast(fromImage(context, y, windows.spatial));
};

/** The paddings that the node itself names, without what ceil_mode added. */
function ownPads(context: OpContext, {spatial}: Windows): Windows['pads'] {
	const given = context.ints('pads') ?? Array<number>(spatial * 2).fill(0);
	return spatial === 1
		? [
				[0, 0],
				[given[0]!, given[1]!],
			]
		: [
				[given[0]!, given[2]!],
				[given[1]!, given[3]!],
			];
}

const rest = (all: Windows['pads'], own: Windows['pads']): Windows['pads'] => [
	[all[0][0] - own[0][0], all[0][1] - own[0][1]],
	[all[1][0] - own[1][0], all[1][1] - own[1][1]],
];

const global =
	(reduce: (tf: Tf, x: TfTensor, axes: number[]) => TfTensor): Op =>
	context => {
		const x = context.value(0);
		const axes = Array.from({length: x.rank - 2}, (_, index) => index + 1);
		return context.channelsLast(reduce(context.tf, x.last, axes));
	};

export const poolingOps = {
	MaxPool: maxPool,
	AveragePool: averagePool,
	GlobalAveragePool: global((tf, x, axes) => tf.mean(x, axes, true)),
	GlobalMaxPool: global((tf, x, axes) => tf.max(x, axes, true)),
} as const satisfies Record<string, Op>;
