/** The plans of classic schemes that suit a problem: with every server and cut that is worth a look. */
import {crossingBytes} from '../../core/cost/model-costs.js';
import {modelSplit, pipeline} from '../../core/plan/builders/chain.js';
import {centralised, dSgd, fedAvg} from '../../core/plan/builders/data-parallel.js';
import {fplAligned, fplStacked} from '../../core/plan/builders/fpl.js';
import {type Pipeline, type Placement, replicas} from '../../core/plan/builders/parts.js';
import {parallelSplit, splitFed, splitLearning} from '../../core/plan/builders/split.js';
import {uShaped} from '../../core/plan/builders/u-shaped.js';
import type {Plan} from '../../core/plan/plan.js';
import type {CandidateStage} from '../fpl/candidate.js';
import type {Rules} from '../fpl/rules.js';
import type {Problem} from '../problem.js';
import {type Balance, balancedCuts, equalCuts, spread} from './cuts.js';
import {Outlook, type Way} from './outlook.js';

/** A plan that may be looked at. */
export interface Attempt {
	/** In units of the objective: it does not cost less. */
	readonly least: number;
	readonly plan: () => Plan;
}

export interface Scheme {
	/** As `fpl plan --scheme` names it, or «equal pipeline», «PipeDream». */
	readonly scheme: string;
	/** Whether it computes what one machine would. */
	readonly exact: boolean;
	/** The most promising ones first, where that is known. */
	readonly attempts: () => readonly Attempt[];
}

/** Devices that are tried as the trunk, and places that are tried as the cut; as each of the two cuts of a U. */
const mostTrunks = 6;
const mostCuts = 40;
const mostUCuts = 12;
const usualMicroBatches = 4;
/** Devices that data are dealt out to, for a scheme with a server. */
const mostClients = 100;
/** Stages of a chain besides the sources'. */
const mostTrunkStages = 8;

const plain: Pipeline = {microBatches: 1, schedule: '1f1b'};

type Build = (placement: Placement) => Plan;

export class Schemes {
	readonly #problem: Problem;
	readonly #rules: Rules;
	readonly #outlook: Outlook;
	readonly #sources: readonly number[];
	/** Those of them that work beside a server: all, or only some where the data are dealt out. */
	readonly #clients: readonly (readonly number[])[];
	/** Devices that own no data, the fastest first. */
	readonly #others: readonly number[];
	/** Of the numbers that plans may have, the one nearest the usual one. */
	readonly #flow: Pipeline;

