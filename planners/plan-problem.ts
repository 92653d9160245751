/**
 * The planner and the classic schemes together: where a scheme that the problem permits does better than what the search found,
 * it is the plan. So a plan is never worse than the schemes that it is held against.
 */
import type {ErrorFacts} from '../core/errors.js';
import {type Plan, synchronisationOf} from '../core/plan/plan.js';
import {junctionStage} from '../core/plan/routing.js';
import {type Baseline, baselinesOf, type Looking} from './baselines.js';
import {candidateOf} from './explain.js';
import {plainOf, planFpl} from './fpl/plan.js';
import {permitsShape, type Rules, rulesOf} from './fpl/rules.js';
import type {Budget, Outcome, Problem} from './problem.js';

/** A classic scheme, and whether it is a plan that the problem permits. */
export interface JudgedBaseline extends Baseline {
	readonly permitted: boolean;
	/** Whether it sends labels away that are to stay. */
	readonly movesLabels: boolean;
}

/** What ended planning before it had looked at all that it would have: somebody's wish, or the end of its time. */
export type CutShort = 'interruption' | 'limit';

export interface PlannedProblem {
	readonly outcome: Outcome;
	/**
	 * The classic schemes for the same problem, those that keep to the constraints first. After an interruption not all; when time is
	 * over, the others from one of their plans.
	 */
	readonly baselines: readonly JudgedBaseline[];
	/** Undefined: nothing did. */
	readonly cutShort?: CutShort | undefined;
}

/** Passes over the data after which the schemes that train another way mean their weights (`baselinesOf`). */
const classicEpochs = 1;

/** 0: gradients at every step. */
const localEpochsOf = (plan: Plan): number =>
	synchronisationOf(plan, plan.stages[0]!).every.kind === 'step' ? 0 : classicEpochs;

/** Whether a scheme's plan is one that the problem asks for, and trains another way only where it may. */
function isPermitted(problem: Problem, rules: Rules) {
	return ({plan, exact, shortfalls}: Baseline): boolean => {
		const candidate = candidateOf(problem, plan);
		const merges = junctionStage(plan) !== undefined;
		if (!candidate || shortfalls.length > 0 || merges !== (problem.data.kind === 'aligned')) {
			return false;
		}
		const localEpochs = exact && plan.stages.length > 1 ? 0 : localEpochsOf(plan);
		return permitsShape(problem, rules, {...candidate, mode: {...candidate.mode, localEpochs}});
	};
}

function judged(problem: Problem, looking: Looking): readonly JudgedBaseline[] {
	const rules = rulesOf(problem);
	const judge = isPermitted(problem, rules);
	return baselinesOf(problem, looking).map(baseline => {
		const {stages, labels} = baseline.plan;
		const movesLabels = rules.closes && stages.length > 1 && labels !== 'stay';
		return {...baseline, permitted: judge(baseline), movesLabels};
	});
}

const bestOf = (baselines: readonly JudgedBaseline[]): JudgedBaseline | undefined =>
	baselines.filter(({permitted}) => permitted).sort((a, b) => a.value - b.value)[0];

/** The best plan of one scheme: with the cut and the devices that suit the objective best. @throws FplError as `planFpl`. */
export function planScheme(problem: Problem, scheme: string, budget: Budget): PlannedProblem {
	const baselines = judged(problem, budget);
	const own = baselines.filter(other => other.scheme === scheme);
	const best = bestOf(own);
	const nearest = own.find(({shortfalls}) => shortfalls.length > 0);
	const figures = {bound: 0, gap: 1, exact: false, evaluated: own.length};
	const outcome: Outcome = best
		? {kind: 'planned', best: plainOf(best), alternatives: [], figures}
		: nearest
			? {kind: 'infeasible', shortfalls: nearest.shortfalls, proven: false, nearest: plainOf(nearest)}
			: {kind: 'none', obstacle: noneOf(scheme, problem)};
	return {outcome, baselines};
}

