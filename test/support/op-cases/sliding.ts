/** Convolutions and poolings. */
import type {Shape} from '../../../core/tensor/tensor.js';
import {type OpCase, opCase} from './build.js';

const image: Shape = [4, 6, 5];
const series: Shape = [4, 9];

const conv = (title: string, v: Shape, k: Shape, attributes = ''): OpCase =>
	opCase(`Conv ${title}`, v, `y = Conv(v, k, b) ${attributes}`, {k, b: [k[0]!]});

const convTranspose = (title: string, v: Shape, k: Shape, attributes = '', groups = 1): OpCase =>
	opCase(`ConvTranspose ${title}`, v, `y = ConvTranspose(v, k, b) group=${groups} ${attributes}`, {
		k,
		b: [k[1]! * groups],
	});

const pool = (op: string, title: string, v: Shape, attributes: string): OpCase =>
	opCase(`${op} ${title}`, v, `y = ${op}(v) ${attributes}`);

export const sliding: readonly OpCase[] = [
	conv('plain', image, [3, 4, 3, 3]),
	conv('with lopsided padding and strides', image, [3, 4, 3, 2], 'pads=[1, 0, 2, 1] strides=[2, 1]'),
	conv('dilated', image, [3, 4, 2, 2], 'dilations=[2, 3] pads=[1, 1, 1, 1]'),
	conv('grouped', image, [6, 2, 3, 3], 'group=2'),
	conv('depthwise', image, [4, 1, 3, 3], 'group=4 pads=[1, 1, 1, 1] strides=[2, 2]'),
	conv('depthwise with a multiplier', image, [8, 1, 3, 3], 'group=4'),
	conv('depthwise with unequal strides', image, [4, 1, 3, 3], 'group=4 strides=[2, 1]'),
	conv('depthwise and dilated', image, [4, 1, 2, 2], 'group=4 dilations=[2, 2]'),
	conv('padded to the same size', image, [3, 4, 3, 2], 'auto_pad="SAME_UPPER" strides=[2, 2]'),
	conv('1-D', series, [3, 4, 3], 'pads=[2, 1] strides=[2]'),
	conv('1-D, depthwise and dilated', series, [4, 1, 3], 'group=4 dilations=[2]'),
	convTranspose('plain', [4, 3, 3], [4, 3, 2, 3]),
	convTranspose(
		'with strides and paddings',
		[4, 3, 3],
		[4, 2, 3, 3],
		'strides=[2, 2] pads=[1, 0, 1, 1] output_padding=[1, 0]',
	),
	convTranspose('grouped', [4, 3, 3], [4, 2, 2, 2], '', 2),
	convTranspose('1-D and dilated', [4, 5], [4, 3, 2], 'dilations=[2]'),
	pool('MaxPool', 'plain', image, 'kernel_shape=[2, 2] strides=[2, 2]'),
	pool('MaxPool', 'with lopsided padding', image, 'kernel_shape=[3, 2] pads=[1, 0, 1, 1]'),
	pool('MaxPool', 'that hangs over', image, 'kernel_shape=[3, 3] strides=[2, 2] ceil_mode=1'),
	pool('MaxPool', '1-D', series, 'kernel_shape=[2] strides=[2]'),
	pool('AveragePool', 'plain', image, 'kernel_shape=[2, 2] strides=[2, 2]'),
	pool('AveragePool', 'with lopsided padding', image, 'kernel_shape=[3, 2] pads=[1, 0, 1, 1]'),
	pool('AveragePool', 'that counts its padding', image, 'kernel_shape=[3, 2] pads=[1, 0, 1, 1] count_include_pad=1'),
	pool('AveragePool', '1-D', series, 'kernel_shape=[3] strides=[2] pads=[1, 1]'),
	pool('GlobalAveragePool', 'of images', image, ''),
	pool('GlobalMaxPool', 'of series', series, ''),
	opCase(
		'a mixture of layouts',
		image,
		'a = Conv(v, k) pads=[1, 1, 1, 1]; b = Add(a, v); d = Mul(b, c); g = GlobalAveragePool(d); s = Sigmoid(g);' +
			'e = Mul(s, d); y = Transpose(e) perm=[0, 2, 1, 3]',
		{k: [4, 4, 3, 3], c: [4, 1, 1]},
	),
];
