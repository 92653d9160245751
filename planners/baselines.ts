/**
 * The classic schemes as plans for the same problem, each with the cut and the devices that suit the objective best, so that a
 * plan shows what it wins over them.
 */
import {evaluate} from '../core/cost/evaluate.js';
import type {Plan} from '../core/plan/plan.js';
import {type Scheme, Schemes} from './classic/schemes.js';
import {sharesOfStage} from './fpl/candidate.js';
import {rulesOf, sharesSuffice} from './fpl/rules.js';
import {amountsOf, objectiveValue, shortfallsOf} from './objective.js';
import type {Budget, Costed, Problem, Shortfall} from './problem.js';

export interface Baseline extends Costed {
	/** As `fpl plan --scheme` names it, or «equal pipeline», «PipeDream». */
	readonly scheme: string;
	/** Whether it computes what one machine would: the mean gradient of every batch. */
	readonly exact: boolean;
	readonly shortfalls: readonly Shortfall[];
	/** Whether the time was over before all of its servers and cuts were looked at that may be better. */
	readonly partly: boolean;
}

/** Whether every replica has an item of every micro-batch. */
function fits({training}: Problem, plan: Plan): boolean {
	return plan.stages.every(
		({replicas}, index) =>
			plan.stages.length === 1 ||
			plan.stages[index]!.turns === 'in-turn' ||
			sharesSuffice(
				replicas.map(({share}) => share),
				training.batch,
				plan.pipeline.microBatches,
			),
	);
}

/** Sources have shares by what they own, as in every other plan: then all data are passed over once in an epoch. */
function withOwnShares(problem: Problem, plan: Plan): Plan {
	const {fleet, data} = problem;
	const [first] = plan.stages as [Plan['stages'][number], ...Plan['stages']];
	if (data.kind !== 'sources' || first.turns === 'in-turn') {
		return plan;
	}
	const own = first.replicas.map(({device}) => fleet.devices.find(one => one.device === device)!);
	const shares = sharesOfStage(problem, own, 0, 0, 0);
	const replicas = first.replicas.map(({device}, index) => ({device, share: shares[index]!}));
	const isOwn = (stage: number) => stage === 0 || (plan.labels === 'stay' && stage === plan.stages.length - 1);
	return {...plan, stages: plan.stages.map((stage, index) => (isOwn(index) ? {...stage, replicas} : stage))};
}

/** Those that keep to the constraints first, or that come nearest. */
const inOrderOf = (a: Baseline, b: Baseline): number =>
	Math.sign(a.shortfalls.length - b.shortfalls.length) || a.value - b.value;

/** How long schemes are looked at. */
export type Looking = Pick<Budget, 'expired' | 'interrupted'>;

const unlimited: Looking = {expired: () => false, interrupted: () => false};

/** One plan of a scheme; undefined where a replica has no item of a micro-batch. */
export function baselineOf(problem: Problem, {scheme, exact}: Pick<Scheme, 'scheme' | 'exact'>, built: Plan) {
	const {costs, fleet, training, objective} = problem;
	const plan = withOwnShares(problem, built);
	if (!fits(problem, plan)) {
		return undefined;
	}
	const evaluation = evaluate({plan, costs, fleet, training});
	const value = objectiveValue(objective, amountsOf(evaluation));
	const shortfalls = shortfallsOf(problem, evaluation);
	return {scheme, exact, plan, evaluation, value, shortfalls, partly: false} satisfies Baseline;
}

/** The best plan of a scheme. Plans that cost no less than it for sure are not looked at, nor any others when time is over. */
function bestOf(problem: Problem, scheme: Scheme, looking: Looking): Baseline | undefined {
	const inOrder = scheme.attempts().toSorted((a, b) => a.least - b.least);
	let best: Baseline | undefined;
	for (const {least, plan} of inOrder) {
		if (looking.interrupted() || (best?.shortfalls.length === 0 && least >= best.value)) {
			return best;
		}
		if (best && looking.expired()) {
			return {...best, partly: true};
		}
		const found = baselineOf(problem, scheme, plan());
		if (found && (!best || inOrderOf(found, best) < 0)) {
			best = found;
		}
	}
	return best;
}

/** The problem as schemes see it that take views of an item for as many items. */
function unmerged(problem: Problem): Problem {
	const {data, training} = problem;
	return data.kind === 'aligned'
		? {
				...problem,
				data: {kind: 'sources', devices: data.devices, rawData: 'stays'},
				training: {...training, samples: training.samples * data.devices.length},
			}
		: problem;
}

/**
 * Of every scheme that suits the problem, the plan that is best by its objective; those within the constraints come first.
 * @param looking asked before each plan. When time is over one plan of each scheme is looked at still; after an interruption none.
 */
export function baselinesOf(problem: Problem, looking: Looking = unlimited): readonly Baseline[] {
	const single = unmerged(problem);
	const own = new Schemes(single, rulesOf(single));
	const isMerged = single !== problem;
	const found = [
		...(isMerged ? new Schemes(problem, rulesOf(problem)).merging().map(scheme => ({scheme, of: problem})) : []),
		...(isMerged ? own.forViews(false) : own.forOwners()).map(scheme => ({scheme, of: single})),
	].flatMap(({scheme, of}) => (looking.interrupted() ? [] : (bestOf(of, scheme, looking) ?? [])));
	return found.sort(inOrderOf);
}
