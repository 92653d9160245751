/**
 * Searches the whole space, depth first, stage by stage; whatever cannot become better than the best plan known is left out.
 * What is left unsearched when the budget ends is bounded from below, so that the answer comes with its gap.
 */
import {exceeded, objectiveValue} from '../objective.js';
import type {Budget, Problem} from '../problem.js';
import {type BoundStage, Bounds} from './bounds.js';
import {type Candidate, type CandidateStage, isBetter, type Judged, judge, type Mode, replicasOf} from './candidate.js';
import {type Ends, endsOf, folded} from './ends.js';
import {type Rules, sharesSuffice} from './rules.js';

export interface Searched {
	readonly best: Judged | undefined;
	/** No plan of the space has a smaller value; the best's own where all was searched. */
	readonly bound: number;
	readonly complete: boolean;
	readonly evaluated: number;
}

interface Node {
	readonly stages: readonly CandidateStage[];
	readonly bounds: readonly BoundStage[];
	readonly left: readonly number[];
	readonly bound: number;
	/** Whether all units are in a stage. */
	readonly done: boolean;
}

/** A plan must be better by this part to count: numbers this close are the same. */
const tolerance = 1e-9;

/** How many sets of devices there are, devices of a kind being alike. */
export function setCount(rules: Rules, most: number): number {
	const sizes = new Map<number, number>();
	for (const device of rules.free) {
		const kind = rules.kinds[device]!;
		sizes.set(kind, (sizes.get(kind) ?? 0) + 1);
	}
	return [...sizes.values()].reduce((product, size) => product * (Math.min(size, most) + 1), 1);
}

/** Looks for a better plan than the best that is known. */
export type Refine = (best: Judged | undefined) => Judged | undefined;

/** Plans evaluated before it pays to look for a better one to compare with. */
const patience = 200;

/** @param refine asked once, where the space is not searched through soon. */
export function searchAll(
	problem: Problem,
	rules: Rules,
	known: Judged | undefined,
	budget: Budget,
	refine?: Refine,
): Searched {
	const search = new Search(problem, known, budget, refine);
	for (const candidate of wholeModels(problem, rules)) {
		search.take(candidate);
	}
	const modes = rules.modes.map(mode => new ModeSearch(search, problem, rules, mode));
	const roots = modes
		.flatMap(mode => mode.roots().map(node => ({mode, node})))
		.sort((a, b) => a.node.bound - b.node.bound);
	for (const [index, {mode, node}] of roots.entries()) {
		if (!search.goOn()) {
			search.leave(Math.min(...roots.slice(index).map(root => root.node.bound)));
			break;
		}
		mode.visit(node);
	}
	return search.result();
}

/** What all modes share: the best plan, and how much was done. */
export class Search {
	readonly #problem: Problem;
	readonly #budget: Budget;
	#best: Judged | undefined;
	#left = Number.POSITIVE_INFINITY;
	#evaluated = 0;
	#refine: Refine | undefined;

	constructor(problem: Problem, known: Judged | undefined, budget: Budget, refine?: Refine) {
		this.#problem = problem;
		this.#budget = budget;
		this.#best = known;
		this.#refine = refine;
	}

	goOn(): boolean {
		return this.#evaluated < this.#budget.exactPlans && !this.#budget.expired() && !this.#budget.interrupted();
	}

	/** Whether something with this bound need not be looked at. */
	isWorse(bound: number): boolean {
		const best = this.#best;
		return best !== undefined && best.shortfalls.length === 0 && bound >= best.value * (1 - tolerance);
	}

	take(candidate: Candidate): void {
		this.#evaluated++;
		this.#offer(judge(this.#problem, candidate));
		if (this.#refine && this.#evaluated >= Math.min(patience, this.#budget.exactPlans)) {
			const refine = this.#refine;
			this.#refine = undefined;
			this.#offer(refine(this.#best));
		}
	}

	#offer(judged: Judged | undefined): void {
		if (judged && isBetter(judged, this.#best)) {
			this.#best = judged;
		}
	}

	/** Something with this bound was not searched. */
	leave(bound: number): void {
		this.#left = Math.min(this.#left, bound);
	}

	result(): Searched {
		const value = this.#best?.shortfalls.length === 0 ? this.#best.value : Number.POSITIVE_INFINITY;
		return {
			best: this.#best,
			bound: Math.min(value, this.#left),
			complete: this.#left >= value * (1 - tolerance),
			evaluated: this.#evaluated,
		};
	}
}

/** Plans with one stage: data-parallel training, and one device alone. */
export function* wholeModels(problem: Problem, rules: Rules): Generator<Candidate> {
	if (!rules.whole) {
		return;
	}
	const last = problem.costs.units.length - 1;
	const [mode] = rules.modes as readonly [Mode];
	for (const devices of openings(problem, rules)) {
		if (!rules.permits(devices, 0, last)) {
			continue;
		}
		for (const localEpochs of problem.space.localEpochs) {
			yield {stages: [{last, devices}], mode: {...mode, localEpochs}};
		}
	}
}

/** Who may compute the first stage: the sources; any set of devices that is large enough where there are none. */
const openings = ({space, constraints}: Problem, rules: Rules): readonly (readonly number[])[] =>
	rules.sources
		? [rules.sources]
		: [...subsets(rules, rules.free, space.mostReplicas)].filter(
				devices => devices.length >= constraints.minimumReplicas,
			);

/** Sets of devices, of devices of the same kind always the first ones; not empty, and no larger than `most`. */
export function* subsets(rules: Rules, devices: readonly number[], most: number): Generator<readonly number[]> {
	const kinds = new Map<number, number[]>();
	for (const device of devices) {
		const kind = rules.kinds[device]!;
		kinds.set(kind, [...(kinds.get(kind) ?? []), device]);
	}
	const groups = [...kinds.values()];
	function* choose(index: number, taken: readonly number[]): Generator<readonly number[]> {
		if (index === groups.length) {
			if (taken.length > 0) {
				yield taken;
			}
			return;
		}
		const group = groups[index]!;
		for (let count = 0; count <= Math.min(group.length, most - taken.length); count++) {
			yield* choose(index + 1, [...taken, ...group.slice(0, count)]);
		}
	}
	yield* choose(0, []);
}

export class ModeSearch {
	readonly #search: Search;
	readonly #problem: Problem;
	readonly #rules: Rules;
	readonly #mode: Mode;
	readonly #bounds: Bounds;
	/** Where labels stay with the sources. */
	readonly #ends: Ends | undefined;

