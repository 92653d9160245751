/** MobileNetV3 small (Howard et al. 2019) with torchvision's names: hard-swish, squeeze-and-excite, depthwise 5×5. */

import type {Model} from '../graph.js';
import {float} from '../graph.js';
import {type GraphBuilder, graphBuilder, type Value} from './builder.js';
import {
	activation,
	add,
	batchNorm,
	type ConvOptions,
	conv,
	dropout,
	flatten,
	globalAveragePool,
	linear,
	relu,
} from './layers.js';
import {type BuildOptions, divisible, widened} from './options.js';

type Activation = 'Relu' | 'HardSwish';

interface Bottleneck {
	readonly kernel: number;
	readonly expanded: number;
	readonly out: number;
	readonly excite: boolean;
	readonly act: Activation;
	readonly stride: number;
}

const row = (kernel: number, expanded: number, out: number, excite: boolean, act: Activation, stride: number) => ({
	kernel,
	expanded,
	out,
	excite,
	act,
	stride,
});

/** Table 2 of the paper. */
const rows: readonly Bottleneck[] = [
	row(3, 16, 16, true, 'Relu', 2),
	row(3, 72, 24, false, 'Relu', 2),
	row(3, 88, 24, false, 'Relu', 1),
	row(5, 96, 40, true, 'HardSwish', 2),
	row(5, 240, 40, true, 'HardSwish', 1),
	row(5, 240, 40, true, 'HardSwish', 1),
	row(5, 120, 48, true, 'HardSwish', 1),
	row(5, 144, 48, true, 'HardSwish', 1),
	row(5, 288, 96, true, 'HardSwish', 2),
	row(5, 576, 96, true, 'HardSwish', 1),
	row(5, 576, 96, true, 'HardSwish', 1),
];

const norm = {epsilon: 1e-3, momentum: 0.01};

/** Convolution `<name>.0`, batch norm `<name>.1` and, where asked for, the activation `<name>.2`. */
function convNorm(b: GraphBuilder, name: string, x: Value, options: ConvOptions, act?: Activation): Value {
	const y = conv(b, `${name}.0`, x, {...options, bias: false, pad: (options.kernel - 1) / 2});
	const normalised = batchNorm(b, `${name}.1`, y, norm);
	return act === undefined ? normalised : activation(b, `${name}.2`, act, normalised);
}

/** Scales channels by a gate computed from their means (Hu et al. 2018), with hard sigmoid max(0, min(1, x/6 + ½)). */
function squeezeExcite(b: GraphBuilder, name: string, x: Value): Value {
	const channels = x.shape[0]!;
	let gate = globalAveragePool(b, `${name}.avgpool`, x);
	gate = relu(b, `${name}.relu`, conv(b, `${name}.fc1`, gate, {out: divisible(channels / 4), kernel: 1}));
	gate = conv(b, `${name}.fc2`, gate, {out: channels, kernel: 1});
	const scale = b.node(`${name}.scale`, 'HardSigmoid', [gate.name], {alpha: float(1 / 6), beta: float(0.5)});
	return {name: b.node(`${name}.mul`, 'Mul', [x.name, scale]), shape: x.shape};
}

function bottleneck(b: GraphBuilder, name: string, x: Value, options: Bottleneck, width: number): Value {
	const {kernel, excite, act, stride} = options;
	const [expanded, out] = [divisible(options.expanded * width), divisible(options.out * width)];
	let position = 0;
	const next = () => `${name}.block.${position++}`;
	let y = x;
	if (expanded !== x.shape[0]) {
		y = convNorm(b, next(), y, {out: expanded, kernel: 1}, act);
	}
	y = convNorm(b, next(), y, {out: expanded, kernel, stride, groups: expanded}, act);
	if (excite) {
		y = squeezeExcite(b, next(), y);
	}
	y = convNorm(b, next(), y, {out, kernel: 1});
	return stride === 1 && x.shape[0] === out ? add(b, `${name}.add`, x, y) : y;
}

/** The CIFAR form (default) has stride 1 in the first convolution instead of 2. 1,528,106 parameters with 10 classes. */
export function mobilenetv3Small(options: BuildOptions): Model {
	const {input, classes, seed, width, stem = 'cifar', dropout: ratio = 0} = options;
	const b = graphBuilder('mobilenetv3-small', seed);
	let x = b.input('input', 'float32', input);
	const stride = stem === 'cifar' ? 1 : 2;
	x = convNorm(b, 'features.0', x, {out: divisible(16 * width), kernel: 3, stride}, 'HardSwish');
	for (const [index, entry] of rows.entries()) {
		x = bottleneck(b, `features.${index + 1}`, x, entry, width);
	}
	x = convNorm(b, `features.${rows.length + 1}`, x, {out: 6 * x.shape[0]!, kernel: 1}, 'HardSwish');
	x = flatten(b, 'flatten', globalAveragePool(b, 'avgpool', x));
	x = activation(b, 'classifier.1', 'HardSwish', linear(b, 'classifier.0', x, widened(1024, width)));
	return b.finish(linear(b, 'classifier.3', dropout(b, 'classifier.2', x, ratio), classes));
}
