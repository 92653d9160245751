/** What a run in rounds works with, and what its checkpoints keep. */
import type {Clock} from '../../core/clock.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import {planDigest} from '../../core/plan/digest.js';
import type {Plan} from '../../core/plan/plan.js';
import type {Trainer} from '../../models/engines/engine.js';
import type {Evaluator} from '../run/evaluator.js';
import type {BookPages, LedgerBook} from '../run/ledger-book.js';
import type {ServerAccounts} from '../server/accounts.js';
import type {CheckpointStore} from '../server/checkpoints.js';
import type {DispatchParts} from './dispatch.js';
import type {RunState} from './state.js';

export interface RunParts extends DispatchParts {
	readonly clock: Clock;
	readonly trainer: Trainer;
	/** Undefined where the fog broker has no test data. */
	readonly evaluator: Evaluator | undefined;
	readonly checkpoints: CheckpointStore;
	readonly book: LedgerBook;
	readonly accounts: ServerAccounts;
	/** Whether a device is in the fleet. */
	readonly isHere: (device: string) => boolean;
	/** Seconds that earlier attempts took. */
	readonly earlierSeconds: number;
	readonly emit: (update: RunUpdate) => void;
}

/** What a checkpoint keeps besides the weights. */
export interface Progress {
	readonly members: ReadonlyArray<{readonly device: string; readonly items: number; readonly cursor: number}>;
	/** As counted when the first round began. */
	readonly rounds?: number | undefined;
	readonly totalItems?: number;
	/** Digest of the plan; absent: the only one that the run has had. */
	readonly plan?: string;
	readonly pages: BookPages;
}

export const progressOf = ({members, rounds, totalItems}: RunState, plan: Plan, pages: BookPages): Progress => ({
	members: [...members].map(([device, {items, cursor}]) => ({device, items, cursor})),
	rounds,
	totalItems,
	plan: planDigest(plan),
	pages,
});
