/** Normalisations, composed of elementary ops so that tfjs differentiates every step of them. */
import type {Tf, TfTensor, Value} from '../value.js';
import type {Op, OpContext} from './context.js';

interface Moments {
	readonly mean: TfTensor;
	/** Mean square distance from the mean (biased). */
	readonly variance: TfTensor;
	readonly centred: TfTensor;
}

function moments(tf: Tf, x: TfTensor, axes: number[]): Moments {
	const mean = tf.mean(x, axes, true);
	const centred = tf.sub(x, mean);
	return {mean, centred, variance: tf.mean(tf.mul(centred, centred), axes, true)};
}

const invert = (tf: Tf, variance: TfTensor, epsilon: number) => tf.rsqrt(tf.add(variance, epsilon));

/**
 * In training mode with the statistics of the batch, moving the running ones: mean, and the unbiased variance as PyTorch
 * does (the ONNX text of training mode would keep the biased one). Else with the running ones.
 */
const batchNormalization: Op = context => {
	const {tf, node, pass} = context;
	const x = context.value(0);
	const epsilon = context.float('epsilon', 1e-5);
	const scale = context.plain(1);
	const bias = context.plain(2);
	const [meanName, varianceName] = [node.inputs[3] ?? '', node.inputs[4] ?? ''];
	const {last} = x;
	const out = (raw: TfTensor): Value => (x.rank < 3 ? context.of(raw) : context.channelsLast(raw));
	if (pass.training?.isBuffer(meanName)) {
		const axes = last.shape.slice(0, -1).map((_, axis) => axis);
		const {mean, variance, centred} = moments(tf, last, axes);
		const momentum = context.float('momentum', 0.9);
		const count = last.size / last.shape.at(-1)!;
		const unbias = count / Math.max(1, count - 1);
		pass.training.move(meanName, mean.dataSync() as Float32Array, momentum);
		pass.training.move(
			varianceName,
			(variance.dataSync() as Float32Array).map(v => v * unbias),
			momentum,
		);
		return out(tf.add(tf.mul(centred, tf.mul(scale, invert(tf, variance, epsilon))), bias));
	}
	const factor = tf.mul(scale, invert(tf, context.plain(4), epsilon));
	return out(tf.add(tf.mul(tf.sub(last, context.plain(3)), factor), bias));
};

/** Normalises the trailing axes from `from` on. */
function normaliseTail(
	context: OpContext,
	x: TfTensor,
	from: number,
): {y: TfTensor; mean: TfTensor; inverse: TfTensor} {
	const {tf} = context;
	const axes = x.shape.map((_, axis) => axis).slice(from);
	const {mean, variance, centred} = moments(tf, x, axes);
	const inverse = invert(tf, variance, context.float('epsilon', 1e-5));
	return {y: tf.mul(centred, inverse), mean, inverse};
}

const layerNormalization: Op = context => {
	const {tf} = context;
	const x = context.plain(0);
	const {y, mean, inverse} = normaliseTail(context, x, context.axis(context.int('axis', -1), x.rank));
	const scaled = tf.mul(y, context.plain(1));
	const bias = context.optional(2);
	return [bias === undefined ? scaled : tf.add(scaled, bias.plain), mean, inverse].map(t => context.of(t));
};

/** [C] → [C, 1, …], to stand beside the channels of a plain value. */
const perChannel = (tf: Tf, t: TfTensor, rank: number) => tf.reshape(t, [t.size, ...Array<number>(rank - 2).fill(1)]);

const instanceNormalization: Op = context => {
	const {tf} = context;
	const x = context.plain(0);
	const {y} = normaliseTail(context, x, 2);
	const scale = perChannel(tf, context.plain(1), x.rank);
	return context.of(tf.add(tf.mul(y, scale), perChannel(tf, context.plain(2), x.rank)));
};

const groupNormalization: Op = context => {
	const {tf} = context;
	const x = context.plain(0);
	const groups = context.int('num_groups', 1);
	const {y} = normaliseTail(context, tf.reshape(x, [x.shape[0]!, groups, x.size / x.shape[0]! / groups]), 2);
	// Opset 18 scales per group, 21 per channel.
	const spread = (t: TfTensor) => {
		const each = t.size === groups && groups !== x.shape[1] ? x.shape[1]! / groups : 1;
		const channels = each === 1 ? t : tf.reshape(tf.mul(tf.reshape(t, [groups, 1]), tf.ones([groups, each])), [-1]);
		return perChannel(tf, channels, x.rank);
	};
	return context.of(tf.add(tf.mul(tf.reshape(y, x.shape), spread(context.plain(1))), spread(context.plain(2))));
};

export const normalisationOps = {
	BatchNormalization: batchNormalization,
	LayerNormalization: layerNormalization,
	InstanceNormalization: instanceNormalization,
	GroupNormalization: groupNormalization,
} as const satisfies Record<string, Op>;
