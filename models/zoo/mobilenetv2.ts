/** MobileNetV2 (Sandler et al. 2018) with torchvision's names. */
import type {Model} from '../graph.js';
import {type GraphBuilder, graphBuilder, type Value} from './builder.js';
import {add, batchNorm, type ConvOptions, conv, dropout, flatten, globalAveragePool, linear, relu6} from './layers.js';
import {type BuildOptions, divisible} from './options.js';

/** Expansion t, channels c, repeats n, first stride s: table 2 of the paper. */
const stages = [
	[1, 16, 1, 1],
	[6, 24, 2, 2],
	[6, 32, 3, 2],
	[6, 64, 4, 2],
	[6, 96, 3, 1],
	[6, 160, 3, 2],
	[6, 320, 1, 1],
] as const;

/** Convolution `<name>.0`, batch norm `<name>.1`, relu6 `<name>.2`. */
function convNormRelu(b: GraphBuilder, name: string, x: Value, options: ConvOptions): Value {
	const y = conv(b, `${name}.0`, x, {...options, bias: false, pad: (options.kernel - 1) / 2});
	return relu6(b, `${name}.2`, batchNorm(b, `${name}.1`, y));
}

/** Expand 1×1, depthwise 3×3, project 1×1 without activation; the input is added where the shapes agree. */
function invertedResidual(b: GraphBuilder, name: string, x: Value, t: number, out: number, stride: number): Value {
	const inner = x.shape[0]! * t;
	let y = x;
	let position = 0;
	if (t !== 1) {
		y = convNormRelu(b, `${name}.conv.${position++}`, y, {out: inner, kernel: 1});
	}
	y = convNormRelu(b, `${name}.conv.${position++}`, y, {out: inner, kernel: 3, stride, groups: inner});
	y = conv(b, `${name}.conv.${position++}`, y, {out, kernel: 1, bias: false});
	y = batchNorm(b, `${name}.conv.${position}`, y);
	return stride === 1 && x.shape[0] === out ? add(b, `${name}.add`, x, y) : y;
}

/**
 * The CIFAR form (default) differs from the published one in the stride of the first convolution alone: 1 instead of 2.
 * 2,236,682 parameters with 10 classes.
 */
export function mobilenetv2(options: BuildOptions): Model {
	const {input, classes, seed, width, stem = 'cifar', dropout: ratio = 0} = options;
	const b = graphBuilder('mobilenetv2', seed);
	let x = b.input('input', 'float32', input);
	let position = 0;
	const next = () => `features.${position++}`;
	x = convNormRelu(b, next(), x, {out: divisible(32 * width), kernel: 3, stride: stem === 'cifar' ? 1 : 2});
	for (const [t, channels, repeats, first] of stages) {
		for (let index = 0; index < repeats; index++) {
			x = invertedResidual(b, next(), x, t, divisible(channels * width), index === 0 ? first : 1);
		}
	}
	x = convNormRelu(b, next(), x, {out: divisible(1280 * Math.max(1, width)), kernel: 1});
	x = flatten(b, 'flatten', globalAveragePool(b, 'avgpool', x));
	return b.finish(linear(b, 'classifier.1', dropout(b, 'classifier.0', x, ratio), classes));
}
