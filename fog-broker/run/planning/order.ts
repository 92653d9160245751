/** What the planner's thread is asked, what it answers, and how it finds that out. Pure but for the clock of the search. */
import {evaluate} from '../../../core/cost/evaluate.js';
import {asFplError, type ErrorCode, type ErrorFacts} from '../../../core/errors.js';
import type {Prediction} from '../../../core/ledger/prediction.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {Job} from '../../../core/plan/job.js';
import type {Plan} from '../../../core/plan/plan.js';
import {importModel} from '../../../models/import/model.js';
import type {PlanDevice} from '../../../planners/cost-input.js';
import type {Manner} from '../../../planners/manner.js';
import {amountsOf, objectiveValue} from '../../../planners/objective.js';
import {
	budgetOf,
	type PlannedJob,
	type PredictionAbout,
	planJob,
	predictionOfJob,
	predictionOfPlan,
} from '../../../planners/plan-job.js';
import type {Amounts} from '../../../planners/problem.js';
import type {Weighing} from '../replan/decide.js';

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
	/** Of a run that has a plan: another one trains in the same manner. */
	readonly manner?: Manner | undefined;
	/** Weighs the plan that is found against what the run has. */
	readonly against?: Against | undefined;
}

export interface Against {
	/** As it is executed now; undefined: it cannot go on. */
	readonly current: Plan | undefined;
	/** Bytes of the model's file, which devices need that are new to the run. */
	readonly modelBytes: number;
}

export interface PlannedRun {
	readonly plan: Plan;
	readonly prediction: Prediction;
	/** What whoever looks at the run should know of it. */
	readonly remark?: string | undefined;
	/** Where it was to be weighed. */
	readonly weighing?: Weighing;
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

/** What devices take to get their part of the plan ready, besides getting it. */
const stagingSeconds = 2;

/** The weights go down to every device, those of the optimiser too; the model's file to those that do not have it. */
function movingCosts({outcome, fleet, costs, training}: PlannedJob, {current, modelBytes}: Against): Amounts {
	const {plan} = outcome.best;
	const known = new Set(current ? devicesOf(current) : []);
	const last = costs.units.length - 1;
	const transfers = devicesOf(plan).map(name => {
		const own = plan.stages.filter(({replicas}) => replicas.some(({device}) => device === name));
		const elements = own.reduce((sum, {units}) => {
			const [from, to] = units === 'all' ? [0, last] : units;
			return sum + costs.units.slice(from, to + 1).reduce((total, unit) => total + unit.parameters, 0);
		}, 0);
		const bytes = elements * 4 * (1 + training.slots) + (known.has(name) ? 0 : modelBytes);
		const {profile, pricePerSecond} = fleet.devices.find(({device}) => device === name)!;
		return {bytes, seconds: bytes / profile.link.downBytesPerSecond, watts: profile.idleWatts, pricePerSecond};
	});
	const time = stagingSeconds + Math.max(...transfers.map(({seconds}) => seconds));
	const sum = (of: (one: (typeof transfers)[number]) => number) => transfers.reduce((all, one) => all + of(one), 0);
	return {
		time,
		bytes: sum(({bytes}) => bytes),
		energy: time * sum(({watts}) => watts),
		money: time * sum(({pricePerSecond}) => pricePerSecond),
	};
}

/** All in units of the objective. */
function weigh(planned: PlannedJob, against: Against): Weighing {
	const {problem, outcome, costs, fleet, training} = planned;
	const {current} = against;
	const worth = (amounts: Amounts) => objectiveValue(problem.objective, amounts);
	return {
		current: current && worth(amountsOf(evaluate({plan: current, costs, fleet, training}))),
		proposed: outcome.best.value,
		moving: worth(movingCosts(planned, against)),
	};
}

/** What whoever looks at the run should know of its plan; undefined: nothing. */
function remarkOn({leftOut, cutShort, outcome}: PlannedJob): string | undefined {
	const gap = Math.ceil(100 * outcome.figures.gap);
	const cut =
		cutShort === 'limit'
			? `the search for a plan ended with its time («planning.limit»); no plan is better by more than ${gap} %`
			: undefined;
	return [leftOut, cut].filter(text => text !== undefined).join('; ') || undefined;
}

/** @param now milliseconds of a monotonic clock. */
export function carryOut(order: PlanningOrder, now: () => number): PlanningAnswer {
	try {
		const {devices, items, about, given, manner} = order;
		const input = {job: withoutStrangers(order), model: importModel(order.model), devices, items, manner};
		if (given) {
			return {kind: 'planned', plan: given, prediction: predictionOfPlan(input, given, about)};
		}
		const planned = planJob(input, budgetOf(order.job.planning, now));
		const {plan} = planned.outcome.best;
		const weighing = order.against && {weighing: weigh(planned, order.against)};
		const remark = remarkOn(planned);
		return {kind: 'planned', plan, prediction: predictionOfJob(input, planned, about), remark, ...weighing};
	} catch (error) {
		const {code, facts} = asFplError(error);
		return {kind: 'failed', code, facts};
	}
}
