/**
 * Optimisers as graphs: one update of a flat piece of the parameters. Formulas and their order as in PyTorch 2
 * (`torch.optim.SGD`, `Adam`, `AdamW`, `torch.nn.utils.clip_grad_norm_`), so that runs can be compared number by number.
 */
import {float32, tensor} from '../../core/tensor/tensor.js';
import {add, div, mul, scalarLike, scale, shift, sub} from '../gradients/ops.js';
import type {Emit} from '../gradients/rule.js';
import {int} from '../graph.js';
import type {Optimizer} from '../training.js';

/** Flat vectors that the optimiser keeps beside the parameters; all start at zero. */
export function slotCount(optimizer: Optimizer): number {
	switch (optimizer.kind) {
		case 'sgd':
			return optimizer.momentum > 0 ? 1 : 0;
		case 'adam':
		case 'adamw':
			return 2;
		default:
			return optimizer satisfies never;
	}
}

/** Names of float32 values: vectors of one length, and scalars. */
export interface UpdateInputs {
	readonly parameter: string;
	readonly gradient: string;
	readonly slots: readonly string[];
	/** Learning rate times the schedule's factor, scalar. */
	readonly lr: string;
	/** Number of this update from 1, scalar. */
	readonly update: string;
}

export interface UpdateOutputs {
	readonly parameter: string;
	readonly slots: readonly string[];
}

export function emitUpdate(c: Emit, optimizer: Optimizer, inputs: UpdateInputs): UpdateOutputs {
	switch (optimizer.kind) {
		case 'sgd':
			return sgd(c, optimizer, inputs);
		case 'adam':
		case 'adamw':
			return adam(c, optimizer, inputs);
		default:
			return optimizer satisfies never;
	}
}

type Sgd = Extract<Optimizer, {kind: 'sgd'}>;
type Adam = Exclude<Optimizer, {kind: 'sgd'}>;

/** g ← g + λp; b ← μb + g; p ← p − lr·(nesterov ? g + μb : b) */
function sgd(c: Emit, {momentum, nesterov, weightDecay}: Sgd, inputs: UpdateInputs): UpdateOutputs {
	const {parameter, lr} = inputs;
	const gradient = decayed(c, inputs, weightDecay);
	if (momentum === 0) {
		return {parameter: sub(c, parameter, mul(c, gradient, lr)), slots: []};
	}
	const buffer = add(c, scale(c, inputs.slots[0]!, momentum), gradient);
	const direction = nesterov ? add(c, gradient, scale(c, buffer, momentum)) : buffer;
	return {parameter: sub(c, parameter, mul(c, direction, lr)), slots: [buffer]};
}

/** The gradient with L2 regularisation added. */
const decayed = (c: Emit, {parameter, gradient}: UpdateInputs, weightDecay: number): string =>
	weightDecay === 0 ? gradient : add(c, gradient, scale(c, parameter, weightDecay));

/**
 * m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; p ← p − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε).
 * adam adds λp to g; adamw first shrinks p by lr·λ.
 */
function adam(c: Emit, optimizer: Adam, inputs: UpdateInputs): UpdateOutputs {
	const {beta1, beta2, epsilon, weightDecay} = optimizer;
	const {lr, update} = inputs;
	const decoupled = optimizer.kind === 'adamw';
	const gradient = decoupled ? inputs.gradient : decayed(c, inputs, weightDecay);
	const [oldFirst, oldSecond] = inputs.slots as [string, string];
	const first = add(c, scale(c, oldFirst, beta1), scale(c, gradient, 1 - beta1));
	const second = add(c, scale(c, oldSecond, beta2), scale(c, mul(c, gradient, gradient), 1 - beta2));
	// √(1 − β₂ᵗ) is multiplied into the two scalars, which saves a division of the whole vector.
	const correction = c.emit('Sqrt', [biasCorrection(c, beta2, update)]);
	const denominator = add(c, c.emit('Sqrt', [second]), scale(c, correction, epsilon));
	const stepSize = div(c, mul(c, lr, correction), biasCorrection(c, beta1, update));
	const start =
		decoupled && weightDecay !== 0
			? mul(c, inputs.parameter, sub(c, scalarLike(c, lr, 1), scale(c, lr, weightDecay)))
			: inputs.parameter;
	const parameter = sub(c, start, mul(c, div(c, first, denominator), stepSize));
	return {parameter, slots: [first, second]};
}

/** 1 − βᵗ, computed in float64: in float32 the first updates of β₂ = 0.999 would be off by 10⁻⁴. */
function biasCorrection(c: Emit, beta: number, update: string): string {
	const double = (value: number) => c.constant(tensor('float64', [], Float64Array.of(value)));
	const power = c.emit('Pow', [double(beta), c.emit('Cast', [update], {to: int(11)})]);
	return c.emit('Cast', [sub(c, double(1), power)], {to: int(1)});
}

/** The gradients scaled so that the L2 norm of all together is at most `clipNorm`: times min(1, clipNorm/(norm + 10⁻⁶)). */
export function emitClip(c: Emit, gradients: readonly string[], clipNorm: number): readonly string[] {
	if (gradients.length === 0) {
		return [];
	}
	const squares = gradients.map(gradient => c.emit('ReduceSumSquare', [gradient], {keepdims: int(0)}));
	const norm = c.emit('Sqrt', [squares.reduce((sum, square) => add(c, sum, square))]);
	const factor = div(c, c.constant(float32([], [clipNorm])), shift(c, norm, 1e-6));
	const limited = c.emit('Min', [factor, c.constant(float32([], [1]))]);
	return gradients.map(gradient => mul(c, gradient, limited));
}
