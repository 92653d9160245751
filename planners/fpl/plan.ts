/**
 * The planner «fpl»: stages, cuts, device sets, shares, micro-batches, schedule, codec, what is kept for backward and how often
 * replicas meet, at the least cost that the constraints permit. Small spaces are searched whole; in large ones good plans are
 * built by dynamic programming, improved step by step, and held against a lower bound.
 */
import {objectiveValue} from '../objective.js';
import {type Budget, type Costed, measures, type Outcome, type Problem, type Shortfall} from '../problem.js';
import {type Candidate, isBetter, type Judged, judge, type Mode, sharesOfStage} from './candidate.js';
import {Constructor, type Prices} from './construct.js';
import {ModeSearch, Search, searchAll, setCount, wholeModels} from './exact.js';
import {neighbours} from './neighbours.js';
import {type Rules, rulesOf, sharesSuffice} from './rules.js';

/** Sets of devices up to which the whole space may be searched, and how many beginnings of plans. */
const mostSets = 300;
const mostRoots = 60_000;
/** Cuts that are looked at when plans are built; improving them looks at all. */
const mostCuts = 20;
/** Busy times per micro-batch that plans are built for, as parts of what the fastest device alone takes. */
const thresholds = [0.12, 0.5, 0.03, 1, 0.25, 0.06];
/** Plans that are improved. */
const mostStarts = 3;
const mostAlternatives = 8;

/** All plans that were looked at, each judged once. */
class Notebook {
	readonly #problem: Problem;
	readonly #rules: Rules;
	readonly #known = new Map<string, Judged>();

	constructor(problem: Problem, rules: Rules) {
		this.#problem = problem;
		this.#rules = rules;
	}

	best: Judged | undefined;

	get evaluated(): number {
		return this.#known.size;
	}

