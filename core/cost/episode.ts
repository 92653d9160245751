/** What happens again and again in a run. */
import type {PassTime, Spending} from './step-clock.js';

/** What is trained on what, as far as costs depend on it. */
export interface TrainingCosts {
	readonly batch: number;
	readonly epochs: number;
	/** Vectors that the optimiser keeps besides the weights. */
	readonly slots: number;
	/** Items of all sources together; of aligned sources those that each of them sees. */
	readonly samples: number;
}

/** What happens `times` times in a run. */
export interface Episode {
	readonly times: number;
	readonly seconds: number;
	readonly devices: ReadonlyMap<string, Spending>;
	readonly passes: readonly PassTime[];
}
