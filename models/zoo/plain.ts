/** Plain chains of layers: mlp, lenet5, cnn-small, sensor-cnn. */
import type {Model} from '../graph.js';
import {graphBuilder, type Value} from './builder.js';
import {conv, dropout, flatten, globalAveragePool, linear, maxPool, relu} from './layers.js';
import {type BuildOptions, widened} from './options.js';

/** Fully connected: flatten, hidden layers `fc1 …` with relu, and the output layer. */
export function mlp(options: BuildOptions): Model {
	const {input, classes, seed, width, hidden = [256, 128], dropout: ratio = 0} = options;
	const b = graphBuilder('mlp', seed);
	let x = b.input('input', 'float32', input);
	if (input.length > 1) {
		x = flatten(b, 'flatten', x);
	}
	for (const [index, units] of hidden.entries()) {
		const number = index + 1;
		x = relu(b, `relu${number}`, linear(b, `fc${number}`, x, widened(units, width)));
		x = dropout(b, `dropout${number}`, x, ratio);
	}
	return b.finish(linear(b, `fc${hidden.length + 1}`, x, classes));
}

/**
 * LeNet-5 (LeCun et al. 1998) in today's form: conv 6@5×5 pad 2, pool, conv 16@5×5, pool, 120, 84, classes, with relu and
 * 2×2 max-pools. 61,706 parameters on 28×28×1.
 */
export function lenet5({input, classes, seed, width}: BuildOptions): Model {
	const b = graphBuilder('lenet5', seed);
	let x = b.input('input', 'float32', input);
	x = conv(b, 'conv1', x, {out: widened(6, width), kernel: 5, pad: 2});
	x = maxPool(b, 'pool1', relu(b, 'relu1', x), {kernel: 2});
	x = conv(b, 'conv2', x, {out: widened(16, width), kernel: 5});
	x = maxPool(b, 'pool2', relu(b, 'relu2', x), {kernel: 2});
	x = flatten(b, 'flatten', x);
	x = relu(b, 'relu3', linear(b, 'fc1', x, widened(120, width)));
	x = relu(b, 'relu4', linear(b, 'fc2', x, widened(84, width)));
	return b.finish(linear(b, 'fc3', x, classes));
}

/** Four convolutions 3→32→64→128→128 (3×3, pad 1, relu), 2×2 max-pool after the 2nd, 3rd and 4th, one dense layer. */
export function cnnSmall({input, classes, seed, width}: BuildOptions): Model {
	const b = graphBuilder('cnn-small', seed);
	let x = b.input('input', 'float32', input);
	for (const [index, channels] of [32, 64, 128, 128].entries()) {
		const number = index + 1;
		x = conv(b, `conv${number}`, x, {out: widened(channels, width), kernel: 3, pad: 1});
		x = relu(b, `relu${number}`, x);
		if (number > 1) {
			x = maxPool(b, `pool${number}`, x, {kernel: 2});
		}
	}
	return b.finish(linear(b, 'fc', flatten(b, 'flatten', x), classes));
}

/**
 * Three 1-D convolutions (32@7, 64@5, 64@3, relu, halving max-pools after the first two) and a mean over time. Takes
 * windows of [channels, samples], of any number of channels and any length.
 */
export function sensorCnn({input, classes, seed, width}: BuildOptions): Model {
	const b = graphBuilder('sensor-cnn', seed);
	const block = (number: number, from: Value, out: number, kernel: number) =>
		relu(b, `relu${number}`, conv(b, `conv${number}`, from, {out: widened(out, width), kernel, pad: (kernel - 1) / 2}));
	let x = b.input('input', 'float32', input);
	x = maxPool(b, 'pool1', block(1, x, 32, 7), {kernel: 2});
	x = maxPool(b, 'pool2', block(2, x, 64, 5), {kernel: 2});
	x = globalAveragePool(b, 'avgpool', block(3, x, 64, 3));
	return b.finish(linear(b, 'fc', flatten(b, 'flatten', x), classes));
}