const noneOf = (scheme: string, {costs}: Problem): ErrorFacts => ({
	where: costs.name,
	problem: `these devices, and what «planning» asks for, permit no plan of «${scheme}»`,
	fix: 'Take back what «planning» asks for, name other «data.sources», or start more agents.',
});

/** The better of what the search found and the classic schemes. */
function withClassics(outcome: Outcome, baselines: readonly JudgedBaseline[]): Outcome {
	const classic = bestOf(baselines);
	if (!classic || outcome.kind === 'interrupted') {
		return outcome;
	}
	if (outcome.kind === 'infeasible' || outcome.kind === 'none') {
		const figures = {bound: 0, gap: 1, exact: false, evaluated: 0};
		return {kind: 'planned', best: plainOf(classic), alternatives: [], figures};
	}
	const {best, alternatives, figures} = outcome;
	if (classic.value >= best.value * (1 - 1e-9)) {
		return outcome;
	}
	const bound = Math.min(figures.bound, classic.value);
	return {
		kind: 'planned',
		best: plainOf(classic),
		alternatives: [best, ...alternatives],
		figures: {...figures, bound, gap: classic.value > 0 ? 1 - bound / classic.value : 0},
	};
}

/** The classic U is so near to the best plan, as a factor of its value, that other plans of this shape may be better. */
const near = 1.2;

/**
 * With plans in which the sources have the last stage as well, though labels may travel: looked at only where the classic U comes
 * near, since they are seldom better and take as long to search as all others.
 */
function withFolded(problem: Problem, found: Outcome, baselines: readonly JudgedBaseline[], budget: Budget): Outcome {
	const {data} = problem;
	const bent = baselines.find(({scheme, permitted}) => scheme === 'u-shaped' && permitted);
	if (found.kind !== 'planned' || data.kind !== 'sources' || data.labels === 'stay' || !bent || budget.expired()) {
		return found;
	}
	const {best, alternatives, figures} = found;
	if (bent.value > near * best.value) {
		return found;
	}
	const folded = planFpl({...problem, data: {...data, labels: 'stay'}}, {...budget, exactPlans: 0, effort: 'brief'});
	if (folded.kind !== 'planned' || folded.best.value >= best.value * (1 - 1e-9)) {
		return found;
	}
	const bound = Math.min(figures.bound, folded.figures.bound);
	return {
		kind: 'planned',
		best: folded.best,
		alternatives: [best, ...alternatives],
		figures: {
			bound,
			gap: folded.best.value > 0 ? Math.max(0, 1 - bound / folded.best.value) : 0,
			exact: false,
			evaluated: figures.evaluated + folded.figures.evaluated,
		},
	};
}

/** What a plan does, whatever it is called. With one stage labels go nowhere, whatever is said of them. */
const doingOf = ({scheme, labels, ...plan}: Plan): string =>
	JSON.stringify(plan.stages.length > 1 ? {...plan, labels} : plan);

/** A plan that a classic scheme has as well is shown once, under that name. */
function withoutTwins(outcome: Outcome, baselines: readonly JudgedBaseline[]): Outcome {
	if (outcome.kind !== 'planned') {
		return outcome;
	}
	const classic = new Set(baselines.map(({plan}) => doingOf(plan)));
	return {...outcome, alternatives: outcome.alternatives.filter(({plan}) => !classic.has(doingOf(plan)))};
}

/** @throws FplError as `planFpl`. */
export function planProblem(problem: Problem, budget: Budget): PlannedProblem {
	let over = false;
	const expired = () => {
		over = budget.expired();
		return over;
	};
	// A thorough search leaves no time for what comes after it.
	const before = budget.effort === 'thorough' ? judged(problem, budget) : undefined;
	const found = planFpl(problem, {...budget, expired});
	const baselines = before ?? judged(problem, budget);
	const better = withClassics(withFolded(problem, found, baselines, budget), baselines);
	const outcome = withoutTwins(better, baselines);
	const cutByLimit = over && !(outcome.kind === 'planned' && outcome.figures.exact);
	return {outcome, baselines, cutShort: budget.interrupted() ? 'interruption' : cutByLimit ? 'limit' : undefined};
}
