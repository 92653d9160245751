/**
 * The planner «fpl»: stages, cuts, device sets, shares, micro-batches, schedule, codec, what is kept for backward and how often
 * replicas meet, at the least cost that the constraints permit. Small spaces are searched whole; in large ones good plans are
 * built by dynamic programming, improved step by step, and held against a lower bound.
 */
import {seededRandom} from '../../core/random.js';
import {objectiveValue} from '../objective.js';
import {type Budget, type Costed, measures, type Outcome, type Problem, type Shortfall} from '../problem.js';
import {construct, improve, simplest} from './build.js';
import {type Judged, judge, type Mode} from './candidate.js';
import {descend} from './descend.js';
import {Estimates} from './estimates.js';
import {ModeSearch, Search, searchAll, setCount, wholeModels} from './exact.js';
import {Notebook} from './notebook.js';
import {type Rules, rulesOf} from './rules.js';
import {shake} from './shake.js';
import {skeletonOf} from './skeleton.js';

/** Sets of devices up to which the whole space may be searched, and how many beginnings of plans. */
const mostSets = 300;
const mostRoots = 60_000;
/** How much a search of a large space looks at. */
interface Effort {
	/** Plans from which the way down along bounds is taken, the best first, and bounds that are asked for on all of these. */
	readonly mostDescents: number;
	readonly mostBounds: number;
	/** Neighbours that are evaluated before the best plan counts as the best around, and in all. */
	readonly mostTries: number;
	readonly mostEvaluated: number;
	/** Times that the best plan is shaken. */
	readonly kicks: number;
}

const quick: Effort = {mostDescents: 4, mostBounds: 1800, mostTries: 8, mostEvaluated: 24, kicks: 0};
const full: Effort = {mostDescents: 12, mostBounds: 8000, mostTries: 24, mostEvaluated: 100, kicks: 0};

/** Plans of few devices take little time to evaluate, and who plans for very many has some. */
function effortFor(devices: number, asked: Budget['effort']): Effort {
	const usual = devices <= 10 ? {...full, kicks: 60} : devices <= 32 ? quick : full;
	return asked === undefined ? usual : {...usual, kicks: asked === 'brief' ? 0 : Number.POSITIVE_INFINITY};
}

const mostAlternatives = 8;

/** A plan with its costs alone. */
export const plainOf = ({plan, evaluation, value}: Costed): Costed => ({plan, evaluation, value});

/** Good plans that differ in more than a cut: the best of each shape. */
function alternativesOf(ranked: readonly Judged[], best: Judged): readonly Costed[] {
	const seen = new Set([shapeOf(best)]);
	return ranked
		.filter(judged => judged.shortfalls.length === 0 && !seen.has(shapeOf(judged)) && seen.add(shapeOf(judged)))
		.slice(0, mostAlternatives)
		.map(plainOf);
}

const shapeOf = ({candidate: {stages, mode}}: Judged): string =>
	`${stages.map(({devices}) => devices.length).join()} ${mode.localEpochs} ${stages.length > 1 ? mode.codec.kind : ''}`;

/** A bound on all plans, without searching them. */
function boundOf(problem: Problem, rules: Rules, best: Judged, budget: Budget): number {
	const search = new Search(problem, undefined, budget);
	const several = rules.modes.map(mode => new ModeSearch(search, problem, rules, mode).bound());
	return Math.min(best.value, ...several, wholeBound(problem, rules));
}

/** Of plans with one stage: the set of sources is one plan, of free devices nothing is known but their work. */
function wholeBound(problem: Problem, rules: Rules): number {
	if (!rules.whole) {
		return Number.POSITIVE_INFINITY;
	}
	if (rules.sources) {
		return Math.min(...[...wholeModels(problem, rules)].map(candidate => judge(problem, candidate).value));
	}
	const [mode] = rules.modes as readonly [Mode];
	return new ModeSearch(
		new Search(problem, undefined, {expired: () => false, interrupted: () => false, exactPlans: 0}),
		problem,
		rules,
		mode,
	).bound();
}

