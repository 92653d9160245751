/**
 * The work of one round: weights in, compute, contribution out. What the time went to is kept on the way.
 *
 * gradients: one batch; the contribution is its mean gradient, then the buffers after it.
 * weights: some local epochs of SGD from the given weights with a fresh optimiser; the contribution is the new weights.
 */
import {FplError} from '../core/errors.js';
import type {Dataset} from '../models/datasets/dataset.js';
import type {Trainer} from '../models/engines/engine.js';

export interface RoundWork {
	readonly kind: 'gradient' | 'local-training';
	/** Items to draw: from `cursor` on, `count` of them, `batch` at a time. */
	readonly cursor: number;
	readonly count: number;
	readonly batch: number;
	/** Factor of the learning rate. */
	readonly lrScale: number;
	/** From 0. Dropout masks differ from round to round. */
	readonly round: number;
}

export interface Contribution {
	/** Parameters' part, then the buffers, float32. */
	readonly vector: Float32Array;
	/** Mean loss over the items. */
	readonly loss: number;
	readonly items: number;
	readonly steps: number;
	readonly correct: number;
	/** Seconds inside the engine. */
	readonly engineSeconds: number;
}

type Order = (cursor: number, count: number) => Uint32Array;

function join(parameters: Float32Array, buffers: Float32Array): Float32Array {
	if (buffers.length === 0) {
		return parameters;
	}
	const vector = new Float32Array(parameters.length + buffers.length);
	vector.set(parameters);
	vector.set(buffers, parameters.length);
	return vector;
}

/** @throws FplError `INTERRUPTED` between two steps when the signal aborts. */
export async function computeContribution(
	trainer: Trainer,
	data: Dataset,
	order: Order,
	weights: Float32Array,
	work: RoundWork,
	signal: AbortSignal,
): Promise<Contribution> {
	const {parameters, buffers} = trainer;
	if (weights.length !== parameters.length + buffers.length) {
		throw new FplError('WIRE_INVALID', {
			where: 'weights',
			expected: `${parameters.length + buffers.length} elements`,
			got: `${weights.length}`,
		});
	}
	const state = {parameters: weights.subarray(0, parameters.length), buffers: weights.subarray(parameters.length)};
	switch (work.kind) {
		case 'gradient': {
			// The trainer does one thing after the other, so that it need not be waited for in between.
			const [, result, after] = await Promise.all([
				trainer.load({...state, updates: work.round}),
				trainer.gradient(data.batch(order(work.cursor, work.count))),
				buffers.length > 0 ? trainer.save(['buffers']) : state,
			]);
			return {
				vector: join(result.gradient, after.buffers),
				loss: result.loss,
				items: work.count,
				steps: 1,
				correct: result.correct ?? 0,
				engineSeconds: result.computeMs / 1000,
			};
		}
		case 'local-training': {
			const {slots} = await trainer.save(['slots']);
			await trainer.load({...state, slots: slots.map(slot => new Float32Array(slot.length)), updates: 0});
			const sums = {loss: 0, correct: 0, steps: 0, milliseconds: 0};
			for (let done = 0; done < work.count; done += work.batch) {
				if (signal.aborted) {
					throw new FplError('INTERRUPTED', {where: 'local training'});
				}
				const size = Math.min(work.batch, work.count - done);
				const result = await trainer.step(data.batch(order(work.cursor + done, size)), work.lrScale);
				sums.loss += result.loss * size;
				sums.correct += result.correct ?? 0;
				sums.steps += 1;
				sums.milliseconds += result.computeMs;
			}
			const after = await trainer.save(['parameters', 'buffers']);
			return {
				vector: join(after.parameters, after.buffers),
				loss: sums.loss / work.count,
				items: work.count,
				steps: sums.steps,
				correct: sums.correct,
				engineSeconds: sums.milliseconds / 1000,
			};
		}
		default:
			return work.kind satisfies never;
	}
}
