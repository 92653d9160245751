/** A plan's stages as segments of the model, or of the joined model where branches are merged. */
import type {Plan} from '../../core/plan/plan.js';
import type {Model} from '../graph.js';
import {unitsOf} from '../inspect/cuts.js';
import type {Ranges} from '../inspect/segments.js';
import {type StageSegment, segmentsOfPlan} from '../junction/segments.js';
import {plannedModel} from './arrange.js';

export interface PlanCut {
	/** What all stages together train: the model itself, or its branches and trunk as one model. */
	readonly model: Model;
	/** Before a junction one for each branch, named after its device in the first stage. */
	readonly segments: readonly StageSegment[];
}

/** First and last unit of each stage. */
export const rangesIn = ({stages}: Plan, units: number): Ranges =>
	stages.map(({units: range}) => (range === 'all' ? [0, units - 1] : range));

/** @throws FplError `MODEL_CUT` when the stages are none of the model's, or the junction does not suit its cut. */
export function cutFor(plan: Plan, model: Model): PlanCut {
	const units = {maxCrossing: plan.maxCrossing};
	const ranges = rangesIn(plan, unitsOf(model, units).units.length);
	const planned = plannedModel(model, plan);
	return {model: planned, segments: segmentsOfPlan(planned, {ranges, units})};
}
