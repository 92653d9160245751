/**
 * Losses, written into a graph together with their gradient: closed forms are shorter and more exact than what the chain
 * rule would give for their pieces. All are means, as PyTorch's `reduction='mean'`.
 */
import {FplError} from '../../core/errors.js';
import {type DType, type Shape, sizeOf} from '../../core/tensor/tensor.js';
import {filled, mul, reduceSum, reshape, scale, sub} from '../gradients/ops.js';
import type {Emit} from '../gradients/rule.js';
import {int, type Loss, string} from '../graph.js';

/** What the loss compares an output with. */
export interface TargetType {
	readonly dtype: DType;
	readonly shape: Shape;
}

export interface LossValues {
	/** float32 scalar. */
	readonly loss: string;
	/** float32 scalar: how many were predicted right; undefined where the loss knows no classes. */
	readonly correct: string | undefined;
	/** Gradient of the loss with respect to the output, emitted when asked for. */
	gradient(): string;
}

/**
 * softmax-cross-entropy: class numbers for logits [N, C] or [N, C, …]; mse and bce: like the output.
 * @throws FplError `MODEL_SHAPE` when the output cannot have this loss.
 */
export function targetType(loss: Loss, output: Shape, model: string): TargetType {
	if (loss !== 'softmax-cross-entropy') {
		return {dtype: 'float32', shape: output};
	}
	const [items, classes, ...rest] = output;
	if (items === undefined || classes === undefined || classes < 2) {
		throw new FplError('MODEL_SHAPE', {
			where: `output of «${model}»`,
			problem: 'softmax cross-entropy needs one logit per class',
			expected: '[N, C] or [N, C, …] with at least 2 classes',
			got: `[${output.join(', ')}]`,
			fix: 'For a single logit use the loss bce',
		});
	}
	return {dtype: 'int64', shape: [items, ...rest]};
}

export function emitLoss(c: Emit, loss: Loss, output: string, target: string): LossValues {
	switch (loss) {
		case 'softmax-cross-entropy':
			return softmaxCrossEntropy(c, output, target);
		case 'mse':
			return meanSquaredError(c, output, target);
		case 'bce':
			return binaryCrossEntropy(c, output, target);
		default:
			return loss satisfies never;
	}
}

const total = (c: Emit, value: string): string => reduceSum(c, reshape(c, value, [sizeOf(c.shape(value))]), [0]);
const count = (c: Emit, condition: string): string => total(c, c.emit('Cast', [condition], {to: int(1)}));

/** −mean log softmax(x)[target]; the gradient is (softmax(x) − onehot(target)) / number of targets. */
function softmaxCrossEntropy(c: Emit, logits: string, target: string): LossValues {
	const shape = c.shape(target);
	const items = sizeOf(shape);
	const classAxis = {axis: int(1)};
	const index = reshape(c, target, [shape[0]!, 1, ...shape.slice(1)]);
	// LogSoftmax subtracts the largest logit first, so nothing overflows.
	const logProbabilities = c.emit('LogSoftmax', [logits], classAxis);
	const chosen = c.emit('GatherElements', [logProbabilities, index], classAxis);
	const guess = c.emit('ArgMax', [logits], {...classAxis, keepdims: int(0)});
	return {
		loss: scale(c, total(c, chosen), -1 / items),
		correct: count(c, c.emit('Equal', [guess, target])),
		gradient() {
			const probabilities = scale(c, c.emit('Exp', [logProbabilities]), 1 / items);
			const minus = c.constant(filled('float32', c.shape(index), -1 / items));
			return c.emit('ScatterElements', [probabilities, index, minus], {...classAxis, reduction: string('add')});
		},
	};
}

/** mean (x − t)²; the gradient is 2(x − t)/n. */
function meanSquaredError(c: Emit, output: string, target: string): LossValues {
	const elements = sizeOf(c.shape(output));
	const difference = sub(c, output, target);
	return {
		loss: scale(c, total(c, mul(c, difference, difference)), 1 / elements),
		correct: undefined,
		gradient: () => scale(c, difference, 2 / elements),
	};
}

/**
 * Binary cross-entropy of logits: −t·ln σ(x) − (1 − t)·ln(1 − σ(x)) = softplus(x) − t·x, which neither overflows nor rounds
 * to ln 0; the gradient is (σ(x) − t)/n. With one logit per item, x > 0 counts as class 1.
 */
function binaryCrossEntropy(c: Emit, logits: string, target: string): LossValues {
	const elements = sizeOf(c.shape(logits));
	const single = elements === (c.shape(logits)[0] ?? 1);
	const each = sub(c, c.emit('Softplus', [logits]), mul(c, target, logits));
	const above = (value: string, limit: number) => c.emit('Greater', [value, c.constant(filled('float32', [], limit))]);
	return {
		loss: scale(c, total(c, each), 1 / elements),
		correct: single ? count(c, c.emit('Equal', [above(logits, 0), above(target, 0.5)])) : undefined,
		gradient: () => scale(c, sub(c, c.emit('Sigmoid', [logits]), target), 1 / elements),
	};
}
