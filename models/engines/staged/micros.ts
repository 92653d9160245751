/**
 * Which micro-batches went forward and wait for backward, and which are done since the last update: the order that a stage
 * insists on, the same in every engine.
 */
import {FplError} from '../../../core/errors.js';
import type {Tensors} from '../stage.js';

/** What waits for the backward pass of one micro-batch. */
export interface Waiting {
	readonly items: number;
	/** Inputs, and whatever else of tensors must be kept. Their memory may be lent by the caller's thread. */
	readonly values: Tensors;
	/** Memory that is taken up until backward, in bytes. */
	readonly bytes: number;
}

export class Micros<W extends Waiting> {
	readonly #stage: string;
	readonly #limit: number;
	readonly #waiting = new Map<number, W>();
	readonly #done = new Set<number>();
	/** Lent memory that waiting micro-batches hold, and what of it they have let go. */
	readonly #held = new Set<ArrayBufferLike>();
	#freed: ArrayBuffer[] = [];
	#bytes = 0;

	/** @param limit most bytes that may wait. */
	constructor(stage: string, limit: number) {
		this.#stage = stage;
		this.#limit = limit;
	}

	/** @throws FplError `ENGINE_CALL` when this micro-batch must not go forward (again), or `bytes` more are too many. */
	admit(micro: number, bytes: number): void {
		if (!Number.isSafeInteger(micro) || micro < 0) {
			throw this.#refusal({problem: 'micro-batches are numbered from 0', got: `${micro}`});
		}
		if (this.#waiting.has(micro) || this.#done.has(micro)) {
			throw this.#refusal({
				problem: `micro-batch ${micro} ${this.#done.has(micro) ? 'is done' : 'went forward'} already`,
				fix: 'Number micro-batches anew after an update, and discard a step before it is repeated',
			});
		}
		if (this.#bytes + bytes > this.#limit) {
			throw this.#refusal({
				problem: `micro-batch ${micro} and the ${this.#waiting.size} that wait for backward need too much memory`,
				expected: `at most ${this.#limit} bytes`,
				got: `${this.#bytes + bytes}`,
				fix: 'Let fewer micro-batches be under way, or make them smaller',
			});
		}
	}

	wait(micro: number, what: W): void {
		this.#waiting.set(micro, what);
		this.#bytes += what.bytes;
	}

	/** @throws FplError `ENGINE_CALL` when it does not wait. */
	waiting(micro: number): W {
		const what = this.#waiting.get(micro);
		if (what === undefined) {
			throw this.#refusal({
				problem: `micro-batch ${micro} ${this.#done.has(micro) ? 'is done already' : 'did not go forward'}`,
				expected: this.#waiting.size === 0 ? 'a forward pass first' : `one of ${[...this.#waiting.keys()].join(', ')}`,
			});
		}
		return what;
	}

	/** Its gradient is accumulated. */
	finish(micro: number): void {
		this.#drop(micro);
		this.#done.add(micro);
	}

	/** @throws FplError `ENGINE_CALL` when any waits. */
	expectNone(before: string): void {
		if (this.#waiting.size > 0) {
			throw this.#refusal({
				problem: `micro-batches ${[...this.#waiting.keys()].join(', ')} wait for backward`,
				fix: `Take them backward or discard them before ${before}`,
			});
		}
	}

	/** After an update, or when a step is abandoned: every number is free again. Answers what waited. */
	reset(): readonly W[] {
		const dropped = [...this.#waiting.values()];
		for (const micro of [...this.#waiting.keys()]) {
			this.#drop(micro);
		}
		this.#done.clear();
		return dropped;
	}

	/**
	 * Call after each request.
	 * @param loan the memory of the request's tensors.
	 * @returns lent memory that nothing here reads any more.
	 */
	settle(loan: ArrayBuffer | undefined): readonly ArrayBuffer[] {
		const freed = this.#freed;
		this.#freed = [];
		if (loan === undefined) {
			return freed;
		}
		const kept = [...this.#waiting.values()].some(({values}) =>
			Object.values(values).some(({data}) => data.buffer === loan),
		);
		if (!kept) {
			return [...freed, loan];
		}
		this.#held.add(loan);
		return freed;
	}

	#drop(micro: number): void {
		const what = this.#waiting.get(micro);
		this.#waiting.delete(micro);
		this.#bytes -= what?.bytes ?? 0;
		for (const {buffer} of Object.values(what?.values ?? {}).map(({data}) => data)) {
			if (this.#held.delete(buffer)) {
				this.#freed.push(buffer as ArrayBuffer);
			}
		}
	}

	readonly #refusal = (facts: {problem: string; expected?: string; got?: string; fix?: string}): FplError =>
		new FplError('ENGINE_CALL', {where: `stage «${this.#stage}»`, ...facts});
}
