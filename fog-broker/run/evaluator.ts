/** Loss and accuracy of given weights on the test set, in a trainer of its own so that training is not held up. */

import {FplError} from '../../core/errors.js';
import type {Dataset} from '../../models/datasets/dataset.js';
import type {Trainer} from '../../models/engines/engine.js';

export interface Evaluation {
	/** Hits / items in [0, 1]; undefined where the task has no classes. */
	readonly accuracy: number | undefined;
	/** Mean loss over all items. */
	readonly loss: number;
}

export class Evaluator {
	readonly #trainer: Trainer;
	readonly #tests: readonly Dataset[];
	readonly #batch: number;

	/**
	 * @param trainer owned by the caller; its weights are overwritten.
	 * @param tests the test items, or several views of them; the result is over all.
	 */
	constructor(trainer: Trainer, tests: readonly Dataset[], batch = 250) {
		this.#trainer = trainer;
		this.#tests = tests;
		this.#batch = batch;
	}

	/** @param weights parameters, then buffers. @throws FplError `INTERRUPTED` between two batches when the signal aborts. */
	async evaluate(weights: Float32Array, signal?: AbortSignal): Promise<Evaluation> {
		const count = this.#trainer.parameters.length;
		await this.#trainer.load({parameters: weights.slice(0, count), buffers: weights.slice(count)});
		let [loss, hits, items, counted] = [0, 0, 0, true];
		for (const test of this.#tests) {
			items += test.items;
			for (let from = 0; from < test.items; from += this.#batch) {
				if (signal?.aborted) {
					throw new FplError('INTERRUPTED', {where: 'testing the weights'});
				}
				const size = Math.min(this.#batch, test.items - from);
				const result = await this.#trainer.evaluate(test.batch(Uint32Array.from({length: size}, (_, i) => from + i)));
				loss += result.loss * size;
				hits += result.correct ?? 0;
				counted &&= result.correct !== undefined;
			}
		}
		return {accuracy: counted ? hits / items : undefined, loss: loss / items};
	}
}
