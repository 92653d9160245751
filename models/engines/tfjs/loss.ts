/** Losses over the model's first output, as tfjs ops: the mean over the items (and elements) of the batch. */
import {FplError} from '../../../core/errors.js';
import {describe, type Tensor, toNumbers} from '../../../core/tensor/tensor.js';
import type {Loss} from '../../graph.js';
import type {Tf, TfTensor, Value} from './value.js';

export interface LossResult {
	/** A scalar. */
	readonly loss: TfTensor;
	/** Items whose class was predicted right; undefined where there are no classes. */
	readonly correct: number | undefined;
}

const refuse = (expected: string, targets: Tensor): never => {
	throw new FplError('DATA_SHAPE', {where: 'targets of a batch', expected, got: describe(targets)});
};

/** Classes come last when logits are [N, C] and second when they are [N, C, …]. */
function softmaxCrossEntropy(tf: Tf, output: Value, targets: Tensor): LossResult {
	const [items, classes] = output.shape as [number, number];
	const rest = output.shape.slice(2);
	const expected = [items, ...rest];
	if (targets.dtype !== 'int64' || targets.shape.join() !== expected.join()) {
		refuse(`int64[${expected.join(', ')}]`, targets);
	}
	const numbers = toNumbers(targets);
	const bad = numbers.find(number => !(number >= 0 && number < classes));
	if (bad !== undefined) {
		throw new FplError('DATA_SHAPE', {
			where: 'targets of a batch',
			expected: `classes 0 … ${classes - 1}`,
			got: `${bad}`,
		});
	}
	const logits = tf.reshape(output.last, [-1, classes]);
	const positions = tf.tensor1d(
		numbers.map((number, row) => row * classes + number),
		'int32',
	);
	const chosen = tf.gather(tf.reshape(tf.logSoftmax(logits), [-1]), positions);
	const guesses = tf.argMax(logits, 1).dataSync();
	return {
		loss: tf.div(tf.neg(tf.sum(chosen)), numbers.length),
		correct: numbers.reduce((count, number, index) => count + (guesses[index] === number ? 1 : 0), 0),
	};
}

function sameShape(tf: Tf, output: Value, targets: Tensor): TfTensor {
	if (targets.dtype !== 'float32' || targets.shape.join() !== output.shape.join()) {
		return refuse(`float32[${output.shape.join(', ')}]`, targets);
	}
	return tf.tensor(targets.data.slice(), [...targets.shape]);
}

function meanSquaredError(tf: Tf, output: Value, targets: Tensor): LossResult {
	const difference = tf.sub(output.plain, sameShape(tf, output, targets));
	return {loss: tf.mean(tf.mul(difference, difference)), correct: undefined};
}

/**
 * −t log σ(x) − (1 − t) log(1 − σ(x)) = softplus(x) − t x, which neither overflows nor rounds to log 0. With one logit per
 * item, x > 0 counts as class 1.
 */
function binaryCrossEntropy(tf: Tf, output: Value, targets: Tensor): LossResult {
	const wanted = sameShape(tf, output, targets);
	const logits = output.plain;
	const single = logits.size === (logits.shape[0] ?? 1);
	const guesses = single ? Array.from(logits.dataSync()) : [];
	const correct = guesses.reduce((count, x, item) => count + (x > 0 === targets.data[item]! > 0.5 ? 1 : 0), 0);
	return {
		loss: tf.mean(tf.sub(tf.softplus(logits), tf.mul(wanted, logits))),
		correct: single ? correct : undefined,
	};
}

const losses = {
	'softmax-cross-entropy': softmaxCrossEntropy,
	mse: meanSquaredError,
	bce: binaryCrossEntropy,
} as const satisfies Record<Loss, (tf: Tf, output: Value, targets: Tensor) => LossResult>;

/** @throws FplError `MODEL_SHAPE` when an output of this (specialised) shape cannot have this loss. */
export function checkLoss(loss: Loss, shape: readonly unknown[], model: string): void {
	const classes = shape[1];
	if (loss === 'softmax-cross-entropy' && !(typeof classes === 'number' && classes >= 2)) {
		throw new FplError('MODEL_SHAPE', {
			where: `output of «${model}»`,
			problem: 'softmax cross-entropy needs one logit per class',
			expected: '[N, C] or [N, C, …] with at least 2 classes',
			got: `[${shape.join(', ')}]`,
			fix: 'For a single logit use the loss bce',
		});
	}
}

/** @throws FplError `DATA_SHAPE` when the targets do not fit the output. */
export const lossOf = (tf: Tf, loss: Loss, output: Value, targets: Tensor): LossResult =>
	losses[loss](tf, output, targets);
