/** VGG-11 (Simonyan, Zisserman 2015, configuration A) for 32×32 pictures. */
import type {Model} from '../graph.js';
import {graphBuilder} from './builder.js';
import {batchNorm, conv, dropout, flatten, linear, maxPool, relu} from './layers.js';
import {type BuildOptions, widened} from './options.js';

const configuration = [64, 'pool', 128, 'pool', 256, 256, 'pool', 512, 512, 'pool', 512, 512, 'pool'] as const;

/**
 * Eight 3×3 convolutions and one dense layer: the CIFAR form, whose five pools leave 512×1×1 of 32×32. Names are the
 * positions in torchvision's `features`, with or without batch norm.
 */
export function vgg11(options: BuildOptions): Model {
	const {input, classes, seed, width, batchNorm: normalised = true, dropout: ratio = 0} = options;
	const b = graphBuilder('vgg11', seed);
	let x = b.input('input', 'float32', input);
	let position = 0;
	const next = () => `features.${position++}`;
	for (const layer of configuration) {
		if (layer === 'pool') {
			x = maxPool(b, next(), x, {kernel: 2});
			continue;
		}
		x = conv(b, next(), x, {out: widened(layer, width), kernel: 3, pad: 1});
		if (normalised) {
			x = batchNorm(b, next(), x);
		}
		x = relu(b, next(), x);
	}
	x = dropout(b, 'dropout', flatten(b, 'flatten', x), ratio);
	return b.finish(linear(b, 'classifier', x, classes));
}
