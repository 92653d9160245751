/**
 * The classic schemes as plans for the same problem, each with the cut and the devices that suit the objective best, so that a
 * plan shows what it wins over them.
 */
import {evaluate} from '../core/cost/evaluate.js';
import {pipeline} from '../core/plan/builders/chain.js';
import {centralised, dSgd, fedAvg} from '../core/plan/builders/data-parallel.js';
import {fplAligned, fplStacked} from '../core/plan/builders/fpl.js';
import {type Placement, replicas} from '../core/plan/builders/parts.js';
import {parallelSplit, splitFed, splitLearning} from '../core/plan/builders/split.js';
import type {Plan} from '../core/plan/plan.js';
import {sharesOfStage} from './fpl/candidate.js';
import {type Rules, rulesOf, sharesSuffice} from './fpl/rules.js';
import {amountsOf, objectiveValue, shortfallsOf} from './objective.js';
import type {Costed, Problem, Shortfall} from './problem.js';

export interface Baseline extends Costed {
	/** As `fpl plan --scheme` names it, or «equal pipeline», «PipeDream». */
	readonly scheme: string;
	/** Whether it computes what one machine would: the mean gradient of every batch. */
	readonly exact: boolean;
	readonly shortfalls: readonly Shortfall[];
}

interface Scheme {
	readonly scheme: string;
	readonly exact: boolean;
	readonly plans: () => Iterable<Plan>;
}

/** Devices that are tried as the trunk, and places that are tried as the cut. */
const mostTrunks = 6;
const mostCuts = 40;
const usualMicroBatches = 4;

const spread = <T>(values: readonly T[], most: number): readonly T[] =>
	values.length <= most
		? values
		: Array.from({length: most}, (_, index) => values[Math.round((index * (values.length - 1)) / (most - 1))]!);

class Schemes {
	readonly #problem: Problem;
	readonly #rules: Rules;
	readonly #sources: readonly number[];
	/** Devices that own no data, the fastest first. */
	readonly #others: readonly number[];
	/** Of the numbers that plans may have, the one nearest the usual one. */
	readonly #microBatches: number;

	constructor(problem: Problem, rules: Rules) {
		const {fleet, costs, training, space} = problem;
		this.#problem = problem;
		this.#rules = rules;
		const away = (count: number) => Math.abs(count - usualMicroBatches);
		this.#microBatches = space.microBatches.reduce((near, count) => (away(count) < away(near) ? count : near));
		const last = costs.units.length - 1;
		const seconds = new Map(
			rules.free.map(device => [device, fleet.devices[device]!.times.pass('learn', 0, last, training.batch)]),
		);
		const fastest = [...rules.free].sort((a, b) => seconds.get(a)! - seconds.get(b)!);
		// Where the data are dealt out, the fastest device is the server and the others are the clients.
		this.#sources = rules.sources ?? fastest.slice(1, 1 + training.batch);
		this.#others = rules.sources ? fastest : fastest.slice(0, 1);
	}

