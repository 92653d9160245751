/** What an inference run is made of before any device is asked. */
import type {Clock} from '../../core/clock.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import type {InferOrder} from '../../core/plan/inference.js';
import type {Plan} from '../../core/plan/plan.js';
import type {LedgerBook} from '../run/ledger-book.js';
import type {OutboxOptions} from '../stages/outbox.js';
import type {Answers} from './answers.js';
import type {WeightsFile} from './weights.js';

export interface InferenceParts extends Omit<OutboxOptions, 'onTrouble' | 'onForgotten' | 'original'> {
	readonly clock: Clock;
	readonly book: LedgerBook;
	/** The plan whose sources say which view of the items is whose. */
	readonly sources: Plan;
	/** The plan with all devices that can take part. */
	readonly plan: Plan;
	/** Weights that come apart from the model; undefined: the model has them. */
	readonly weights: ((plan: Plan) => WeightsFile) | undefined;
	/** How the items are asked for, once it is known how many the sources have. */
	readonly begin: (items: number) => {readonly order: Order; readonly answers: Answers};
	readonly asked: {readonly batch: number; readonly inFlight: number};
	readonly emit: (update: RunUpdate) => void;
	/** A device takes part, or does something else from now on. */
	readonly enrol: (device: string, role: string) => void;
	readonly onAttempt: (attempt: number) => Promise<void>;
	/** The attempt before the first one. */
	readonly attempt: number;
}

/** Orders of every attempt; where it begins is added. */
export type Order = Omit<InferOrder, 'from'>;