	constructor(problem: Problem, rules: Rules) {
		const {fleet, costs, data, training, space} = problem;
		this.#problem = problem;
		this.#rules = rules;
		const away = (count: number) => Math.abs(count - usualMicroBatches);
		this.#flow = {
			...plain,
			microBatches: space.microBatches.reduce((near, count) => (away(count) < away(near) ? count : near)),
		};
		const last = costs.units.length - 1;
		const seconds = new Map(
			rules.free.map(device => [device, fleet.devices[device]!.times.pass('learn', 0, last, training.batch)]),
		);
		const fastest = [...rules.free].sort((a, b) => seconds.get(a)! - seconds.get(b)!);
		// Where the data are dealt out, the fastest device is the server and the others are the clients.
		this.#sources = rules.sources ?? fastest.slice(1, 1 + training.batch);
		this.#others = rules.sources ? fastest : fastest.slice(0, 1);
		const {mostReplicas} = space;
		const all = this.#sources;
		const shared = rules.sources === undefined && mostReplicas > 1;
		const few = shared && all.length > mostReplicas ? [all.slice(0, mostReplicas)] : [];
		this.#clients = [...few, ...(few.length === 0 || all.length <= mostClients ? [all] : [])].filter(
			({length}) => length > 0,
		);
		const devices = this.#names(all);
		this.#outlook = new Outlook(
			data.kind === 'aligned' || devices.length === 0
				? problem
				: {...problem, data: {kind: 'sources', devices, rawData: data.rawData}},
		);
	}

	/** Schemes whose sources own different items. */
	forOwners(): readonly Scheme[] {
		const flow = this.#flow;
		return [
			...this.forViews(true),
			{scheme: 'centralised', exact: true, attempts: () => this.#alone()},
			{
				scheme: 'fpl-stacked',
				exact: true,
				attempts: () => this.#splits('together', placement => fplStacked(placement, 'step', flow), flow),
			},
			{scheme: 'model-split', exact: true, attempts: () => this.#modelSplits()},
			{scheme: 'equal pipeline', exact: true, attempts: () => this.#equalPipelines()},
			{scheme: 'PipeDream', exact: true, attempts: () => this.#balancedPipelines()},
		];
	}

	/**
	 * Schemes that need no more than sources with items of their own: where several see the same ones, they train one model for single
	 * views.
	 * @param exact whether what they train is what was asked for.
	 */
	forViews(exact: boolean): readonly Scheme[] {
		const name = this.#problem.costs.name;
		return [
			{scheme: 'd-sgd', exact, attempts: () => this.#dataParallel(names => dSgd(name, names))},
			{scheme: 'fedavg', exact: false, attempts: () => this.#dataParallel(names => fedAvg(name, names, 1))},
			{
				scheme: 'split-learning',
				exact: false,
				attempts: () => this.#splits('in-turn', placement => splitLearning(placement, 1)),
			},
			{
				scheme: 'split-fed',
				exact: false,
				attempts: () => this.#splits('apart', placement => splitFed(placement, 1, plain)),
			},
			{
				scheme: 'parallel-split',
				exact,
				attempts: () => this.#splits('together', placement => parallelSplit(placement, plain)),
			},
			{scheme: 'u-shaped', exact, attempts: () => this.#bent(placement => uShaped(placement, plain))},
		];
	}

	/** Schemes that merge what the sources see. */
	merging(): readonly Scheme[] {
		const {data} = this.#problem;
		if (data.kind !== 'aligned') {
			return [];
		}
		const flows = this.#flow.microBatches === 1 ? [plain] : [plain, this.#flow];
		const attempts = () =>
			flows.flatMap(flow => this.#splits('together', placement => fplAligned(placement, data.junction, flow), flow));
		return [{scheme: 'fpl-aligned', exact: true, attempts}];
	}

	#names(devices: readonly number[]): string[] {
		return devices.map(device => this.#problem.fleet.devices[device]!.device);
	}

	#dataParallel(build: (devices: readonly string[]) => Plan): readonly Attempt[] {
		const all = this.#rules.sources ?? [...this.#others, ...this.#sources];
		const counts: number[] = this.#rules.sources ? [all.length] : [];
		for (let count = 2; !this.#rules.sources && count <= all.length; count *= 2) {
			counts.push(count, ...(count * 2 > all.length && count < all.length ? [all.length] : []));
		}
		return counts.map(count => ({least: 0, plan: () => build(this.#names(all.slice(0, count)))}));
	}

	/** One device that has all data: the only source, or any where they are dealt out. */
	#alone(): readonly Attempt[] {
		const alone = this.#rules.sources ? (this.#rules.sources.length === 1 ? this.#rules.sources : []) : this.#others;
		return alone.map(device => ({
			least: 0,
			plan: () => centralised(this.#problem.costs.name, this.#names([device])[0]!),
		}));
	}

	/** @param lasts units after which to cut. */
	#placement(sources: readonly number[], trunk: readonly number[], lasts: readonly number[]): Placement {
		const {costs} = this.#problem;
		return {
			model: costs.name,
			units: costs.units.length,
			sources: this.#names(sources),
			trunk: this.#names(trunk),
			cuts: lasts.map(last => last + 1),
			maxCrossing: costs.maxCrossing,
		};
	}

	/** A stage for each of the lists of devices. */
	#stages(groups: readonly (readonly number[])[], lasts: readonly number[]): readonly CandidateStage[] {
		const end = this.#problem.costs.units.length - 1;
		return groups.map((devices, index) => ({devices, last: lasts[index] ?? end}));
	}

	/** One cut, and one device beside the sources. */
	#splits(way: Way, build: Build, {microBatches} = plain): readonly Attempt[] {
		const cuts = spread(
			this.#rules.cuts.filter(cut => this.#rules.firstCuts.has(cut)),
			mostCuts,
		);
		return this.#clients.flatMap(sources =>
			this.#others.slice(0, mostTrunks).flatMap(trunk =>
				cuts.map(cut => ({
					least: this.#outlook.least(way, this.#stages([sources, [trunk]], [cut]), microBatches),
					plan: () => build(this.#placement(sources, [trunk], [cut])),
				})),
			),
		);
	}

	/** Two cuts, and one device beside the sources, which have both ends. */
	#bent(build: Build): readonly Attempt[] {
		const firsts = spread(
			this.#rules.cuts.filter(cut => this.#rules.firstCuts.has(cut)),
			mostUCuts,
		);
		const lasts = spread(this.#rules.cuts, mostUCuts);
		const pairs = firsts.flatMap(first => lasts.filter(last => last > first).map(last => [first, last] as const));
		return this.#clients.flatMap(sources =>
			this.#others.slice(0, mostTrunks).flatMap(trunk =>
				pairs.map(cuts => ({
					least: this.#outlook.least('folded', this.#stages([sources, [trunk], sources], cuts), plain.microBatches),
					plan: () => build(this.#placement(sources, [trunk], cuts)),
				})),
			),
		);
	}

	/** Devices that the data begin with, and those that may follow them in a chain. */
	#chain(): {readonly first: readonly number[]; readonly trunk: readonly number[]} {
		// Data that are dealt out go to any one device.
		const first = this.#rules.sources ? this.#sources : this.#sources.slice(0, 1);
		const others = this.#rules.sources ? this.#others : [...this.#others, ...this.#sources.slice(1)];
		const most = Math.min(this.#problem.space.mostStages - 1, mostTrunkStages);
		return {first, trunk: first.length === 0 ? [] : others.slice(0, most)};
	}

	/** A stage on each of the fastest devices, after the sources': several of these share the first one. */
	#chains(
		build: Build,
		{microBatches}: Pipeline,
		cuts: readonly (readonly number[] | undefined)[],
	): readonly Attempt[] {
		const {first, trunk} = this.#chain();
		return cuts.flatMap((lasts, index) => {
			const devices = trunk.slice(0, index + 1);
			if (!lasts || devices.length <= index) {
				return [];
			}
			const groups = [first, ...devices.map(device => [device])];
			return [
				{
					least: this.#outlook.least('together', this.#stages(groups, lasts), microBatches),
					plan: () => {
						const chain = build(this.#placement(first.slice(0, 1), devices, lasts));
						const [head, ...rest] = chain.stages;
						return {...chain, stages: [{...head!, replicas: replicas(this.#names(first))}, ...rest]};
					},
				},
			];
		});
	}

	#equal(): readonly (readonly number[] | undefined)[] {
		const {length} = this.#problem.costs.units;
		return this.#chain().trunk.map((_, index) => equalCuts(this.#rules, length, index + 2));
	}

	#balanced(balance: Balance): readonly (readonly number[] | undefined)[] {
		const {first, trunk} = this.#chain();
		return trunk.length === 0
			? []
			: balancedCuts(this.#problem, this.#rules, [...first.slice(0, 1), ...trunk], balance);
	}

	#equalPipelines(): readonly Attempt[] {
		return this.#chains(placement => pipeline(placement, this.#flow), this.#flow, this.#equal());
	}

	#balancedPipelines(): readonly Attempt[] {
		const items = this.#problem.training.batch / this.#flow.microBatches;
		const cuts = this.#balanced({items, by: 'slowest'});
		return this.#chains(placement => pipeline(placement, this.#flow), this.#flow, cuts);
	}

	#modelSplits(): readonly Attempt[] {
		const {costs, training} = this.#problem;
		const crossing = (cut: number) => 2 * crossingBytes(costs, cut);
		return [this.#equal(), this.#balanced({items: training.batch, by: 'sum', crossing})].flatMap(cuts =>
			this.#chains(modelSplit, plain, cuts),
		);
	}
}
