/**
 * Lower bounds of what any plan costs that begins with given stages: of time, what its chain takes (`chain`), the rest of the
 * work shared perfectly among the devices that are left; of joules and money, this time, and the cheapest for what is done.
 */
import type {CostDevice} from '../../core/cost/fleet.js';
import {floatBytes} from '../../core/cost/model-costs.js';
import {prefixSums} from '../../core/cost/pass-times.js';
import {warmUp} from '../../core/plan/schedule.js';
import type {LinkProfile} from '../../core/profile/profile.js';
import type {Amounts, Problem} from '../problem.js';
import type {Mode} from './candidate.js';
import {chainOf, type Flow, type LinkedStage} from './chain.js';
import {bytesBetween, forwardPartOf, type ItemBytes, type StageRange, stageBound} from './stage-bound.js';

/** Stages so far, and the devices that are left. */
export interface Prefix {
	readonly stages: readonly BoundStage[];
	/** Last unit that is in a stage. */
	readonly last: number;
	readonly left: readonly number[];
}

/** A stage with what it takes of a step, whatever the other stages are: joules above idle, and what it costs by the second. */
export interface BoundStage extends LinkedStage {
	readonly joules: number;
	readonly idleWatts: number;
	readonly price: number;
	readonly bytes: number;
}

/** What comes after the last of the stages, from its first input to its last output; and one micro-batch there and back. */
interface Rest {
	readonly seconds: number;
	readonly trip: number;
}

/** What units take on devices that are left. */
interface Work {
	/** Seconds of all of a batch, each unit where it takes least. */
	readonly least: number;
	/** Sum over the units of the least part that any device's time for one is of its time for all. */
	readonly shared: number;
	/** The fastest first: how often a second one device does all of it. */
	readonly byRate: readonly {readonly rate: number; readonly count: number}[];
}

/** Devices that are left: the same to many bounds. */
interface Left {
	/** Times that several of them may have in common, each once (`#learn`), and how many have them. */
	readonly sums: readonly Float64Array[];
	readonly counts: readonly number[];
	/** Bytes/s of as many as may share a stage, those with the fastest links. */
	readonly up: number;
	readonly down: number;
	/** Above idle, of the units from each one on. */
	readonly joules: Float64Array;
}

const nothing: Rest = {seconds: 0, trip: 0};

export class Bounds {
	readonly #problem: Problem;
	readonly #mode: Mode;
	readonly #steps: number;
	readonly #flow: Flow;
	readonly #known = new Map<number, ItemBytes>();
	readonly #elements: Float64Array;
	readonly #lefts = new WeakMap<readonly number[], Left>();
	/** By device: seconds at least of all passes of unit u over a whole batch, summed up to u. */
	readonly #learn: ReadonlyMap<number, Float64Array>;
	/** See `forwardPartOf`. */
	readonly #forwardPart: number;

	constructor(problem: Problem, mode: Mode, devices: readonly number[]) {
		const {costs, training, fleet, space} = problem;
		this.#problem = problem;
		this.#mode = mode;
		const {microBatches, schedule} = mode;
		const {chunkBytes} = fleet.messaging;
		const {mostStages} = space;
		this.#flow = {micros: Math.min(microBatches, training.batch), schedule, chunkBytes, mostStages};
		this.#steps = training.epochs * Math.max(1, Math.ceil(training.samples / training.batch));
		this.#elements = prefixSums(costs.units.map(({parameters, buffers}) => parameters + buffers));
		const known = new Map<CostDevice['times'], Float64Array>();
		const {micros} = this.#flow;
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
		this.#forwardPart = forwardPartOf(costs, [...known.keys()], Math.ceil(training.batch / micros));
	}

	#vectorElements = (first: number, last: number): number => this.#elements[last + 1]! - this.#elements[first]!;

	/** At least so much for the whole run. */
	amounts({stages, last, left}: Prefix): Amounts {
		const {fleet, costs} = this.#problem;
		const done = last === costs.units.length - 1;
		const {seconds} = this.#chain(stages, done ? nothing : this.#rest(stages, last, left));
		let [joules, idleWatts, price, bytes] = [0, 0, 0, 0];
		for (const own of stages) {
			joules += own.joules;
			idleWatts += own.idleWatts;
			price += own.price;
			bytes += own.bytes;
		}
		joules += seconds * idleWatts;
		if (!done && left.length > 0) {
			const rest = left.map(index => fleet.devices[index]!);
			joules += this.#left(left).joules[last + 1]! + seconds * Math.min(...rest.map(({profile}) => profile.idleWatts));
			price += Math.min(...rest.map(({pricePerSecond}) => pricePerSecond));
		}
		return {
			time: this.#steps * seconds,
			bytes: this.#steps * bytes,
			energy: this.#steps * joules,
			money: this.#steps * seconds * price,
		};
	}

