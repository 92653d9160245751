/** The plan for a job: chosen by the planner, with what is predicted of it and what it was chosen from. */
import {evaluate} from '../core/cost/evaluate.js';
import {FplError} from '../core/errors.js';
import {predictionOf} from '../core/ledger/of-evaluation.js';
import {alternativeOf, pointOf} from '../core/ledger/plan-point.js';
import type {Alternative, PlanPoint, Prediction} from '../core/ledger/prediction.js';
import type {Job} from '../core/plan/job.js';
import type {Plan} from '../core/plan/plan.js';
import {formatSi} from '../core/units.js';
import {type JobInput, type JobProblem, objectiveText, problemOfJob} from './job-problem.js';
import {measureOf, timesOf} from './objective.js';
import {paretoFront} from './pareto.js';
import {type JudgedBaseline, type PlannedProblem, planProblem, planScheme} from './plan-problem.js';
import type {Budget, Costed, Findings, Problem, Shortfall} from './problem.js';

/** A plan with what it was chosen from; the best so far where something cut the search short. */
export interface Planned extends Pick<PlannedProblem, 'baselines' | 'cutShort'> {
	readonly outcome: Findings;
}

export interface PlannedJob extends JobProblem, Planned {}

/** Plans evaluated in an exact search before the rest is left to bounds. */
const exactPlans = 20_000;

/**
 * @param thorough until the limit, where nothing else ends the search.
 * @param now milliseconds of a monotonic clock.
 */
export const budgetOf = (
	{limit, thorough}: Pick<Job['planning'], 'limit' | 'thorough'>,
	now: () => number,
	interrupted: () => boolean = () => false,
): Budget => {
	const end = now() + 1000 * limit;
	return {
		expired: () => now() >= end,
		interrupted,
		...(thorough ? {exactPlans: Number.POSITIVE_INFINITY, effort: 'thorough'} : {exactPlans}),
	};
};

const amount = (value: number, unit: Shortfall['unit']): string => formatSi(value, unit);

/**
 * What a search found, as long as it is a plan.
 * @throws FplError `PLAN_INFEASIBLE` with what cannot be met and by how much; `INTERRUPTED` where no plan was found until then.
 */
export function plannedOf({outcome, baselines, cutShort}: PlannedProblem): Planned {
	switch (outcome.kind) {
		case 'planned':
			return {outcome, baselines, cutShort};
		case 'interrupted': {
			const {best, figures} = outcome;
			if (!best) {
				throw new FplError('INTERRUPTED', {
					where: 'planning',
					problem: `no plan was found until then that keeps to all limits (${figures.evaluated} evaluated)`,
				});
			}
			return {outcome: {best, alternatives: [], figures}, baselines, cutShort};
		}
		case 'infeasible': {
			const {shortfalls, proven, nearest} = outcome;
			const [worst] = shortfalls as readonly [Shortfall];
			throw new FplError('PLAN_INFEASIBLE', {
				where: worst.constraint,
				problem: proven ? 'no plan can meet this' : 'no plan was found that meets this',
				expected: `at most ${amount(worst.available, worst.unit)}`,
				got: `at least ${amount(worst.needed, worst.unit)}`,
				fix: `The nearest is: ${nearest.plan.scheme}. ${others(shortfalls)}`.trim(),
			});
		}
		case 'none':
			throw new FplError('PLAN_INFEASIBLE', outcome.obstacle);
		default:
			return outcome satisfies never;
	}
}

/** @throws FplError as `plannedOf` and `problemOfJob`. */
export function planJob(input: JobInput, budget: Budget): PlannedJob {
	const found = problemOfJob(input);
	const answer =
		input.manner?.kind === 'classic'
			? planScheme(found.problem, input.manner.scheme, budget)
			: planProblem(found.problem, budget);
	return {...found, ...plannedOf(answer)};
}

const others = (shortfalls: readonly Shortfall[]): string =>
	shortfalls.length > 1
		? `Not met either: ${shortfalls
				.slice(1, 4)
				.map(
					({constraint, needed, available, unit}) =>
						`${constraint} (${amount(needed, unit)} of ${amount(available, unit)})`,
				)
				.join(', ')}.`
		: '';

/**
 * The chosen plan, and plans worth showing beside it: none is better in everything. Schemes that the problem does not permit,
 * since they train another way or do not fit, push out none of these, however little they cost.
 */
export function frontOf(problem: Problem, {outcome, baselines}: Planned, budget: Budget): readonly Costed[] {
	const {best, alternatives} = outcome;
	const front = paretoFront(problem, [best, ...alternatives, ...baselines.filter(({permitted}) => permitted)], budget);
	return front.some(({plan}) => plan === best.plan) ? front : [best, ...front];
}

