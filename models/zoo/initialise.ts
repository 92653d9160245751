/** Initial values of parameters, as PyTorch's layers draw them by default. */
import type {Random} from '../../core/random.js';
import type {Initialise} from './builder.js';

/** Uniform in [−bound, bound). */
export const uniform =
	(bound: number): Initialise =>
	(random: Random, size: number) => {
		const values = new Float32Array(size);
		for (let index = 0; index < size; index++) {
			values[index] = (2 * random.next() - 1) * bound;
		}
		return values;
	};

/**
 * Weights and biases of `Linear` and `ConvNd`: kaiming uniform with a = √5, whose bound √(6 / ((1 + a²) · fan)) is
 * 1/√fan; the bias has the same bound.
 * @param fan inputs that one output sums over.
 */
export const fanIn = (fan: number): Initialise => uniform(1 / Math.sqrt(fan));

/** Glorot and Bengio 2010: bound √(6 / (in + out)). */
export const xavierUniform = (inputs: number, outputs: number): Initialise =>
	uniform(Math.sqrt(6 / (inputs + outputs)));

/** Normal with mean 0, as `Embedding` draws. */
export const normal =
	(deviation: number): Initialise =>
	(random: Random, size: number) => {
		const values = new Float32Array(size);
		for (let index = 0; index < size; index++) {
			values[index] = random.normal() * deviation;
		}
		return values;
	};

export const fill =
	(value: number): Initialise =>
	(_random: Random, size: number) =>
		new Float32Array(size).fill(value);
