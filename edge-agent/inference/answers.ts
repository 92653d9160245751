/** What a source makes of the answers to its items: hits, times, and the predictions where they are wanted. */
import type {SourceAnswers} from '../../core/plan/inference.js';
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Loss} from '../../models/graph.js';

/** The name under which answers travel; no value of a model begins so. */
export const answerName = '#answer';

/** Row by row the number of the largest value, the first of equals. */
export function likeliest({data, shape}: Tensor<'float32'>): Tensor<'int64'> {
	const items = shape[0]!;
	const classes = items === 0 ? 0 : data.length / items;
	const numbers = new BigInt64Array(items);
	for (let item = 0; item < items; item++) {
		let best = 0;
		for (let index = 1; index < classes; index++) {
			if (data[item * classes + index]! > data[item * classes + best]!) {
				best = index;
			}
		}
		numbers[item] = BigInt(best);
	}
	return {dtype: 'int64', shape: [items], data: numbers};
}

/** Hits among the rows; undefined where right and wrong say nothing (values instead of classes). */
export function hitsOf(answer: Tensor, targets: Tensor, loss: Loss): number | undefined {
	const items = answer.shape[0]!;
	if (loss === 'softmax-cross-entropy' && targets.dtype === 'int64' && targets.shape.length === 1) {
		if (answer.dtype === 'float32' && answer.shape.length !== 2) {
			return undefined;
		}
		const given = answer.dtype === 'float32' ? likeliest(answer as Tensor<'float32'>) : answer;
		const [guesses, truth] = [given.data as BigInt64Array, targets.data as BigInt64Array];
		return guesses.reduce((sum, guess, item) => sum + (guess === truth[item] ? 1 : 0), 0);
	}
	if (loss === 'bce' && answer.dtype === 'float32' && answer.data.length === items && targets.data.length === items) {
		const [logits, truth] = [answer.data as Float32Array, targets.data as Float32Array];
		return logits.reduce((sum, logit, item) => sum + (logit > 0 === truth[item]! > 0.5 ? 1 : 0), 0);
	}
	return undefined;
}

/** One source's answers, by interval: the next one may begin before everything else on the device has done with the last. */
export class Tally {
	readonly #replica: number;
	readonly #keep: boolean;
	readonly #intervals = new Map<number, SourceAnswers & {latencyMs: number[]; predictions: (number | null)[]}>();

	/** @param keep whether predictions are gathered. */
	constructor(replica: number, keep: boolean) {
		this.#replica = replica;
		this.#keep = keep;
	}

	/** @param latencyMs from the request to the answer. */
	add(interval: number, latencyMs: number, answer: Tensor, hits: number | undefined): void {
		const before = this.#of(interval);
		before.latencyMs.push(latencyMs);
		if (this.#keep) {
			for (const value of answer.data) {
				const number = Number(value);
				before.predictions.push(Number.isFinite(number) ? number : null);
			}
		}
		this.#intervals.set(interval, {
			...before,
			items: before.items + answer.shape[0]!,
			hits: before.hits === null || hits === undefined ? null : before.hits + hits,
		});
	}

	/** A batch of which this source had no rows. */
	skip(interval: number): void {
		this.#of(interval).latencyMs.push(-1);
	}

	/** Hands out an interval that is complete. */
	read(interval: number): SourceAnswers {
		const answers = this.#of(interval);
		this.#intervals.delete(interval);
		return answers;
	}

	#of(interval: number) {
		const known = this.#intervals.get(interval);
		const answers = known ?? {replica: this.#replica, latencyMs: [], hits: 0, items: 0, predictions: []};
		this.#intervals.set(interval, answers);
		return answers;
	}
}