export interface PredictionAbout {
	readonly run: string;
	readonly dataset: string;
	/** ISO 8601. */
	readonly startedAt: string;
}

const rowsOf = ({problem, outcome, baselines}: PlannedJob, chosen: Plan): Alternative[] => [
	...[outcome.best, ...outcome.alternatives].map(costed =>
		alternativeOf(costed.evaluation, {
			chosen: costed.plan === chosen,
			feasible: true,
			...(costed.plan === chosen ? {} : {because: times(problem, costed, outcome.best)}),
		}),
	),
	...baselines.map(baseline => {
		const {scheme, evaluation, shortfalls} = baseline;
		return alternativeOf(evaluation, {
			scheme,
			chosen: false,
			feasible: shortfalls.length === 0,
			because: withHaste(
				baseline,
				shortfalls[0] ? because(shortfalls[0]) : (otherwise(baseline) ?? times(problem, baseline, outcome.best)),
			),
		});
	}),
];

/** Why a scheme within all limits is no choice; undefined: only its cost speaks against it. */
export const otherwise = ({exact, permitted, movesLabels}: JudgedBaseline): string | undefined =>
	movesLabels ? 'sends labels away' : exact ? (permitted ? undefined : 'not as «planning» asks') : 'trains another way';

/** What is said of a scheme, and that it may do better than said. */
export const withHaste = ({partly}: Pick<JudgedBaseline, 'partly'>, said: string | undefined): string =>
	[said, partly ? 'not all of its cuts were looked at' : undefined].filter(text => text !== undefined).join('; ');

/** «1.3 times the chosen plan’s». */
function times({objective}: Problem, one: Costed, best: Costed): string {
	const factor = timesOf(measureOf(objective), one, best);
	return factor === undefined ? 'costs more' : `${Number(factor.toPrecision(3))} times the chosen plan's`;
}

const because = ({constraint, needed, available, unit}: Shortfall): string =>
	`${constraint}: ${amount(needed, unit)} of ${amount(available, unit)}`;

/** What reports hold a run against. */
export function predictionOfJob(input: JobInput, planned: PlannedJob, about: PredictionAbout): Prediction {
	const {outcome, fleet} = planned;
	const {plan, evaluation} = outcome.best;
	return predictionOf(
		evaluation,
		{...about, epochs: input.job.training.epochs, devices: fleet.devices},
		{
			objective: objectiveText(input.job),
			alternatives: rowsOf(planned, plan),
			front: pointsOf([outcome.best, ...outcome.alternatives], planned),
		},
	);
}

/** The same for a plan that somebody else chose. */
export function predictionOfPlan(input: JobInput, plan: Plan, about: PredictionAbout): Prediction {
	const {job} = input;
	const {problem, fleet} = problemOfJob({
		...input,
		// Where labels go, the plan says.
		job: {
			...job,
			planning: {...job.planning, maxCrossing: plan.maxCrossing},
			privacy: {...job.privacy, labels: 'travel'},
		},
	});
	const evaluation = evaluate({plan, costs: problem.costs, fleet, training: problem.training});
	return predictionOf(
		evaluation,
		{...about, epochs: job.training.epochs, devices: fleet.devices},
		{alternatives: [alternativeOf(evaluation, {chosen: true, feasible: true})]},
	);
}

/**
 * Plans and the classic schemes as points of a picture.
 * @param yaml writes a plan so that it can be copied; left out: it cannot.
 */
export const pointsOf = (
	plans: readonly Costed[],
	{outcome, baselines}: Planned,
	yaml?: (plan: Plan) => string,
): PlanPoint[] => {
	const own = plans.filter(({plan}) => !baselines.some(baseline => baseline.plan === plan));
	const copy = (plan: Plan) => (yaml ? {yaml: yaml(plan)} : {});
	return [
		...own.map(({plan, evaluation}, index) =>
			pointOf(evaluation, {
				id: `plan-${index}`,
				chosen: plan === outcome.best.plan,
				baseline: false,
				...copy(plan),
			}),
		),
		...baselines.map(baseline => {
			const {plan, evaluation, scheme, shortfalls} = baseline;
			const against = shortfalls[0] ? `not possible: ${because(shortfalls[0])}` : otherwise(baseline);
			return pointOf(evaluation, {
				id: `scheme-${scheme}`,
				scheme,
				chosen: plan === outcome.best.plan,
				baseline: true,
				...(against === undefined ? {} : {against}),
				...copy(plan),
			});
		}),
	];
};