	constructor(search: Search, problem: Problem, rules: Rules, mode: Mode) {
		this.#search = search;
		this.#problem = problem;
		this.#rules = rules;
		this.#mode = mode;
		const devices = [...(rules.sources ?? []), ...rules.free];
		this.#ends = rules.closes ? endsOf(problem, rules.sources!) : undefined;
		this.#bounds = new Bounds(this.#ends?.problem ?? problem, mode, [...devices, ...(this.#ends?.indices ?? [])]);
	}

	/** No plan in this mode with several stages is better. */
	bound(): number {
		const {sources, free} = this.#rules;
		if (sources) {
			return Math.min(Number.POSITIVE_INFINITY, ...this.roots().map(({bound}) => bound));
		}
		return objectiveValue(this.#problem.objective, this.#bounds.amounts({stages: [], last: -1, left: free}));
	}

	/** Everything that may come first. */
	roots(): readonly Node[] {
		const {free, firstCuts} = this.#rules;
		const {mostStages} = this.#problem.space;
		const ends = mostStages < (this.#ends ? 3 : 2) ? [] : this.#rules.cuts.filter(cut => firstCuts.has(cut));
		return openings(this.#problem, this.#rules).flatMap(devices => {
			const left = free.filter(device => !devices.includes(device));
			const able = this.#able(left);
			return left.length === 0 ? [] : ends.flatMap(last => this.#node(undefined, devices, last, left, able));
		});
	}

	visit(node: Node): void {
		if (this.#search.isWorse(node.bound)) {
			return;
		}
		if (node.done) {
			this.#search.take({stages: node.stages, mode: this.#mode});
			return;
		}
		const children = this.#children(node).sort((a, b) => a.bound - b.bound);
		for (const [index, child] of children.entries()) {
			if (!this.#search.goOn()) {
				this.#search.leave(Math.min(...children.slice(index).map(({bound}) => bound)));
				return;
			}
			this.visit(child);
		}
	}

	/** Who may compute what comes after: besides devices that are left, the sources once more where they have the last stage. */
	#able(left: readonly number[]): readonly number[] {
		return this.#ends ? [...left, ...this.#ends.indices] : left;
	}

	#children(node: Node): Node[] {
		const {stages, left} = node;
		const {mostStages, mostReplicas} = this.#problem.space;
		const {minimumReplicas} = this.#problem.constraints;
		const start = stages.at(-1)!.last + 1;
		const end = this.#problem.costs.units.length - 1;
		const more = stages.length + 1 < mostStages;
		const cuts = more ? this.#rules.cuts.filter(cut => cut >= start) : [];
		const ends = this.#ends ? cuts : [...cuts, end];
		const children: Node[] = [];
		for (const devices of subsets(this.#rules, left, mostReplicas)) {
			if (devices.length < minimumReplicas) {
				continue;
			}
			const rest = left.filter(device => !devices.includes(device));
			const able = this.#able(rest);
			for (const last of ends) {
				if (last === end || able.length > 0) {
					children.push(...this.#node(node, devices, last, rest, able));
				}
			}
		}
		if (this.#ends && stages.length > 1) {
			children.push(...this.#node(node, stages[0]!.devices, end, left, left));
		}
		return children;
	}

	/** The node with one more stage; none where it is not permitted, or cannot become better than the best. */
	#node(
		parent: Pick<Node, 'stages' | 'bounds'> | undefined,
		devices: readonly number[],
		last: number,
		left: readonly number[],
		able: readonly number[],
	): Node[] {
		const {training, costs, objective, constraints, data} = this.#problem;
		const {stages: before, bounds: boundsBefore} = parent ?? {stages: [], bounds: []};
		const first = before.length === 0 ? 0 : before.at(-1)!.last + 1;
		const done = last === costs.units.length - 1;
		const closing = done ? this.#ends : undefined;
		const {devices: own, shares} = closing
			? {...boundsBefore[0]!.range, devices: closing.again(boundsBefore[0]!.range.devices)}
			: replicasOf(this.#problem, devices, before.length, first, last);
		const branched = data.kind === 'aligned' && before.length === 0;
		if (
			!this.#rules.permits(devices, first, last) ||
			!(branched || sharesSuffice(shares, training.batch, this.#mode.microBatches))
		) {
			return [];
		}
		const bounds = [...boundsBefore, this.#bounds.stage(before.length, {first, last, devices: own, shares})];
		const amounts = this.#bounds.amounts({stages: closing ? folded(bounds) : bounds, last, left: able});
		const bound = objectiveValue(objective, amounts);
		if (exceeded(constraints, amounts).length > 0 || this.#search.isWorse(bound)) {
			return [];
		}
		return [{stages: [...before, {last, devices}], bounds, left, bound, done}];
	}
}
