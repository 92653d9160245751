/** What watchers of a run are told while it goes on, as JSON: the source of progress bars, logs and dashboards. */
import type {Plan} from '../plan/plan.js';
import type {InferenceFigures, RoundRecord} from './ledger.js';
import type {PlanTotals} from './prediction.js';

/** A device's totals so far. */
export interface DeviceProgress {
	readonly device: string;
	readonly emulated: boolean;
	readonly computeSeconds: number;
	readonly bytes: number;
	readonly joules: number;
	readonly items: number;
}

export type RunUpdate =
	| {readonly kind: 'gathering'; readonly expected: readonly string[] | undefined; readonly minimum: number}
	/** `resumedFrom`: rounds that the checkpoint has behind it. */
	| {
			readonly kind: 'planned';
			readonly plan: Plan;
			readonly attempt: number;
			readonly resumedFrom: number | undefined;
			/** Whether a trained model is used, instead of trained. */
			readonly inference?: boolean;
			/** Of the whole run, where a planner chose the plan. */
			readonly predicted?: PlanTotals & {readonly stepSeconds: number};
	  }
	/** Rounds may be skipped when they follow each other quickly; the last one before an evaluation never is. */
	| {
			readonly kind: 'round';
			readonly record: RoundRecord;
			readonly rounds: number;
			readonly epochs: number;
			readonly devices: readonly DeviceProgress[];
			/** Of inference runs: everything answered so far. */
			readonly inference?: InferenceFigures;
	  }
	| {
			readonly kind: 'evaluated';
			readonly round: number;
			readonly accuracy: number | undefined;
			readonly testLoss: number;
	  }
	| {readonly kind: 'checkpoint'; readonly round: number}
	| {readonly kind: 'note'; readonly text: string; readonly device?: string}
	| {
			readonly kind: 'ended';
			readonly state: 'done' | 'failed' | 'interrupted';
			readonly code?: string;
			readonly because?: string;
	  };
