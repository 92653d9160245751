/** What the planner's thread is asked, what it answers, and how it finds that out. Pure but for the clock of the search. */
import {asFplError, type ErrorCode, type ErrorFacts} from '../../../core/errors.js';
import type {Prediction} from '../../../core/ledger/prediction.js';
import type {Job} from '../../../core/plan/job.js';
import type {Plan} from '../../../core/plan/plan.js';
import {importModel} from '../../../models/import/model.js';
import type {PlanDevice} from '../../../planners/cost-input.js';
import {
	budgetOf,
	type PredictionAbout,
	planJob,
	predictionOfJob,
	predictionOfPlan,
} from '../../../planners/plan-job.js';

/** Structured-cloneable. */
export interface PlanningOrder {
	readonly job: Job;
	/** The model as an ONNX file. */
	readonly model: Uint8Array;
	readonly devices: readonly PlanDevice[];
	/** Items of the training set; undefined where it is not here. */
	readonly items: number | undefined;
	readonly about: PredictionAbout;
	/** Predicts what this plan costs, instead of looking for one. */
	readonly given?: Plan | undefined;
}

export interface PlannedRun {
	readonly plan: Plan;
	readonly prediction: Prediction;
}

export type PlanningAnswer =
	| ({readonly kind: 'planned'} & PlannedRun)
	| {readonly kind: 'failed'; readonly code: ErrorCode; readonly facts: ErrorFacts};

export interface Numbered<T> {
	readonly id: number;
	readonly body: T;
}

/** Devices that the job keeps out may be away as well. */
const withoutStrangers = ({job, devices}: PlanningOrder): Job => {
	const exclude = job.planning.exclude.filter(name => devices.some(({device}) => device === name));
	return {...job, planning: {...job.planning, exclude}};
};

/** @param now milliseconds of a monotonic clock. */
export function carryOut(order: PlanningOrder, now: () => number): PlanningAnswer {
	try {
		const {devices, items, about, given} = order;
		const input = {job: withoutStrangers(order), model: importModel(order.model), devices, items};
		if (given) {
			return {kind: 'planned', plan: given, prediction: predictionOfPlan(input, given, about)};
		}
		const planned = planJob(input, budgetOf(order.job.planning.limit * 1000, now));
		const {plan} = planned.outcome.best;
		return {kind: 'planned', plan, prediction: predictionOfJob(input, planned, about)};
	} catch (error) {
		const {code, facts} = asFplError(error);
		return {kind: 'failed', code, facts};
	}
}
