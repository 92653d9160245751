/** What a run with stages does beside its steps: checkpoints, tests of the weights, and notes of what went wrong there. */
import {type Clock, withDeadline} from '../../core/clock.js';
import {asFplError} from '../../core/errors.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import type {Logger} from '../../core/log.js';
import type {Plan} from '../../core/plan/plan.js';
import type {TrainerState} from '../../models/engines/engine.js';
import type {LedgerBook} from '../run/ledger-book.js';
import type {ServerAccounts} from '../server/accounts.js';
import type {CheckpointPace} from '../server/checkpoint-pace.js';
import type {Position, StageState} from './state.js';
import type {GroupStates, StageWeights} from './weights.js';

/** Whole models: one, or one for each device that keeps weights of its own. */
export type Wholes = ReadonlyMap<string, TrainerState>;

/** What a checkpoint keeps. */
export interface Kept extends Pick<StageState, 'items'> {
	readonly position: Position;
	/** As it was executed when the weights came. */
	readonly plan: Plan;
	readonly states: GroupStates;
}

export interface KeeperOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly weights: StageWeights;
	readonly book: LedgerBook;
	readonly accounts: ServerAccounts;
	readonly pace: CheckpointPace;
	readonly emit: (update: RunUpdate) => void;
	/** Loss and accuracy of the weights, in [0, 1]; undefined where there are no test data. */
	readonly evaluate: (
		plan: Plan,
		wholes: Wholes,
	) => Promise<{readonly accuracy: number | undefined; readonly loss: number} | undefined>;
	readonly checkpoint: (kept: Kept) => Promise<void>;
	readonly note: (text: string) => void;
	readonly onEvaluated: (step: number, accuracy: number | undefined) => void;
	readonly onCheckpointDue: () => void;
}

/** Tasks under way when a run ends get this long. */
const settleMs = 60_000;

export class Keeper {
	readonly #options: KeeperOptions;
	readonly #tasks = new Set<Promise<void>>();
	#cancelCheckpoint: (() => void) | undefined;
	#testing: Promise<void> = Promise.resolve();
	#storing: Promise<void> = Promise.resolve();
	/** The newest one that waits for the one that is being written. */
	#toStore: Kept | undefined;

	constructor(options: KeeperOptions) {
		this.#options = options;
	}

	get pace(): CheckpointPace {
		return this.#options.pace;
	}

	/** Runs a task of its own; what it throws becomes a note. */
	spawn(what: string, task: () => Promise<void>): Promise<void> {
		const {log, note} = this.#options;
		const promise = task()
			.catch((error: unknown) => {
				const {message, code} = asFplError(error);
				log.error(`${what}: ${message}`, {code});
				note(`${what}: ${message}`);
			})
			.finally(() => this.#tasks.delete(promise));
		this.#tasks.add(promise);
		return promise;
	}

	/** The weights after `position.step` steps are complete: they are written down, and at a milestone tested. */
	save(state: StageState, position: Position, milestone: boolean): void {
		const {weights} = this.#options;
		const {plan} = weights;
		const states = weights.save(position.step);
		const wholes = milestone ? weights.wholes(states) : undefined;
		this.pace.finish();
		this.#arm();
		this.#toStore = {position, plan, items: state.items, states: weights.kept};
		// One after the other: two at once would clear each other away. Of those that wait, the newest is enough.
		this.#storing = this.#storing.then(() => this.spawn('checkpoint', () => this.#store()));
		if (wholes && position.step > 0) {
			// One after the other, so that the last word is on the last weights.
			this.#testing = this.#testing.then(() =>
				this.spawn('test of the weights', () => this.#evaluate(plan, wholes, position.step)),
			);
		}
	}

	/** The trained models: also of devices that keep weights of their own and are away, with a note of how old these are. */
	results(original: Plan): Wholes {
		const {weights, note} = this.#options;
		const away = weights.wholesAway(original);
		for (const [device, {steps}] of away) {
			note(`${device} is away at the end: the weights of its own in its model are those after step ${steps}`);
		}
		return new Map([...weights.wholes(), ...[...away].map(([device, {state}]) => [device, state] as const)]);
	}

	/** A step begins: from the first one on checkpoints are waited for. */
	begin(): void {
		if (!this.#cancelCheckpoint) {
			this.#arm();
		}
	}

	/** Starts to wait for the next checkpoint. */
	#arm(): void {
		const {clock, pace, onCheckpointDue} = this.#options;
		this.#cancelCheckpoint?.();
		this.#cancelCheckpoint = clock.after(pace.pauseMs, onCheckpointDue);
	}

	/** Waits for what is under way. */
	async settle(): Promise<void> {
		this.#cancelCheckpoint?.();
		const underWay = Promise.allSettled([this.#testing, this.#storing, ...this.#tasks]);
		await withDeadline(this.#options.clock, settleMs, 'what is under way', underWay).catch(() => {});
	}

	async #store(): Promise<void> {
		const kept = this.#toStore;
		this.#toStore = undefined;
		if (kept) {
			await this.#options.checkpoint(kept);
			this.#options.emit({kind: 'checkpoint', round: kept.position.step});
		}
	}

	async #evaluate(plan: Plan, wholes: Wholes, step: number): Promise<void> {
		const {accounts, book, emit, evaluate, onEvaluated} = this.#options;
		const result = await accounts.computing(() => evaluate(plan, wholes));
		if (result) {
			const {accuracy, loss} = result;
			book.evaluated(step - 1, accuracy, loss);
			emit({kind: 'evaluated', round: step - 1, accuracy, testLoss: loss});
			onEvaluated(step, accuracy);
		}
	}
}