	/** So many of the first stages alone take as long as these stages do. */
	held(stages: readonly BoundStage[]): number {
		return this.#chain(stages, nothing).held;
	}

	/** Of a step that goes through these stages, when what is left of it takes at least so long. */
	#chain(stages: readonly BoundStage[], rest: Rest): {readonly seconds: number; readonly held: number} {
		const {costs, fleet} = this.#problem;
		const {secondsPerStep, secondsPerElement} = fleet.broker;
		let exchanged = 0;
		for (const {vectorBytes} of stages) {
			exchanged += vectorBytes / floatBytes;
		}
		const more = secondsPerStep + exchanged * secondsPerElement;
		if (costs.maxCrossing > 1) {
			// A stage may not depend on the one before it.
			const longest = Math.max(rest.seconds, ...stages.map(stage => chainOf([stage], this.#flow).seconds));
			return {seconds: longest + more, held: stages.length};
		}
		const {seconds, leaving, closing, held} = chainOf(stages, this.#flow, rest.trip);
		const all = rest.seconds > 0 ? Math.max(seconds, leaving + rest.seconds + closing) : seconds;
		return {seconds: all + more, held};
	}

	/**
	 * What comes after the last of the stages. Besides the way of one micro-batch through all of it, each of its stages has M − 1
	 * backward and M − A forward passes to do, with A of these before its first backward pass (`warmUp`).
	 */
	#rest(stages: readonly BoundStage[], last: number, left: readonly number[]): Rest {
		const inflow = this.#inflow(stages, left);
		if (left.length === 0) {
			return {seconds: Number.POSITIVE_INFINITY, trip: 0};
		}
		const work = this.#work(last + 1, left);
		const all = this.#fluid(work, stages.length, () => 1);
		if (this.#problem.costs.maxCrossing > 1) {
			return {seconds: Math.max(all, inflow), trip: 0};
		}
		const {micros, schedule, mostStages} = this.#flow;
		const part = (stage: number) => {
			const ahead = Math.max(1, warmUp(schedule, stage, mostStages, micros));
			return (micros - 1 - (ahead - 1) * this.#forwardPart) / micros;
		};
		const {training, space} = this.#problem;
		// What takes time however many items there are is taken to be shared too.
		const fewest = space.mostReplicas === 1 ? Math.floor(training.batch / micros) : 1;
		const trip = (work.least * fewest) / training.batch;
		return {seconds: Math.max(all, trip + this.#fluid(work, stages.length, part), inflow), trip};
	}

	/** Of the units from `first` on, by devices of the same times. */
	#work(first: number, devices: readonly number[]): Work {
		const {length} = this.#problem.costs.units;
		const {sums, counts} = this.#left(devices);
		const rates = sums.map(own => 1 / Math.max(1e-15, own[length]! - own[first]!));
		let [least, shared] = [0, 0];
		for (let unit = first; unit < length; unit++) {
			let [seconds, part] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
			for (let index = 0; index < sums.length; index++) {
				const own = sums[index]![unit + 1]! - sums[index]![unit]!;
				seconds = Math.min(seconds, own);
				part = Math.min(part, own * rates[index]!);
			}
			least += seconds;
			shared += part;
		}
		const byRate = rates.map((rate, index) => ({rate, count: counts[index]!})).sort((a, b) => b.rate - a.rate);
		return {least, shared, byRate};
	}

	/**
	 * Seconds of this work if the fastest of the devices, as many as the stages that are left may have, shared it perfectly; a
	 * bound by weak duality.
	 * @param part of its passes that counts in a stage; no larger in earlier stages than in later ones.
	 */
	#fluid({shared, byRate}: Work, stages: number, part: (stage: number) => number): number {
		const {mostStages, mostReplicas} = this.#problem.space;
		let [all, stage, room] = [0, stages, mostReplicas];
		for (const {rate, count: own} of byRate) {
			for (let count = own; count > 0 && stage < mostStages; ) {
				const taken = Math.min(room, count);
				all += (taken * rate) / part(stage);
				count -= taken;
				room -= taken;
				[stage, room] = room === 0 ? [stage + 1, mostReplicas] : [stage, room];
			}
		}
		return all === 0 ? Number.POSITIVE_INFINITY : shared / all;
	}

	/** @param index of the stage in its plan. */
	stage(index: number, range: Omit<StageRange, 'branched'>): BoundStage {
		const {costs, data} = this.#problem;
		const {first, last, devices} = range;
		const aligned = data.kind === 'aligned';
		const stage = stageBound(this.#problem, this.#mode, this.#vectorElements, {
			...range,
			branched: aligned && index === 0,
		});
		const {replicas, vectorBytes} = stage;
		const none = {forward: 0, backward: 0};
		const made = stage.isLast ? none : this.#made(range);
		const read = first > 0 ? this.#between(0, first - 1, first, last) : none;
		// With several tensors over a cut, who knows whose they are.
		const copies = aligned && index === 1 && costs.maxCrossing === 1 ? data.devices.length : 1;
		let [joules, idleWatts, price, sent] = [0, 0, 0, 0];
		for (let replica = 0; replica < devices.length; replica++) {
			const {profile, utilisation, pricePerSecond} = devices[replica]!;
			const {items, compute} = replicas[replica]!;
			const up = items * (made.forward + copies * read.backward) + vectorBytes;
			const down = items * (copies * read.forward + made.backward) + vectorBytes;
			joules += up * profile.link.joulesPerByteUp + down * profile.link.joulesPerByteDown;
			joules += (profile.busyWatts - profile.idleWatts) * utilisation * compute;
			idleWatts += profile.idleWatts;
			price += pricePerSecond;
			// What the stages send each other and what their replicas exchange.
			sent += items * (made.forward + made.backward) + 2 * vectorBytes;
		}
		// Written out: spreading takes longer than all of the above.
		return {
			range: stage.range,
			isLast: stage.isLast,
			replicas,
			vectorBytes,
			made,
			read,
			copies,
			joules,
			idleWatts,
			price,
			bytes: sent,
		};
	}

	/** Bytes of an item that a stage makes for any later one, each at least once. */
	#made({first, last}: Pick<StageRange, 'first' | 'last'>): ItemBytes {
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
	#inflow(stages: readonly BoundStage[], left: readonly number[]): number {
		const stage = stages.at(-1);
		if (!stage || left.length === 0) {
			return 0;
		}
		// With several tensors over a cut some of them may go elsewhere.
		const {forward, backward} =
			this.#problem.costs.maxCrossing > 1 ? {forward: 0, backward: 0} : this.#made(stage.range);
		const items = sumOf(stage.replicas.map(one => one.items));
		const {up, down} = this.#left(left);
		return Math.max((items * forward) / down, (items * backward) / up);
	}

	/** What many bounds ask of devices that are left. */
	#left(devices: readonly number[]): Left {
		let known = this.#lefts.get(devices);
		if (!known) {
			const {fleet, space} = this.#problem;
			const counts = new Map<Float64Array, number>();
			for (const device of devices) {
				const sums = this.#learn.get(device)!;
				counts.set(sums, (counts.get(sums) ?? 0) + 1);
			}
			const fastest = (of: (link: LinkProfile) => number) =>
				sumOf(
					devices
						.map(index => of(fleet.devices[index]!.profile.link))
						.sort((a, b) => b - a)
						.slice(0, space.mostReplicas),
				);
			known = {
				sums: [...counts.keys()],
				counts: [...counts.values()],
				up: fastest(({upBytesPerSecond}) => upBytesPerSecond),
				down: fastest(({downBytesPerSecond}) => downBytesPerSecond),
				joules: this.#cheapestSums(devices),
			};
			this.#lefts.set(devices, known);
		}
		return known;
	}

	/** Joules above idle of the units from each one on, each computed where that takes least. */
	#cheapestSums(devices: readonly number[]): Float64Array {
		const {costs, fleet} = this.#problem;
		const watts = new Map<Float64Array, number>();
		for (const index of devices) {
			const {profile, utilisation} = fleet.devices[index]!;
			const sums = this.#learn.get(index)!;
			const own = (profile.busyWatts - profile.idleWatts) * utilisation;
			watts.set(sums, Math.min(watts.get(sums) ?? Number.POSITIVE_INFINITY, own));
		}
		const joules = new Float64Array(costs.units.length + 1);
		for (let unit = costs.units.length - 1; unit >= 0; unit--) {
			let least = Number.POSITIVE_INFINITY;
			for (const [sums, own] of watts) {
				least = Math.min(least, own * (sums[unit + 1]! - sums[unit]!));
			}
			joules[unit] = joules[unit + 1]! + least;
		}
		return joules;
	}
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
