/** Residual nets (He et al. 2016) with torchvision's names: resnet18 of basic blocks, resnet50 of bottlenecks. */
import type {Model} from '../graph.js';
import {type GraphBuilder, graphBuilder, type Value} from './builder.js';
import {add, batchNorm, type ConvOptions, conv, flatten, globalAveragePool, linear, maxPool, relu} from './layers.js';
import {type BuildOptions, widened} from './options.js';

type Block = (b: GraphBuilder, name: string, x: Value, channels: number, stride: number) => Value;

/** Convolution without bias and its batch norm; `convN` goes with `bnN`. */
const convNorm = (b: GraphBuilder, prefix: string, number: number, x: Value, options: ConvOptions): Value =>
	batchNorm(b, `${prefix}bn${number}`, conv(b, `${prefix}conv${number}`, x, {...options, bias: false}));

/** The block's input, through a 1×1 convolution where the shape changes. */
function shortcut(b: GraphBuilder, name: string, x: Value, channels: number, stride: number): Value {
	if (stride === 1 && x.shape[0] === channels) {
		return x;
	}
	const projected = conv(b, `${name}.downsample.0`, x, {out: channels, kernel: 1, stride, bias: false});
	return batchNorm(b, `${name}.downsample.1`, projected);
}

const basic: Block = (b, name, x, channels, stride) => {
	let y = convNorm(b, `${name}.`, 1, x, {out: channels, kernel: 3, stride, pad: 1});
	y = convNorm(b, `${name}.`, 2, relu(b, `${name}.relu1`, y), {out: channels, kernel: 3, pad: 1});
	return relu(b, `${name}.relu2`, add(b, `${name}.add`, y, shortcut(b, name, x, channels, stride)));
};

/** The stride sits on the 3×3 convolution, as in torchvision («v1.5»). */
const bottleneck: Block = (b, name, x, channels, stride) => {
	const wide = 4 * channels;
	let y = convNorm(b, `${name}.`, 1, x, {out: channels, kernel: 1});
	y = convNorm(b, `${name}.`, 2, relu(b, `${name}.relu1`, y), {out: channels, kernel: 3, stride, pad: 1});
	y = convNorm(b, `${name}.`, 3, relu(b, `${name}.relu2`, y), {out: wide, kernel: 1});
	return relu(b, `${name}.relu3`, add(b, `${name}.add`, y, shortcut(b, name, x, wide, stride)));
};

function resnet(name: string, block: Block, blocks: readonly number[], stem: 'cifar' | 'imagenet', o: BuildOptions) {
	const b = graphBuilder(name, o.seed);
	const out = widened(64, o.width);
	let x = b.input('input', 'float32', o.input);
	const first = stem === 'cifar' ? {out, kernel: 3, pad: 1} : {out, kernel: 7, stride: 2, pad: 3};
	x = relu(b, 'relu', convNorm(b, '', 1, x, first));
	if (stem === 'imagenet') {
		x = maxPool(b, 'maxpool', x, {kernel: 3, stride: 2, pad: 1});
	}
	for (const [stage, count] of blocks.entries()) {
		for (let index = 0; index < count; index++) {
			const stride = stage > 0 && index === 0 ? 2 : 1;
			x = block(b, `layer${stage + 1}.${index}`, x, widened(64 * 2 ** stage, o.width), stride);
		}
	}
	return b.finish(linear(b, 'fc', flatten(b, 'flatten', globalAveragePool(b, 'avgpool', x)), o.classes));
}

/** 11,173,962 parameters with 10 classes and the CIFAR stem (the default), 11,689,512 in the ImageNet form. */
export const resnet18 = (options: BuildOptions): Model =>
	resnet('resnet18', basic, [2, 2, 2, 2], options.stem ?? 'cifar', options);

/** 25,557,032 parameters with 1,000 classes and the ImageNet stem (the default). */
export const resnet50 = (options: BuildOptions): Model =>
	resnet('resnet50', bottleneck, [3, 4, 6, 3], options.stem ?? 'imagenet', options);
