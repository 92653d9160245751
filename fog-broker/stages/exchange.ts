/** What agents send to the coordinator in a run with stages: gradients and weights for a mean, and states. */
import {FplError} from '../../core/errors.js';
import type {Acceptance, IncomingTransfer} from '../../core/wire/tensor-link.js';
import type {TrainerState} from '../../models/engines/engine.js';
import {decodeState} from '../../models/plans/state.js';
import {MeanAggregator} from '../server/aggregator.js';

interface Lengths {
	readonly parameters: number;
	readonly buffers: number;
}

/** One mean that is being taken. Memory does not grow with the number of those who contribute. */
interface Mean {
	readonly lengths: Lengths;
	readonly aggregator: MeanAggregator;
	/** Keys of the contributions, each with whom it comes from. */
	readonly expected: ReadonlyMap<string, string>;
	readonly done: Set<string>;
	readonly onDone: (key: string, complete: boolean) => void;
}

interface ExpectedState {
	readonly from: string;
	readonly lengths: Lengths;
	readonly onDone: (state: TrainerState) => void;
}

export class Exchange {
	readonly #run: string;
	#attempt: number;
	#means: Mean[] = [];
	readonly #states = new Map<string, ExpectedState>();

	constructor(run: string, attempt: number) {
		this.#run = run;
		this.#attempt = attempt;
	}

	/** What belongs to an earlier attempt is refused from now on. */
	begin(attempt: number): void {
		this.#attempt = attempt;
		this.#means = [];
		this.#states.clear();
	}

	/** Awaits contributions to one mean. `onDone` is called for each that is complete. */
	expectMean(lengths: Lengths, expected: ReadonlyMap<string, string>, onDone: Mean['onDone']): MeanAggregator {
		const aggregator = new MeanAggregator(lengths.parameters + lengths.buffers);
		this.#means.push({lengths, aggregator, expected, done: new Set(), onDone});
		return aggregator;
	}

	/** The means of a step are over. */
	clearMeans(): void {
		this.#means = [];
	}

	expectState(key: string, from: string, lengths: Lengths, onDone: ExpectedState['onDone']): void {
		this.#states.set(key, {from, lengths, onDone});
	}

	accept(transfer: IncomingTransfer): Acceptance {
		const {purpose} = transfer;
		const stale = {refuse: `this belongs to another attempt than ${this.#attempt}`};
		switch (purpose.kind) {
			case 'contribution':
				return purpose.run === this.#run && purpose.attempt === this.#attempt
					? this.#contribution(transfer, purpose)
					: stale;
			case 'state':
				return purpose.run === this.#run && purpose.attempt === this.#attempt
					? this.#state(transfer, purpose.key)
					: stale;
			default:
				return {refuse: `a run with stages does not take «${purpose.kind}»`};
		}
	}

	#contribution(
		{from, bytes}: IncomingTransfer,
		{key, weight, parameters, buffers}: IncomingTransfer['purpose'] & {kind: 'contribution'},
	): Acceptance {
		const mean = this.#means.find(({expected}) => expected.get(key) === from);
		if (!mean) {
			return {refuse: `nothing called «${key}» is expected from ${from}`};
		}
		if (mean.done.has(key)) {
			return 'already';
		}
		const {lengths, aggregator} = mean;
		if (
			parameters !== lengths.parameters ||
			buffers !== lengths.buffers ||
			bytes !== 4 * (parameters + buffers) ||
			!(weight > 0)
		) {
			return {
				refuse: `expected ${lengths.parameters} parameters, ${lengths.buffers} buffer elements and a weight > 0, got ${parameters}, ${buffers}, ${weight}`,
			};
		}
		const current = () => this.#means.includes(mean);
		return {
			chunk: (_sequence, offset, data) => {
				if (current()) {
					aggregator.add(key, weight, offset, data);
				}
			},
			done: () => {
				if (current() && aggregator.complete(key)) {
					mean.done.add(key);
					mean.onDone(key, mean.done.size === mean.expected.size);
				}
			},
			abort: () => {},
		};
	}

	#state({from, bytes}: IncomingTransfer, key: string): Acceptance {
		const expected = this.#states.get(key);
		if (expected?.from !== from) {
			return {refuse: `no state «${key}» is expected from ${from}`};
		}
		const {lengths, onDone} = expected;
		// Parameters, buffers, and a few slots of the size of the parameters.
		if (bytes > 8 + 4 * (lengths.parameters * 9 + lengths.buffers)) {
			return {refuse: `a state of ${lengths.parameters} parameters has not ${bytes} bytes`};
		}
		const data = new Uint8Array(new ArrayBuffer(bytes));
		return {
			chunk: (_sequence, offset, chunk) => data.set(chunk, offset),
			done: () => {
				if (this.#states.get(key) !== expected) {
					return;
				}
				this.#states.delete(key);
				let state: TrainerState;
				try {
					state = decodeState(data, lengths);
				} catch (error) {
					if (error instanceof FplError) {
						return;
					}
					throw error;
				}
				onDone(state);
			},
			abort: () => {},
		};
	}
}
