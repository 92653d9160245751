/** What the thread of `fpl plan` is asked, what it answers, and how it finds that out. Pure but for the clock of the search. */
import {evaluate} from '../../core/cost/evaluate.js';
import {type ErrorCode, type ErrorFacts, isFplError} from '../../core/errors.js';
import {devicesOf} from '../../core/plan/fallback.js';
import type {PipeEdge} from '../../core/profile/pipeedge.js';
import {importModel} from '../../models/import/model.js';
import {type Breakdown, breakdownOf} from '../../planners/breakdown.js';
import type {PlanDevice} from '../../planners/cost-input.js';
import {type Change, explain} from '../../planners/explain.js';
import {type JobInput, problemOfJob} from '../../planners/job-problem.js';
import {shortfallsOf} from '../../planners/objective.js';
import {type PipeEdgeBoard, type PipeEdgeWish, problemOfPipeEdge} from '../../planners/pipeedge-problem.js';
import {budgetOf, frontOf, type Planned, plannedOf} from '../../planners/plan-job.js';
import {type PlannedProblem, planProblem} from '../../planners/plan-problem.js';
import type {Costed, Problem} from '../../planners/problem.js';
import type {DeviceChange, WhatIf} from './what-if.js';
import {whyNothing} from './without-effect.js';

/** What a plan is looked for. Structured-cloneable. */
export type Asked =
	/** The model as an ONNX file. */
	| ({readonly kind: 'job'; readonly model: Uint8Array} & Omit<JobInput, 'model' | 'manner'>)
	| {
			readonly kind: 'pipeedge';
			readonly profile: PipeEdge;
			readonly wish: PipeEdgeWish;
			readonly devices: readonly PlanDevice[];
	  };

interface AskedProblem {
	readonly problem: Problem;
	/** What excluding devices that own data does to these; undefined: nothing. */
	readonly leftOut?: string | undefined;
}

/** What is asked as a problem, for these devices or for others. */
function problemsOf(asked: Asked): (devices?: readonly PlanDevice[]) => AskedProblem {
	switch (asked.kind) {
		case 'job': {
			const model = importModel(asked.model);
			return (devices = asked.devices) => problemOfJob({...asked, model, devices});
		}
		case 'pipeedge':
			return (devices = asked.devices) => ({
				problem: problemOfPipeEdge(asked.profile, asked.wish, devices as readonly PipeEdgeBoard[]),
			});
		default:
			return asked satisfies never;
	}
}

export interface SearchOrder {
	readonly asked: Asked;
	/** How long to look for each of the plans that are asked for. */
	readonly limitSeconds: number;
	/** Until then, where nothing else ends the search. */
	readonly thorough: boolean;
	readonly explain: boolean;
	/** Changes of devices, one by one, and the devices with all of them. */
	readonly whatIf?: {readonly changes: readonly DeviceChange[]; readonly devices: readonly PlanDevice[]} | undefined;
	readonly front: boolean;
}

export interface Searched extends Planned, Pick<AskedProblem, 'leftOut'> {
	/** Of the plan. */
	readonly breakdown: Breakdown;
	/** Devices that the plan is better without. */
	readonly unused: readonly string[];
	readonly changes?: readonly Change[] | undefined;
	readonly whatIf?: WhatIf | undefined;
	readonly front?: readonly Costed[] | undefined;
	/** Whether somebody ended it; then not all may be there that was asked for, and nothing may be the best. */
	readonly interrupted: boolean;
}

export type SearchAnswer =
	| {readonly kind: 'searched'; readonly searched: Searched}
	| {
			readonly kind: 'failed';
			readonly code: ErrorCode;
			readonly facts: ErrorFacts;
			/** Of what nobody foresaw: with its stack. */
			readonly cause?: unknown;
	  };

function unusedBy({best}: Planned['outcome'], {fleet, constraints}: Problem): readonly string[] {
	const taking = new Set(devicesOf(best.plan));
	return fleet.devices
		.map(({device}) => device)
		.filter(device => !taking.has(device) && !constraints.exclude.has(device));
}

/** Where stages have one device each, schemes that share stages are no alternatives. */
function comparable(found: PlannedProblem, {space}: Problem): PlannedProblem {
	const fits = ({plan}: PlannedProblem['baselines'][number]) =>
		plan.stages.every(({replicas}) => replicas.length <= space.mostReplicas);
	return space.mostReplicas > 1 ? found : {...found, baselines: found.baselines.filter(fits)};
}

/**
 * @param now milliseconds of a monotonic clock.
 * @param interrupted asked every so often.
 * @throws FplError `PLAN_INFEASIBLE`, `INTERRUPTED` where there is no plan yet, and those of `problemOfJob`.
 */
export function search(order: SearchOrder, now: () => number, interrupted: () => boolean): Searched {
	const problemFor = problemsOf(order.asked);
	const {limitSeconds: limit, thorough} = order;
	const budget = () => budgetOf({limit, thorough}, now, interrupted);
	const {problem, leftOut} = problemFor();
	const planned = plannedOf(comparable(planProblem(problem, budget()), problem));
	const {plan, evaluation} = planned.outcome.best;

	/** Why a change does nothing to the plan; undefined: it does something. */
	const nothingOf = (change: DeviceChange): string | undefined => {
		if (!change.devices.some(({device}) => device === change.device)) {
			return devicesOf(plan).includes(change.device) ? undefined : `the plan does without ${change.device}`;
		}
		const {problem: changed} = problemFor(change.devices);
		const after = evaluate({...changed, plan});
		return shortfallsOf(changed, after).length > 0
			? undefined
			: whyNothing(change, {before: {problem, evaluation}, after: {problem: changed, evaluation: after}});
	};

	/** What would become of the plan on changed devices; where nothing can be planned on these, `impossible` says why. */
	const whatIf = ({changes, devices}: NonNullable<SearchOrder['whatIf']>): WhatIf | undefined => {
		const asked = {changes: changes.map(({text}) => text), before: evaluation};
		try {
			const withoutEffect = changes.flatMap(change => {
				const because = nothingOf(change);
				return because === undefined ? [] : [{change: change.text, because}];
			});
			const {problem: changed} = problemFor(devices);
			const away = devicesOf(plan).filter(one => !devices.some(({device}) => device === one));
			const same = away.length > 0 ? undefined : evaluate({...changed, plan});
			const lacks =
				away.length > 0 ? [`${away.join(', ')} away`] : shortfallsOf(changed, same!).map(({constraint}) => constraint);
			const {outcome} = plannedOf(planProblem(changed, budget()));
			return {...asked, same, lacks, withoutEffect, after: outcome.best.evaluation};
		} catch (error) {
			if (isFplError(error, 'PLAN_INFEASIBLE')) {
				return {...asked, lacks: [], withoutEffect: [], impossible: error.message};
			}
			if (isFplError(error, 'INTERRUPTED')) {
				return undefined;
			}
			throw error;
		}
	};

	const wanted = (is: boolean) => is && !interrupted();
	return {
		...planned,
		leftOut,
		breakdown: breakdownOf(problem, evaluation),
		unused: unusedBy(planned.outcome, problem),
		changes: wanted(order.explain) ? explain(problem, plan, interrupted) : undefined,
		whatIf: order.whatIf && wanted(true) ? whatIf(order.whatIf) : undefined,
		front: order.front ? frontOf(problem, planned, budget()) : undefined,
		interrupted: interrupted(),
	};
}