	list(): readonly Scheme[] {
		const {data, costs} = this.#problem;
		const aligned = data.kind === 'aligned';
		const flow = {microBatches: 1, schedule: '1f1b'} as const;
		const name = costs.name;
		const sources = this.#names(this.#sources);
		const split = (build: (placement: Placement) => Plan) => () => this.#splits(build);
		return aligned
			? [{scheme: 'fpl-aligned', exact: true, plans: split(placement => fplAligned(placement, data.junction, flow))}]
			: [
					{scheme: 'd-sgd', exact: true, plans: () => this.#dataParallel(names => dSgd(name, names))},
					{scheme: 'fedavg', exact: false, plans: () => this.#dataParallel(names => fedAvg(name, names, 1))},
					{scheme: 'centralised', exact: true, plans: () => this.#alone()},
					{scheme: 'split-learning', exact: false, plans: split(placement => splitLearning(placement, 1))},
					{scheme: 'split-fed', exact: false, plans: split(placement => splitFed(placement, 1, flow))},
					{scheme: 'parallel-split', exact: true, plans: split(placement => parallelSplit(placement, flow))},
					{
						scheme: 'fpl-stacked',
						exact: true,
						plans: split(placement => fplStacked(placement, 'step', {...flow, microBatches: this.#microBatches})),
					},
					{scheme: 'equal pipeline', exact: true, plans: () => this.#chains(sources, 'equal')},
					{scheme: 'PipeDream', exact: true, plans: () => this.#chains(sources, 'balanced')},
				];
	}

	#names(devices: readonly number[]): string[] {
		return devices.map(device => this.#problem.fleet.devices[device]!.device);
	}

	*#dataParallel(build: (devices: readonly string[]) => Plan): Generator<Plan> {
		if (this.#rules.sources) {
			yield build(this.#names(this.#sources));
			return;
		}
		const all = [...this.#others, ...this.#sources];
		for (
			let count = 2;
			count <= all.length;
			count = count * 2 > all.length && count < all.length ? all.length : count * 2
		) {
			yield build(this.#names(all.slice(0, count)));
		}
	}

	/** One device that has all data: the only source, or any where they are dealt out. */
	*#alone(): Generator<Plan> {
		const alone = this.#rules.sources ? (this.#rules.sources.length === 1 ? this.#rules.sources : []) : this.#others;
		for (const device of alone) {
			yield centralised(this.#problem.costs.name, this.#names([device])[0]!);
		}
	}

	#placement(sources: readonly string[], trunk: readonly string[], cuts: readonly number[]): Placement {
		const {costs} = this.#problem;
		return {model: costs.name, units: costs.units.length, sources, trunk, cuts, maxCrossing: costs.maxCrossing};
	}

	*#splits(build: (placement: Placement) => Plan): Generator<Plan> {
		if (this.#sources.length === 0) {
			return;
		}
		const cuts = spread(
			this.#rules.cuts.filter(cut => this.#rules.firstCuts.has(cut)),
			mostCuts,
		);
		for (const trunk of this.#others.slice(0, mostTrunks)) {
			for (const cut of cuts) {
				yield build(this.#placement(this.#names(this.#sources), this.#names([trunk]), [cut + 1]));
			}
		}
	}

	/** A stage on each of the fastest devices, after the sources': as many units each, or as much time. */
	*#chains(sources: readonly string[], kind: 'equal' | 'balanced'): Generator<Plan> {
		const {space} = this.#problem;
		// Data that are dealt out go to any one device.
		const opening = this.#rules.sources ? this.#sources : this.#sources.slice(0, 1);
		const first = sources.slice(0, opening.length);
		const others = this.#rules.sources ? this.#others : [...this.#others, ...this.#sources.slice(1)];
		if (first.length === 0) {
			return;
		}
		for (let length = 1; length <= Math.min(others.length, space.mostStages - 1, 8); length++) {
			const trunk = others.slice(0, length);
			const cuts = kind === 'equal' ? this.#equal(length + 1) : this.#balanced(trunk);
			if (cuts) {
				yield this.#chain(first, trunk, cuts);
			}
		}
	}

	/** Several sources share the first stage. */
	#chain(first: readonly string[], trunk: readonly number[], cuts: readonly number[]): Plan {
		const chain = pipeline(this.#placement(first.slice(0, 1), this.#names(trunk), cuts), {
			microBatches: this.#microBatches,
			schedule: '1f1b',
		});
		const [head, ...rest] = chain.stages;
		return {...chain, stages: [{...head!, replicas: replicas(first)}, ...rest]};
	}

	/** Ends of stages near n/k units each. */
	#equal(stages: number): readonly number[] | undefined {
		const units = this.#problem.costs.units.length;
		const ends: number[] = [];
		for (let index = 1; index < stages; index++) {
			const wanted = (index * units) / stages;
			const places = this.#rules.cuts.filter(
				cut => cut + 1 > (ends.at(-1) ?? 0) && (index > 1 || this.#rules.firstCuts.has(cut)),
			);
			const near = places.reduce<number | undefined>(
				(best, cut) => (best === undefined || Math.abs(cut + 1 - wanted) < Math.abs(best - wanted) ? cut + 1 : best),
				undefined,
			);
			if (near === undefined) {
				return undefined;
			}
			ends.push(near);
		}
		return ends;
	}

	/** The least slowest stage, passes and transfers, over the chain of devices (Narayanan et al. 2019, section 3.1). */
	#balanced(trunk: readonly number[]): readonly number[] | undefined {
		const {fleet, costs, training} = this.#problem;
		const items = training.batch / this.#microBatches;
		const end = costs.units.length - 1;
		const [first] = this.#sources;
		const chain = [first!, ...trunk].map(device => fleet.devices[device]!);
		let reached = new Map<number, {slowest: number; cuts: readonly number[]}>([[-1, {slowest: 0, cuts: []}]]);
		for (const [index, device] of chain.entries()) {
			const next = new Map<number, {slowest: number; cuts: readonly number[]}>();
			const lasts =
				index === chain.length - 1
					? [end]
					: this.#rules.cuts.filter(cut => index > 0 || this.#rules.firstCuts.has(cut));
			for (const [start, {slowest, cuts}] of reached) {
				for (const last of lasts.filter(cut => cut > start)) {
					const own = device.times.pass('learn', start + 1, last, items);
					const most = Math.max(slowest, own);
					const known = next.get(last);
					if (!known || most < known.slowest) {
						next.set(last, {slowest: most, cuts: [...cuts, last + 1]});
					}
				}
			}
			reached = next;
		}
		return reached.get(end)?.cuts.slice(0, -1);
	}
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
	const [first, ...rest] = plan.stages as [Plan['stages'][number], ...Plan['stages']];
	if (data.kind !== 'sources' || first.turns === 'in-turn') {
		return plan;
	}
	const own = first.replicas.map(({device}) => fleet.devices.find(one => one.device === device)!);
	const shares = sharesOfStage(problem, own, 0, 0, 0);
	const replicas = first.replicas.map(({device}, index) => ({device, share: shares[index]!}));
	return {...plan, stages: [{...first, replicas}, ...rest]};
}

/**
 * Of every scheme that suits the problem, the plan that is best by its objective; those within the constraints come first.
 * @param interrupted asked before each plan; once it says so no more are looked at.
 */
export function baselinesOf(problem: Problem, interrupted: () => boolean = () => false): readonly Baseline[] {
	const {costs, fleet, training, objective} = problem;
	const schemes = new Schemes(problem, rulesOf(problem));
	const found = schemes.list().flatMap(({scheme, exact, plans}): Baseline[] => {
		let best: Baseline | undefined;
		for (const built of plans()) {
			if (interrupted()) {
				break;
			}
			const plan = withOwnShares(problem, built);
			if (!fits(problem, plan)) {
				continue;
			}
			const evaluation = evaluate({plan, costs, fleet, training});
			const value = objectiveValue(objective, amountsOf(evaluation));
			const shortfalls = shortfallsOf(problem, evaluation);
			if (
				!best ||
				shortfalls.length < best.shortfalls.length ||
				(shortfalls.length === best.shortfalls.length && value < best.value)
			) {
				best = {scheme, exact, plan, evaluation, value, shortfalls};
			}
		}
		return best ? [best] : [];
	});
	return found.sort((a, b) => Math.sign(a.shortfalls.length - b.shortfalls.length) || a.value - b.value);
}
