/** What the thread of `fpl plan` is asked, what it answers, and how it finds that out. Pure but for the clock of the search. */
import {evaluate} from '../../core/cost/evaluate.js';
import {type ErrorCode, type ErrorFacts, isFplError} from '../../core/errors.js';
import {devicesOf} from '../../core/plan/fallback.js';
import {importModel} from '../../models/import/model.js';
import type {PlanDevice} from '../../planners/cost-input.js';
import {type Change, explain} from '../../planners/explain.js';
import {type JobInput, problemOfJob} from '../../planners/job-problem.js';
import {shortfallsOf} from '../../planners/objective.js';
import {budgetOf, frontOf, type Planned, plannedOf} from '../../planners/plan-job.js';
import {planProblem} from '../../planners/plan-problem.js';
import type {Costed, Problem} from '../../planners/problem.js';
import type {WhatIf} from './what-if.js';

/** Structured-cloneable: the model as an ONNX file. */
export type Asked = Omit<JobInput, 'model' | 'manner'> & {readonly model: Uint8Array};

export interface SearchOrder {
	readonly asked: Asked;
	/** How long to look for each of the plans that are asked for. */
	readonly limitSeconds: number;
	readonly explain: boolean;
	/** Changes in words, and the devices as they are with them. */
	readonly whatIf?: {readonly changes: readonly string[]; readonly devices: readonly PlanDevice[]} | undefined;
	readonly front: boolean;
}

export interface Searched extends Planned {
	/** What excluding devices that own data does to these; undefined: nothing. */
	readonly leftOut: string | undefined;
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

/**
 * @param now milliseconds of a monotonic clock.
 * @param interrupted asked every so often.
 * @throws FplError `PLAN_INFEASIBLE`, `INTERRUPTED` where there is no plan yet, and those of `problemOfJob`.
 */
export function search(order: SearchOrder, now: () => number, interrupted: () => boolean): Searched {
	const model = importModel(order.asked.model);
	const problemFor = (devices: readonly PlanDevice[]) => problemOfJob({...order.asked, model, devices});
	const budget = () => budgetOf({limit: order.limitSeconds, thorough: false}, now, interrupted);
	const name = order.asked.job.model;
	const {problem, leftOut} = problemFor(order.asked.devices);
	const planned = plannedOf(planProblem(problem, budget()), name);
	const {plan, evaluation} = planned.outcome.best;

	/** What would become of the plan on changed devices; where nothing can be planned on these, `impossible` says why. */
	const whatIf = ({changes, devices}: NonNullable<SearchOrder['whatIf']>): WhatIf | undefined => {
		const asked = {changes, before: evaluation};
		try {
			const {problem: changed} = problemFor(devices);
			const away = devicesOf(plan).filter(one => !devices.some(({device}) => device === one));
			const same = away.length > 0 ? undefined : evaluate({...changed, plan});
			const lacks =
				away.length > 0 ? [`${away.join(', ')} away`] : shortfallsOf(changed, same!).map(({constraint}) => constraint);
			const {outcome} = plannedOf(planProblem(changed, budget()), name);
			return {...asked, same, lacks, after: outcome.best.evaluation};
		} catch (error) {
			if (isFplError(error, 'PLAN_INFEASIBLE')) {
				return {...asked, lacks: [], impossible: error.message};
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
		unused: unusedBy(planned.outcome, problem),
		changes: wanted(order.explain) ? explain(problem, plan, interrupted) : undefined,
		whatIf: order.whatIf && wanted(true) ? whatIf(order.whatIf) : undefined,
		front: order.front ? frontOf(problem, planned, budget()) : undefined,
		interrupted: interrupted(),
	};
}
