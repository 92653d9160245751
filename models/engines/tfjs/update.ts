/**
 * Optimiser updates on flat vectors, as PyTorch 2 defines them (torch.optim.SGD, Adam, AdamW, clip_grad_norm_). Written as
 * plain loops, apart from the graphs that the other engine runs, so that the two check each other.
 */
import type {Optimizer} from '../../training.js';

/** Factor that brings the gradient's norm down to `limit`; torch adds 1e-6 to the norm. */
export function clipFactor(gradient: Float32Array, limit: number | undefined): number {
	if (limit === undefined) {
		return 1;
	}
	let squares = 0;
	for (const value of gradient) {
		squares += value * value;
	}
	return Math.min(1, limit / (Math.sqrt(squares) + 1e-6));
}

export interface Update {
	readonly parameters: Float32Array;
	readonly slots: readonly Float32Array[];
	readonly gradient: Float32Array;
	/** Updates done before this one. */
	readonly updates: number;
	readonly lrScale: number;
	/** Multiplies the gradient after its norm was limited. */
	readonly scale: number;
	readonly clipNorm: number | undefined;
}

/** Changes `parameters` and `slots` in place. */
export function update(optimizer: Optimizer, options: Update): void {
	const {parameters, slots, gradient} = options;
	const lr = optimizer.lr * options.lrScale;
	const scale = options.scale * clipFactor(gradient, options.clipNorm);
	const {weightDecay} = optimizer;
	if (optimizer.kind === 'sgd') {
		const {momentum, nesterov} = optimizer;
		const velocity = slots[0];
		for (let index = 0; index < parameters.length; index++) {
			const g = gradient[index]! * scale + weightDecay * parameters[index]!;
			if (velocity === undefined) {
				parameters[index]! -= lr * g;
			} else {
				const v = momentum * velocity[index]! + g;
				velocity[index] = v;
				parameters[index]! -= lr * (nesterov ? g + momentum * v : v);
			}
		}
		return;
	}
	const {kind, beta1, beta2, epsilon} = optimizer;
	const [first, second] = slots as [Float32Array, Float32Array];
	const step = options.updates + 1;
	const unbias1 = 1 - beta1 ** step;
	const unbias2 = Math.sqrt(1 - beta2 ** step);
	for (let index = 0; index < parameters.length; index++) {
		const p = parameters[index]!;
		const decayed = kind === 'adamw' ? p - lr * weightDecay * p : p;
		const g = gradient[index]! * scale + (kind === 'adam' ? weightDecay * p : 0);
		const m = beta1 * first[index]! + (1 - beta1) * g;
		const v = beta2 * second[index]! + (1 - beta2) * g * g;
		first[index] = m;
		second[index] = v;
		parameters[index] = decayed - ((lr / unbias1) * m) / (Math.sqrt(v) / unbias2 + epsilon);
	}
}
