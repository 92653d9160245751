/** What goes on beside the rounds, each one at a time: tests of the weights, and checkpoints. */
import type {Clock} from '../../core/clock.js';
import {asFplError, isFplError} from '../../core/errors.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import type {Evaluation, Evaluator} from '../run/evaluator.js';
import type {ServerAccounts} from '../server/accounts.js';
import type {CheckpointPace} from '../server/checkpoint-pace.js';
import type {Checkpoint, CheckpointStore} from '../server/checkpoints.js';

export interface UpkeepParts {
	readonly clock: Clock;
	/** Undefined where the fog broker has no test data. */
	readonly evaluator: Evaluator | undefined;
	readonly checkpoints: CheckpointStore;
	readonly pace: CheckpointPace;
	readonly accounts: ServerAccounts;
	readonly emit: (update: RunUpdate) => void;
	readonly note: (text: string) => void;
	readonly onEvaluated: (round: number, evaluation: Evaluation) => void;
}

interface Wanted {
	readonly round: number;
	readonly weights: Float32Array;
}

export class Upkeep {
	readonly #parts: UpkeepParts;
	readonly #stop = new AbortController();
	/** The newest weights that wait to be tested; older ones are passed over when testing is slower than training. */
	#wanted: Wanted | undefined;
	#evaluating: Promise<void> | undefined;
	#writing: Promise<void> | undefined;
	#writtenAt = Number.NEGATIVE_INFINITY;
	#writtenRound: number | undefined;
	/** Whether the last checkpoint failed: said once, not every round. */
	#failing = false;

	constructor(parts: UpkeepParts) {
		this.#parts = parts;
	}

	/** Tests these weights, now or after those under test. They must not change any more. */
	evaluate(round: number, weights: Float32Array): void {
		const {evaluator} = this.#parts;
		if (!evaluator) {
			return;
		}
		this.#wanted = {round, weights};
		this.#evaluating ??= this.#evaluateAll(evaluator);
	}

	/** Whether it is time for the next checkpoint. */
	get due(): boolean {
		const {clock, pace} = this.#parts;
		return clock.monotonic() - this.#writtenAt >= pace.pauseMs;
	}

	/**
	 * Writes what `read` gives, unless a checkpoint is being written: the next round will come soon enough. `read` is called
	 * at once, so that what it reads belongs together. A checkpoint that cannot be written is a note, not an end.
	 */
	checkpoint(round: number, read: () => Promise<Checkpoint>): void {
		if (this.#writing) {
			return;
		}
		const {clock, pace} = this.#parts;
		pace.begin();
		this.#writing = this.#write(round, read()).finally(() => {
			this.#writing = undefined;
			this.#writtenAt = clock.monotonic();
			pace.finish();
		});
	}

	/** No test is begun any more, and one under way ends before its time. */
	stopEvaluating(): void {
		this.#wanted = undefined;
		this.#stop.abort();
	}

	/** Resolves when nothing is under way. */
	async settled(): Promise<void> {
		await Promise.all([this.#evaluating, this.#writing]);
	}

	/** Writes the last checkpoint of all, unless that round's is written already. */
	async finish(round: number, read: () => Promise<Checkpoint>): Promise<void> {
		await this.#writing;
		if (this.#writtenRound !== round) {
			this.checkpoint(round, read);
			await this.#writing;
		}
	}

	async #evaluateAll(evaluator: Evaluator): Promise<void> {
		const {accounts, onEvaluated, note} = this.#parts;
		const {signal} = this.#stop;
		for (let wanted = this.#wanted; wanted && !signal.aborted; wanted = this.#wanted) {
			this.#wanted = undefined;
			const {round, weights} = wanted;
			try {
				onEvaluated(round, await accounts.computing(() => evaluator.evaluate(weights, signal)));
			} catch (error) {
				if (!isFplError(error, 'INTERRUPTED')) {
					note(`evaluation: ${asFplError(error).message}`);
				}
			}
		}
		this.#evaluating = undefined;
	}

	async #write(round: number, reading: Promise<Checkpoint>): Promise<void> {
		const {checkpoints, emit, note} = this.#parts;
		try {
			await checkpoints.save(await reading);
			this.#writtenRound = round;
			if (this.#failing) {
				this.#failing = false;
				note(`checkpoints can be written again, from round ${round} on`);
			}
			emit({kind: 'checkpoint', round});
		} catch (error) {
			if (!this.#failing) {
				this.#failing = true;
				note(`checkpoint: ${asFplError(error).message}`);
			}
		}
	}
}
