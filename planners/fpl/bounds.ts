/**
 * Lower bounds of what any plan costs that begins with given stages. A step takes at least what its chain does (`chain`), with
 * the rest of the work shared out perfectly among the devices that are left. Devices cost idle power and price for all of this
 * time, and energy for what they compute and send; the rest of the work is done by whoever does it cheapest.
 */
import type {CostDevice} from '../../core/cost/fleet.js';
import {floatBytes} from '../../core/cost/model-costs.js';
import {prefixSums} from '../../core/cost/pass-times.js';
import type {LinkProfile} from '../../core/profile/profile.js';
import type {Amounts, Problem} from '../problem.js';
import type {Mode} from './candidate.js';
import {chainOf, type LinkedStage} from './chain.js';
import {bytesBetween, type ItemBytes, type StageBound, type StageRange} from './stage-bound.js';

/** Stages so far, and the devices that are left. */
export interface Prefix {
	readonly stages: readonly StageBound[];
	/** Last unit that is in a stage. */
	readonly last: number;
	readonly left: readonly number[];
}

/** Of one step: joules above idle that its own devices and links take at least, and what they cost by the second. */
interface Summary {
	readonly joules: number;
	readonly idleWatts: number;
	readonly price: number;
	readonly bytes: number;
	readonly linked: LinkedStage;
}

export class Bounds {
	readonly #problem: Problem;
	readonly #mode: Mode;
	readonly #steps: number;
	readonly #known = new Map<number, ItemBytes>();
	readonly #summaries = new WeakMap<StageBound, Summary>();
	readonly #elements: Float64Array;
	/** By device: seconds at least of all passes of unit u over a whole batch, summed up to u. */
	readonly #learn: ReadonlyMap<number, Float64Array>;