/** @throws FplError as `rulesOf`. */
export function planFpl(problem: Problem, budget: Budget): Outcome {
	const rules = rulesOf(problem);
	const notebook = new Notebook(problem, rules);
	for (const candidate of simplest(problem, rules)) {
		notebook.judge(candidate);
	}
	const skeleton = skeletonOf(problem, rules);
	if (!notebook.best && skeleton.kind === 'candidate') {
		notebook.judge(skeleton.candidate);
	}
	construct(problem, rules, notebook, budget);
	const estimates = new Estimates(problem, rules);
	const effort = effortFor(rules.free.length, budget.effort);
	const isOver = () => budget.expired() || budget.interrupted();
	for (const {candidate} of notebook.ranked().slice(0, effort.mostDescents)) {
		if (isOver()) {
			break;
		}
		notebook.judge(descend(problem, rules, estimates, candidate, budget, effort.mostBounds));
	}
	const [start] = notebook.ranked();
	if (start && !isOver()) {
		improve(notebook, estimates, start, {problem, rules, budget, ...effort});
	}
	const {best: found} = notebook;
	const {mostReplicas} = problem.space;
	const sets = setCount(rules, mostReplicas);
	const roots = (rules.sources ? 1 : sets) * rules.firstCuts.size * rules.modes.length;
	const small = sets <= mostSets && roots <= mostRoots;
	const refine = (known: Judged | undefined) => {
		if (known) {
			notebook.judge(known.candidate);
		}
		shake(notebook, {problem, rules, budget, random: seededRandom(1), kicks: effort.kicks});
		return notebook.best;
	};
	const searched = small && budget.exactPlans > 0 ? searchAll(problem, rules, found, budget, refine) : undefined;
	const best = searched ? searched.best : refine(found);
	const evaluated = notebook.evaluated + (searched?.evaluated ?? 0);
	if (!best) {
		return skeleton.kind === 'none' && !budget.interrupted()
			? skeleton
			: {kind: 'interrupted', figures: {bound: 0, gap: 1, exact: false, evaluated}};
	}
	if (best.shortfalls.length > 0) {
		return notFeasible(problem, rules, best, searched?.complete === true, budget, evaluated);
	}
	const bound = searched ? searched.bound : boundOf(problem, rules, best, budget);
	const figures = {
		bound,
		gap: best.value > 0 ? Math.max(0, 1 - bound / best.value) : 0,
		exact: searched?.complete === true,
		evaluated,
	};
	if (budget.interrupted()) {
		return {kind: 'interrupted', best: plainOf(best), figures};
	}
	return {kind: 'planned', best: plainOf(best), alternatives: alternativesOf(notebook.ranked(), best), figures};
}

function notFeasible(
	problem: Problem,
	rules: Rules,
	nearest: Judged,
	proven: boolean,
	budget: Budget,
	evaluated: number,
): Outcome {
	if (budget.interrupted()) {
		return {kind: 'interrupted', figures: {bound: 0, gap: 1, exact: false, evaluated}};
	}
	// What is the least of each amount, if nothing else counted?
	const limits = nearest.shortfalls.map((shortfall): Shortfall => {
		const measure = measures.find(one => one === shortfall.constraint);
		if (!measure) {
			return shortfall;
		}
		const alone = planFpl(
			{...problem, objective: {kind: 'one', measure}, constraints: {...problem.constraints, most: {}}},
			budget,
		);
		return alone.kind === 'planned' ? {...shortfall, needed: alone.best.value} : shortfall;
	});
	const impossible = limits.filter(({needed, available}) => needed > available);
	return {
		kind: 'infeasible',
		shortfalls: impossible.length > 0 ? impossible : limits,
		proven: proven || impossible.some(({constraint}) => isProven(problem, constraint, rules, nearest, budget)),
		nearest: plainOf(nearest),
	};
}

/** Whether even the bound on an amount lies beyond its limit. */
function isProven(problem: Problem, constraint: string, rules: Rules, nearest: Judged, budget: Budget): boolean {
	const measure = measures.find(one => one === constraint);
	const available = measure && problem.constraints.most[measure];
	if (measure === undefined || available === undefined) {
		return false;
	}
	const alone: Problem = {
		...problem,
		objective: {kind: 'one', measure},
		constraints: {...problem.constraints, most: {}},
	};
	const value = objectiveValue(alone.objective, {
		time: nearest.evaluation.seconds,
		bytes: nearest.evaluation.bytes,
		energy: nearest.evaluation.joules,
		money: nearest.evaluation.dollars,
	});
	return boundOf(alone, rules, {...nearest, value}, budget) > available;
}
