/** A plan's stages as segments of the model, or of the joined model where branches are merged. */
import type {Plan} from '../../core/plan/plan.js';
import {junctionStage} from '../../core/plan/routing.js';
import type {Model} from '../graph.js';
import {unitsOf} from '../inspect/cuts.js';
import type {Ranges} from '../inspect/segments.js';
import {joinBranches} from '../junction/join.js';
import {type StageSegment, segmentsOfPlan} from '../junction/segments.js';

export interface PlanCut {
	/** What all stages together train: the model itself, or its branches and trunk as one model. */
	readonly model: Model;
	/** Before a junction one for each branch, named after its device in the first stage. */
	readonly segments: readonly StageSegment[];
}

/** First and last unit of each stage. */
export const rangesIn = ({stages}: Plan, units: number): Ranges =>
	stages.map(({units: range}) => (range === 'all' ? [0, units - 1] : range));

/** The ids of the branches of an aligned plan: the devices where they begin. */
export const branchesOf = ({stages}: Plan): readonly string[] => stages[0]!.replicas.map(({device}) => device);

/** The model that a plan trains: itself, or the joined model of its branches. @throws FplError as `joinBranches`. */
export function plannedModel(model: Model, plan: Plan): Model {
	const trunk = plan.stages[junctionStage(plan) ?? -1];
	return trunk?.junction.mode === 'aligned' && trunk.units !== 'all'
		? joinBranches(model, {
				cut: trunk.units[0],
				branches: branchesOf(plan),
				junction: trunk.junction.kind,
				units: {maxCrossing: plan.maxCrossing},
			})
		: model;
}

/**
 * @param weights puts others in the place of those that the planned model begins with.
 * @throws FplError `MODEL_CUT` when the stages are none of the model's, or the junction does not suit its cut.
 */
export function cutFor(plan: Plan, model: Model, weights: (planned: Model) => Model = planned => planned): PlanCut {
	const units = {maxCrossing: plan.maxCrossing};
	const ranges = rangesIn(plan, unitsOf(model, units).units.length);
	const planned = weights(plannedModel(model, plan));
	return {model: planned, segments: segmentsOfPlan(planned, {ranges, units})};
}
