/** What the planner's plan wins over the best classic scheme, for one case and one objective. */
import type {Baseline} from '../../../planners/baselines.js';
import {problemOfJob} from '../../../planners/job-problem.js';
import {planProblem} from '../../../planners/plan-problem.js';
import {type Budget, type Measure, measures, type Problem} from '../../../planners/problem.js';
import type {Case} from './cases.js';

export interface Gain {
	readonly name: string;
	readonly objective: Measure;
	/** Classic schemes that compute the same result, or all of them. */
	readonly among: 'same result' | 'all';
	/** The best of them that keeps to the constraints; undefined: none does. */
	readonly classic: Pick<Baseline, 'scheme' | 'value'> | undefined;
	readonly planned: {readonly scheme: string; readonly value: number};
	/** Classic value / planner's value; undefined without a classic plan. */
	readonly factor: number | undefined;
}

/** Money counts where a device has a price. */
export const objectivesOf = ({fleet}: Problem): readonly Measure[] =>
	measures.filter(measure => measure !== 'money' || fleet.devices.some(({pricePerSecond}) => pricePerSecond > 0));

/** All classic schemes where the job lets replicas train on their own, else those that compute what one machine would. */
export const problemOf = ({input}: Case): Problem => problemOfJob(input).problem;

/** @throws Error where the planner has no plan. */
export function gainsOf(name: string, base: Problem, objective: Measure, budget: Budget): readonly Gain[] {
	const problem: Problem = {...base, objective: {kind: 'one', measure: objective}};
	const {outcome, baselines} = planProblem(problem, budget);
	if (outcome.kind !== 'planned') {
		throw new Error(`${name}, ${objective}: ${outcome.kind}`);
	}
	const {plan, value} = outcome.best;
	const fitting = baselines.filter(({shortfalls}) => shortfalls.length === 0);
	const local = problem.space.localEpochs.some(epochs => epochs > 0);
	return (local ? (['same result', 'all'] as const) : (['same result'] as const)).map(among => {
		const [classic] = fitting.filter(({exact}) => exact || among === 'all');
		return {
			name,
			objective,
			among,
			classic,
			planned: {scheme: plan.scheme, value},
			factor: classic && (classic.value === value ? 1 : classic.value / value),
		};
	});
}
