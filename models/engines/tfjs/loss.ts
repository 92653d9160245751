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
	const indices = tf.tensor1d(numbers, 'int32');
	const chosen = tf.mul(tf.logSoftmax(logits), tf.oneHot(indices, classes));
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

/** −t log σ(x) − (1 − t) log(1 − σ(x)) = softplus(x) − t x, which neither overflows nor rounds to log 0. */
function binaryCrossEntropy(tf: Tf, output: Value, targets: Tensor): LossResult {
	const wanted = sameShape(tf, output, targets);
	const logits = output.plain;
	return {loss: tf.mean(tf.sub(tf.softplus(logits), tf.mul(wanted, logits))), correct: undefined};
}

const losses = {
	'softmax-cross-entropy': softmaxCrossEntropy,
	mse: meanSquaredError,
	bce: binaryCrossEntropy,
} as const satisfies Record<Loss, (tf: Tf, output: Value, targets: Tensor) => LossResult>;

/** @throws FplError `DATA_SHAPE` when the targets do not fit the output. */
export const lossOf = (tf: Tf, loss: Loss, output: Value, targets: Tensor): LossResult =>
	losses[loss](tf, output, targets);