	/** @returns undefined where the rules forbid the candidate. */
	judge(candidate: Candidate): Judged | undefined {
		const {kinds} = this.#rules;
		const sorted = candidate.stages.map(
			({last, devices}) =>
				`${last}:${devices
					.map(device => kinds[device])
					.sort()
					.join()}`,
		);
		const key = `${sorted.join('|')} ${JSON.stringify(candidate.mode)}`;
		const known = this.#known.get(key);
		if (known) {
			return known;
		}
		if (!isPermitted(this.#problem, this.#rules, candidate)) {
			return undefined;
		}
		const judged = judge(this.#problem, candidate);
		this.#known.set(key, judged);
		if (isBetter(judged, this.best)) {
			this.best = judged;
		}
		return judged;
	}

	/** The best first. */
	ranked(): readonly Judged[] {
		return [...this.#known.values()].sort((a, b) => (isBetter(a, b) ? -1 : isBetter(b, a) ? 1 : 0));
	}
}

export function isPermitted(problem: Problem, rules: Rules, {stages, mode}: Candidate): boolean {
	const {fleet, training, data, space, constraints} = problem;
	if (stages.length > space.mostStages || (stages.length === 1 && !rules.whole)) {
		return false;
	}
	return stages.every(({last, devices}, index) => {
		const first = index === 0 ? 0 : stages[index - 1]!.last + 1;
		const own = rules.sources !== undefined && index === 0;
		const shares = () =>
			sharesOfStage(
				problem,
				devices.map(device => fleet.devices[device]!),
				index,
				first,
				last,
			);
		return (
			rules.permits(devices, first, last) &&
			(own ||
				(devices.length <= space.mostReplicas &&
					(stages.length === 1 || index === 0 || devices.length >= constraints.minimumReplicas))) &&
			(stages.length === 1 ||
				(data.kind === 'aligned' && index === 0) ||
				sharesSuffice(shares(), training.batch, mode.microBatches))
		);
	});
}

/** Cuts with few bytes, spread over the model's work. */
function chosenCuts({costs}: Problem, {cuts}: Rules): readonly number[] {
	if (cuts.length <= mostCuts) {
		return cuts;
	}
	const bytes = (cut: number) =>
		costs.values
			.filter(({madeBy, readBy}) => madeBy <= cut && readBy.some(unit => unit > cut))
			.reduce(
				(sum, {shape, bytesPerElement}) => sum + shape.reduce((product, dim) => product * dim, bytesPerElement),
				0,
			);
	return Array.from({length: mostCuts}, (_, index) => {
		const from = Math.floor((index * cuts.length) / mostCuts);
		const to = Math.floor(((index + 1) * cuts.length) / mostCuts);
		return cuts.slice(from, to).reduce((least, cut) => (bytes(cut) < bytes(least) ? cut : least));
	});
}

/** Kinds of the free devices in the orders in which a chain of stages may take them. */
function ordersOf({costs, fleet, training}: Problem, {free, kinds}: Rules): readonly (readonly number[])[] {
	const seconds = new Map<number, number>();
	for (const device of free) {
		const {times} = fleet.devices[device]!;
		seconds.set(kinds[device]!, times.pass('learn', 0, costs.units.length - 1, training.batch));
	}
	const slowFirst = [...seconds].sort((a, b) => b[1] - a[1]).map(([kind]) => kind);
	return slowFirst.length > 1 ? [slowFirst, slowFirst.toReversed()] : [slowFirst];
}

/** What a second, a joule … of a step is worth where the best plan so far stands. */
function pricesAt({objective}: Problem, {evaluation, plan}: Judged, fleet: Problem['fleet']): Prices {
	const weight = (measure: (typeof measures)[number]) =>
		objective.kind === 'one' ? (objective.measure === measure ? 1 : 0) : (objective.weights[measure] ?? 0);
	const names = new Set(plan.stages.flatMap(({replicas}) => replicas.map(({device}) => device)));
	const taking = fleet.devices.filter(({device}) => names.has(device));
	const watts = taking.reduce((sum, {profile}) => sum + profile.idleWatts, 0);
	const dollars = taking.reduce((sum, {pricePerSecond}) => sum + pricePerSecond, 0);
	const steps = Math.max(1, evaluation.steps);
	return {
		// Where only bytes count, less time is still better.
		second: weight('time') + weight('energy') * watts + weight('money') * dollars + 1e-9,
		joule: weight('energy'),
		dollar: weight('money'),
		byte: weight('bytes'),
		stepSeconds: evaluation.seconds / steps,
	};
}

function construct(problem: Problem, rules: Rules, notebook: Notebook, budget: Budget): void {
	const {costs, fleet, training} = problem;
	const builder = new Constructor(problem, rules);
	const cuts = chosenCuts(problem, rules);
	const orders = ordersOf(problem, rules);
	const fastest = Math.min(
		...rules.free.map(device => fleet.devices[device]!.times.pass('learn', 0, costs.units.length - 1, training.batch)),
	);
	// Schedules hardly change what is best, and improving tries them; codecs change which cuts are good.
	const [schedule] = problem.space.schedules;
	const modes = rules.modes.filter(mode => mode.schedule === schedule || mode.microBatches === 1);
	for (const part of thresholds) {
		for (const mode of modes.toReversed()) {
			for (const order of orders) {
				const {best} = notebook;
				if (budget.expired() || budget.interrupted() || !best) {
					return;
				}
				const threshold = (part * fastest) / mode.microBatches;
				const prices = pricesAt(problem, best, fleet);
				const candidate = builder.build({mode, prices, threshold, order, sources: rules.sources, cuts});
				if (candidate) {
					notebook.judge(candidate);
				}
			}
		}
	}
}

/** Takes the first better neighbour, again and again. */
function improve(problem: Problem, rules: Rules, notebook: Notebook, start: Judged, budget: Budget): void {
	let current = start;
	for (let better = true; better; ) {
		better = false;
		for (const candidate of neighbours(problem, rules, current.candidate)) {
			if (budget.expired() || budget.interrupted()) {
				return;
			}
			const judged = notebook.judge(candidate);
			if (judged && isBetter(judged, current)) {
				current = judged;
				better = true;
				break;
			}
		}
	}
}

/** Something to begin with: the whole model on sensible sets of devices, and the simplest splits. */
function* simplest(problem: Problem, rules: Rules): Generator<Candidate> {
	const {costs, fleet, training, space} = problem;
	const last = costs.units.length - 1;
	const [plain] = rules.modes as readonly [Mode];
	const seconds = (device: number) => fleet.devices[device]!.times.pass('learn', 0, last, training.batch);
	const fastestFirst = [...rules.free].sort((a, b) => seconds(a) - seconds(b));
	const sets: (readonly number[])[] = [];
	for (let count = 1; count <= Math.min(fastestFirst.length, space.mostReplicas, training.batch); count *= 2) {
		sets.push(fastestFirst.slice(0, count));
	}
	const all = fastestFirst.slice(0, Math.min(space.mostReplicas, training.batch));
	const firsts = rules.sources ? [rules.sources] : [...sets, all];
	for (const devices of rules.whole ? firsts : []) {
		for (const localEpochs of devices.length > 1 ? space.localEpochs : [0]) {
			yield {stages: [{last, devices}], mode: {...plain, localEpochs}};
		}
	}
	const ends = rules.cuts.filter(cut => rules.firstCuts.has(cut));
	for (const devices of firsts) {
		const trunk = fastestFirst.find(device => !devices.includes(device));
		if (trunk !== undefined) {
			for (const cut of new Set([ends[0], ends[ends.length >> 1], ends.at(-1)])) {
				if (cut !== undefined) {
					yield {
						stages: [
							{last: cut, devices},
							{last, devices: [trunk]},
						],
						mode: plain,
					};
				}
			}
		}
	}
}

const plainOf = ({plan, evaluation, value}: Judged): Costed => ({plan, evaluation, value});

/** Good plans that differ in more than a cut: the best of each shape. */
function alternativesOf(ranked: readonly Judged[], best: Judged): readonly Costed[] {
	const seen = new Set([shapeOf(best)]);
	return ranked
		.filter(judged => judged.shortfalls.length === 0 && !seen.has(shapeOf(judged)) && seen.add(shapeOf(judged)))
		.slice(0, mostAlternatives)
		.map(plainOf);
}

const shapeOf = ({candidate: {stages, mode}}: Judged): string =>
	`${stages.map(({devices}) => devices.length).join()} ${mode.localEpochs} ${mode.codec.kind}`;

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
	construct(problem, rules, notebook, budget);
	for (const start of notebook.ranked().slice(0, mostStarts)) {
		improve(problem, rules, notebook, start, budget);
	}
	const ranked = notebook.ranked();
	const [found] = ranked;
	const {mostReplicas} = problem.space;
	const sets = setCount(rules, mostReplicas);
	const roots = (rules.sources ? 1 : sets) * rules.firstCuts.size * rules.modes.length;
	const small = sets <= mostSets && roots <= mostRoots;
	const searched = small && budget.exactPlans > 0 ? searchAll(problem, rules, found, budget) : undefined;
	const best = searched?.best ?? found;
	const evaluated = notebook.evaluated + (searched?.evaluated ?? 0);
	if (!best || best.shortfalls.length > 0) {
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
	return {kind: 'planned', best: plainOf(best), alternatives: alternativesOf(ranked, best), figures};
}

function notFeasible(
	problem: Problem,
	rules: Rules,
	nearest: Judged | undefined,
	proven: boolean,
	budget: Budget,
	evaluated: number,
): Outcome {
	if (budget.interrupted()) {
		return {kind: 'interrupted', figures: {bound: 0, gap: 1, exact: false, evaluated}};
	}
	if (!nearest) {
		const what = rules.whole ? 'a plan' : 'a device for the trunk, and a place to cut';
		return {kind: 'infeasible', shortfalls: [{constraint: what, needed: 1, available: 0, unit: ''}], proven: true};
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
