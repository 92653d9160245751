/**
 * Lower bounds of what any plan costs that begins with given stages. With head(s), tail(s) the shortest way of one micro-batch
 * to stage s and of its gradient back, a step takes at least
 *
 *   max over stages s:   head(s) + all passes of its slowest replica + tail(s)
 *   rest:                head + (rest of the work, shared out perfectly among the devices that are left) + tail
 *   max over devices:    bytes of the step / rate of the link, and the passes besides where they cannot overlap
 *
 * Devices cost idle power and price for all of this time, and energy for what they compute and send; the rest of the work is
 * done by whoever does it cheapest.
 */
import type {CostDevice} from '../../core/cost/fleet.js';
import {prefixSums} from '../../core/cost/pass-times.js';
import type {LinkProfile} from '../../core/profile/profile.js';
import type {Amounts, Problem} from '../problem.js';
import type {Mode} from './candidate.js';
import {bytesBetween, type ItemBytes, type StageBound, type StageRange} from './stage-bound.js';

/** Stages so far, and the devices that are left. */
export interface Prefix {
	readonly stages: readonly StageBound[];
	/** Last unit that is in a stage. */
	readonly last: number;
	readonly left: readonly number[];
}

/** Of one step; seconds and joules above idle that its own devices and links take at least. */
interface Summary {
	readonly seconds: number;
	readonly joules: number;
	readonly idleWatts: number;
	readonly price: number;
	readonly bytes: number;
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
		let seconds = Math.max(
			this.#wayThrough(stages, done ? 0 : this.#fluid(last + 1, left, stages.length)),
			done ? 0 : this.#inflow(stages, left),
		);
		let [joules, idleWatts, price, bytes] = [0, 0, 0, 0];
		for (const stage of stages) {
			const own = this.#summary(stage, stages);
			seconds = Math.max(seconds, own.seconds);
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

	/** What a stage takes of a step, whatever the other stages are. */
	#summary(stage: StageBound, stages: readonly StageBound[]): Summary {
		const known = this.#summaries.get(stage);
		if (known) {
			return known;
		}
		const {range, items, compute, vectorBytes} = stage;
		const links = this.#links(stage, stages);
		const {forward, backward} = this.#made(range);
		const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
		const summary: Summary = {
			seconds: Math.max(...compute, ...links.map(link => link.seconds)),
			joules:
				sum(links.map(link => link.joules)) +
				sum(
					range.devices.map(
						({profile, utilisation}, replica) =>
							(profile.busyWatts - profile.idleWatts) * utilisation * compute[replica]!,
					),
				),
			idleWatts: sum(range.devices.map(({profile}) => profile.idleWatts)),
			price: sum(range.devices.map(({pricePerSecond}) => pricePerSecond)),
			// What the stages send each other and what their replicas exchange.
			bytes: sum(items) * (forward + backward) + 2 * range.devices.length * vectorBytes,
		};
		this.#summaries.set(stage, summary);
		return summary;
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

	/**
	 * The first micro-batch's way to a stage, everything that is done there, and the last one's way back; `rest` is done after
	 * the last of the stages. With more than one tensor over a cut a stage may not depend on the one before it.
	 */
	#wayThrough(stages: readonly StageBound[], rest: number): number {
		if (this.#problem.costs.maxCrossing > 1) {
			return rest;
		}
		let there = 0;
		const ways = stages.map((stage, index) => {
			const next = stages[index + 1];
			const {forward, backward} = this.#made(stage.range);
			const way = {
				head: there,
				back: stage.backward + (next && backward > 0 ? this.#hop(next, stage, backward) : 0),
			};
			there += stage.forward + (next ? this.#hop(stage, next, forward) : 0);
			return way;
		});
		let tail = 0;
		let longest = 0;
		for (const [index, {passes}] of stages.entries()) {
			const {head, back} = ways[index]!;
			longest = Math.max(longest, head + Math.max(...passes) + tail);
			tail += back;
		}
		return rest > 0 ? Math.max(longest, there + rest + tail) : longest;
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
		const items = stage.items.reduce((sum, count) => sum + count, 0);
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

	/** Seconds of a micro-batch from one stage to another: the receiver for which it is shortest. */
	#hop(from: StageBound, to: StageBound, itemBytes: number): number {
		let latency = Number.POSITIVE_INFINITY;
		for (const {profile} of from.range.devices) {
			latency = Math.min(latency, profile.link.latencySeconds);
		}
		const copies = from.range.branched && !to.range.branched ? from.range.devices.length : 1;
		let least = Number.POSITIVE_INFINITY;
		for (const [replica, {profile}] of to.range.devices.entries()) {
			const {link} = profile;
			const items = copies * to.fewest[replica]!;
			least = Math.min(least, link.latencySeconds + (items * itemBytes) / link.downBytesPerSecond);
		}
		return latency + least;
	}

	/** By replica of a stage: how long its link is busy in a step, and what that takes of energy. */
	#links({range, items, vectorBytes}: StageBound, stages: readonly StageBound[]) {
		const {length} = this.#problem.costs.units;
		const branches = stages.find(({range}) => range.branched)?.range.devices.length ?? 1;
		const {first, last, devices, branched} = range;
		const made = last < length - 1 ? this.#made(range) : {forward: 0, backward: 0};
		const read = first > 0 ? this.#between(0, first - 1, first, last) : {forward: 0, backward: 0};
		const copies = branched || first === 0 ? 1 : branches;
		return devices.map(({profile: {link}}, replica) => {
			const up = items[replica]! * (made.forward + copies * read.backward) + vectorBytes;
			const down = items[replica]! * (copies * read.forward + made.backward) + vectorBytes;
			return {
				seconds: Math.max(up / link.upBytesPerSecond, down / link.downBytesPerSecond),
				joules: up * link.joulesPerByteUp + down * link.joulesPerByteDown,
			};
		});
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
