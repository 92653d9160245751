/** What happens again and again in a run. */
import type {PassTime} from './step-clock.js';

/** What is trained on what, as far as costs depend on it. */
export interface TrainingCosts {
	readonly batch: number;
	readonly epochs: number;
	/** Vectors that the optimiser keeps besides the weights. */
	readonly slots: number;
	/** Items of all sources together; of aligned sources those that each of them sees. */
	readonly samples: number;
	/** Least seconds between two checkpoints within an epoch; absent: there are none. */
	readonly checkpointInterval?: number;
}

/** What happens `times` times in a run. */
export interface Episode {
	readonly times: number;
	readonly seconds: number;
	readonly devices: ReadonlyMap<string, Spending>;
	readonly passes: readonly PassTime[];
}

/** A transfer that a device begins in a step, or the answers without which one to it does not go on. */
export interface Upload {
	/** Seconds since the step began. */
	readonly at: number;
	readonly bytes: number;
	/** To the coordinator: transfers to one other follow each other. */
	readonly isToServer: boolean;
}

/** What a device spends in one step; times in seconds. */
export interface Spending {
	compute: number;
	/** Waiting until what it sent has arrived. */
	send: number;
	/** Waiting while something is arriving. */
	receive: number;
	/** Tensors and their answers; orders and reports are not counted. */
	bytesSent: number;
	bytesReceived: number;
	/** Of the received bytes, those that the coordinator or the parameter server sent. */
	bytesFromServer: number;
	/** Items that its first part works on. */
	items: number;
}

export const freshSpending = (): Spending => ({
	compute: 0,
	send: 0,
	receive: 0,
	bytesSent: 0,
	bytesReceived: 0,
	bytesFromServer: 0,
	items: 0,
});