	constructor(problem: Problem, mode: Mode, devices: readonly number[]) {
		const {costs, training, fleet} = problem;
		this.#problem = problem;
		this.#mode = mode;
		this.#steps = training.epochs * Math.max(1, Math.ceil(training.samples / training.batch));
		this.#elements = prefixSums(costs.units.map(({parameters, buffers}) => parameters + buffers));
		const known = new Map<CostDevice['times'], Float64Array>();
		const micros = Math.min(mode.microBatches, training.batch);
		this.#learn = new Map(
			devices.map(index => {
				const {times} = fleet.devices[index]!;
				const sums =
					known.get(times) ??
					prefixSums(costs.units.map((_, unit) => micros * times.least('learn', unit, training.batch / micros)));
				known.set(times, sums);
				return [index, sums] as const;
			}),
		);
	}

	vectorElements = (first: number, last: number): number => this.#elements[last + 1]! - this.#elements[first]!;

	/** At least so much for the whole run. */
	amounts({stages, last, left}: Prefix): Amounts {
		const {fleet, costs} = this.#problem;
		const done = last === costs.units.length - 1;
		const summaries = stages.map((stage, index) => this.#summary(stage, stages[index - 1]));
		const seconds = this.#seconds(summaries, done ? 0 : this.#rest(stages, last, left));
		let [joules, idleWatts, price, bytes] = [0, 0, 0, 0];
		for (const own of summaries) {
			joules += own.joules;
			idleWatts += own.idleWatts;
			price += own.price;
			bytes += own.bytes;
		}
		joules += seconds * idleWatts;
		if (!done && left.length > 0) {
			const rest = left.map(index => fleet.devices[index]!);
			joules += this.#cheapest(last + 1, left) + seconds * Math.min(...rest.map(({profile}) => profile.idleWatts));
			price += Math.min(...rest.map(({pricePerSecond}) => pricePerSecond));
		}
		return {
			time: this.#steps * seconds,
			bytes: this.#steps * bytes,
			energy: this.#steps * joules,
			money: this.#steps * seconds * price,
		};
	}

	/** Of a step that goes through these stages, when what is left of it takes at least so long. */
	#seconds(summaries: readonly Summary[], rest: number): number {
		const {costs, fleet} = this.#problem;
		const {secondsPerStep, secondsPerElement} = fleet.broker;
		const linked = summaries.map(summary => summary.linked);
		const exchanged = linked.reduce((sum, {stage}) => sum + stage.vectorBytes / floatBytes, 0);
		const step = () => {
			if (costs.maxCrossing > 1) {
				// A stage may not depend on the one before it.
				return Math.max(rest, ...linked.map(stage => chainOf([stage], fleet.messaging).seconds));
			}
			const {seconds, leaving, closing} = chainOf(linked, fleet.messaging);
			return rest > 0 ? Math.max(seconds, leaving + rest + closing) : seconds;
		};
		return step() + secondsPerStep + exchanged * secondsPerElement;
	}

	/** Seconds of what comes after the last of the stages, from its first input to its last output. */
	#rest(stages: readonly StageBound[], last: number, left: readonly number[]): number {
		return Math.max(this.#fluid(last + 1, left, stages.length), this.#inflow(stages, left));
	}

	/** What a stage takes of a step, whatever the other stages are. */
	#summary(stage: StageBound, before: StageBound | undefined): Summary {
		const known = this.#summaries.get(stage);
		if (known) {
			return known;
		}
		const {range, replicas, vectorBytes} = stage;
		const linked = this.#linked(stage, before);
		const {made, read, copies} = linked;
		const joules = range.devices.map(({profile, utilisation}, replica) => {
			const {joulesPerByteUp, joulesPerByteDown} = profile.link;
			const {items, compute} = replicas[replica]!;
			const up = items * (made.forward + copies * read.backward) + vectorBytes;
			const down = items * (copies * read.forward + made.backward) + vectorBytes;
			const computing = (profile.busyWatts - profile.idleWatts) * utilisation * compute;
			return up * joulesPerByteUp + down * joulesPerByteDown + computing;
		});
		const summary: Summary = {
			joules: sumOf(joules),
			idleWatts: sumOf(range.devices.map(({profile}) => profile.idleWatts)),
			price: sumOf(range.devices.map(({pricePerSecond}) => pricePerSecond)),
			// What the stages send each other and what their replicas exchange.
			bytes:
				sumOf(replicas.map(({items}) => items)) * (made.forward + made.backward) +
				2 * range.devices.length * vectorBytes,
			linked,
		};
		this.#summaries.set(stage, summary);
		return summary;
	}

	#linked(stage: StageBound, before: StageBound | undefined): LinkedStage {
		const {length} = this.#problem.costs.units;
		const {first, last} = stage.range;
		const nothing = {forward: 0, backward: 0};
		return {
			stage,
			made: last < length - 1 ? this.#made(stage.range) : nothing,
			read: first > 0 ? this.#between(0, first - 1, first, last) : nothing,
			copies: before?.range.branched && this.#problem.costs.maxCrossing === 1 ? before.range.devices.length : 1,
		};
	}

	/** Bytes of an item that a stage makes for any later one, each at least once. */
	#made({first, last}: StageRange): ItemBytes {
		return this.#between(first, last, last + 1, this.#problem.costs.units.length - 1);
	}

	#between(first: number, last: number, from: number, to: number): ItemBytes {
		const {length} = this.#problem.costs.units;
		const key = ((first * length + last) * length + from) * length + to;
		let known = this.#known.get(key);
		if (!known) {
			known = bytesBetween(this.#problem, this.#mode, [first, last], [from, to]);
			this.#known.set(key, known);
		}
		return known;
	}

	/** What the last stage makes goes into the next one, which has only so many replicas: those with the fastest links at best. */
	#inflow(stages: readonly StageBound[], left: readonly number[]): number {
		const stage = stages.at(-1);
		if (!stage || left.length === 0) {
			return 0;
		}
		// With several tensors over a cut some of them may go elsewhere.
		const {forward, backward} =
			this.#problem.costs.maxCrossing > 1 ? {forward: 0, backward: 0} : this.#made(stage.range);
		const items = sumOf(stage.replicas.map(one => one.items));
		const rates = this.#rates(left);
		return Math.max((items * forward) / rates.down, (items * backward) / rates.up);
	}

	/** Of the devices with the fastest links, as many as may share a stage. */
	#rates(left: readonly number[]): {readonly up: number; readonly down: number} {
		const {fleet, space} = this.#problem;
		const sum = (of: (link: LinkProfile) => number) =>
			left
				.map(index => of(fleet.devices[index]!.profile.link))
				.sort((a, b) => b - a)
				.slice(0, space.mostReplicas)
				.reduce((total, rate) => total + rate, 0);
		return {up: sum(({upBytesPerSecond}) => upBytesPerSecond), down: sum(({downBytesPerSecond}) => downBytesPerSecond)};
	}

	/**
	 * Seconds of the units from `first` on if the fastest of these devices, as many as the stages that are left may have, shared
	 * them perfectly; a bound by weak duality.
	 */
	#fluid(first: number, devices: readonly number[], stages: number): number {
		if (devices.length === 0) {
			return Number.POSITIVE_INFINITY;
		}
		const {length} = this.#problem.costs.units;
		const tables = this.#tables(devices);
		const rates = tables.map(({sums}) => 1 / Math.max(1e-15, sums[length]! - sums[first]!));
		const {mostStages, mostReplicas} = this.#problem.space;
		let room = (mostStages - stages) * mostReplicas;
		let all = 0;
		for (const index of rates.map((_, at) => at).sort((a, b) => rates[b]! - rates[a]!)) {
			const count = Math.min(room, tables[index]!.count);
			all += count * rates[index]!;
			room -= count;
		}
		if (all === 0) {
			return Number.POSITIVE_INFINITY;
		}
		let seconds = 0;
		for (let unit = first; unit < length; unit++) {
			let least = Number.POSITIVE_INFINITY;
			for (const [index, {sums}] of tables.entries()) {
				least = Math.min(least, (sums[unit + 1]! - sums[unit]!) * rates[index]!);
			}
			seconds += least / all;
		}
		return seconds;
	}

	/** Devices that have their times in common, counted. */
	#tables(devices: readonly number[]) {
		const counts = new Map<Float64Array, number>();
		for (const device of devices) {
			const sums = this.#learn.get(device)!;
			counts.set(sums, (counts.get(sums) ?? 0) + 1);
		}
		return [...counts].map(([sums, count]) => ({sums, count}));
	}

	/** Joules above idle of the units from `first` on, each computed where that takes least. */
	#cheapest(first: number, devices: readonly number[]): number {
		const {costs, fleet} = this.#problem;
		const watts = new Map<Float64Array, number>();
		for (const index of devices) {
			const {profile, utilisation} = fleet.devices[index]!;
			const sums = this.#learn.get(index)!;
			const own = (profile.busyWatts - profile.idleWatts) * utilisation;
			watts.set(sums, Math.min(watts.get(sums) ?? Number.POSITIVE_INFINITY, own));
		}
		let joules = 0;
		for (let unit = first; unit < costs.units.length; unit++) {
			let least = Number.POSITIVE_INFINITY;
			for (const [sums, own] of watts) {
				least = Math.min(least, own * (sums[unit + 1]! - sums[unit]!));
			}
			joules += least;
		}
		return joules;
	}
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
