/**
 * All pipelines of so many stages of single devices of a few types, and a bound on each. With f, b a stage's forward and backward
 * pass of a micro-batch (one pass, b, at the last stage), W the way of one micro-batch through all stages and back, M the
 * micro-batches, A the forward passes that a stage does before its first backward pass (`warmUp`):
 *
 *   T ≥ W + max over stages( (M − 1) b + (M − A) f )
 *
 * since the first gradient comes to a stage no sooner than its micro-batch has been to the end; then the stage has M backward and
 * M − A forward passes to do, and the last gradient goes on to the first stage. Of messages nothing is counted but latencies and bytes at
 * the best rate there is.
 */
import type {CostDevice} from '../../../core/cost/fleet.js';
import type {PassKind} from '../../../core/cost/model-costs.js';
import {warmUp} from '../../../core/plan/schedule.js';
import type {Problem} from '../../../planners/problem.js';

export interface Pipeline {
	/** Last unit and type of each stage. */
	readonly stages: readonly {readonly last: number; readonly type: number}[];
	/** Seconds that a step takes at least. */
	readonly bound: number;
}

/** The slowest stage's part of the bound is looked at in intervals, of which one ends at so many times where it begins. */
const factor = 1.01;

interface Pass {
	readonly forward: number;
	readonly backward: number;
}

/** Least ways of what is left, by stage, units done and devices used; none: infinite. */
type Table = readonly (readonly Float64Array[])[];

export class Pipelines {
	readonly #units: number;
	readonly #stages: number;
	readonly #micros: number;
	readonly #counts: readonly number[];
	/** Devices used of each type, as one number: one more of a type adds this. */
	readonly #strides: readonly number[];
	/** Seconds there and back over the border after each unit. */
	readonly #hops: readonly number[];
	/** What every step takes for orders, reports and deciding. */
	readonly #always: number;
	/** By type, first and last unit. */
	readonly #passes: readonly (readonly (readonly Pass[])[])[];
	/** What devices may be used when so many stages are done. */
	readonly #states: readonly (readonly number[])[];
	readonly #fastest: number;

	/** @param types devices of each, by their indices in the fleet. */
	constructor({costs, fleet, training, space}: Problem, types: readonly (readonly number[])[], stages: number) {
		const {units, values} = costs;
		const links = fleet.devices.map(({profile}) => profile.link);
		const way = Math.min(...links.map(({latencySeconds}) => latencySeconds)) + fleet.messaging.secondsPerMessage;
		const rate = Math.max(...links.flatMap(({upBytesPerSecond: up, downBytesPerSecond: down}) => [up, down]));
		this.#units = units.length;
		this.#stages = stages;
		this.#micros = space.microBatches[0]!;
		const items = training.batch / this.#micros;
		this.#counts = types.map(({length}) => length);
		this.#strides = types.map((_, type) =>
			this.#counts.slice(0, type).reduce((product, count) => product * (count + 1), 1),
		);
		this.#hops = units.map((_, unit) => {
			const elements = values.filter(({madeBy}) => madeBy === unit).map(({shape}) => shape[0]!);
			return 2 * (2 * way + (4 * items * elements.reduce((sum, count) => sum + count, 0)) / rate);
		});
		this.#always = 2 * way + fleet.broker.secondsPerStep;
		this.#passes = types.map(([device]) => {
			const {times} = fleet.devices[device!]!;
			const seconds = (kind: PassKind, first: number, last: number) => times.pass(kind, first, last, items);
			return units.map((_, first) =>
				units.map((_, last): Pass => {
					if (last < first) {
						return {forward: Number.NaN, backward: Number.NaN};
					}
					return last === units.length - 1
						? {forward: 0, backward: seconds('learn', first, last)}
						: {forward: seconds('forward', first, last), backward: seconds('backward', first, last)};
				}),
			);
		});
		const states = Array.from({length: this.#capacity}, (_, state) => state);
		this.#states = Array.from({length: stages}, (_, done) => states.filter(state => this.#usedAll(state) === done));
		this.#fastest = this.#leastSlowest();
	}

	get #capacity(): number {
		return this.#counts.reduce((product, count) => product * (count + 1), 1);
	}

	#used(state: number, type: number): number {
		return Math.floor(state / this.#strides[type]!) % (this.#counts[type]! + 1);
	}

	#usedAll(state: number): number {
		return this.#counts.reduce((total, _, type) => total + this.#used(state, type), 0);
	}

	/** How many there are. */
	count(): number {
		const sequences = (left: readonly number[], stages: number): number =>
			stages === 0
				? 1
				: left.reduce(
						(sum, count, type) => sum + (count > 0 ? sequences(left.with(type, count - 1), stages - 1) : 0),
						0,
					);
		let cuts = 1;
		for (let stage = 1; stage < this.#stages; stage++) {
			cuts *= (this.#units - stage) / stage;
		}
		return Math.round(cuts) * sequences(this.#counts, this.#stages);
	}

	/** Seconds that no step takes less than. */
	bound(): number {
		let bound = Number.POSITIVE_INFINITY;
		for (const [from, to] of this.#bands(Number.POSITIVE_INFINITY)) {
			bound = Math.min(bound, this.#always + from + this.#least(this.#ways(to)));
			if (this.#always + to >= bound) {
				break;
			}
		}
		return bound;
	}

	/** All with a bound of no more than this. */
	below(limit: number): readonly Pipeline[] {
		const found: Pipeline[] = [];
		for (const [from, to] of this.#bands(limit)) {
			const ways = this.#ways(to);
			const visit = (stages: Pipeline['stages'], state: number, way: number, slowest: number) => {
				const first = stages.length === 0 ? 0 : stages.at(-1)!.last + 1;
				if (this.#always + way + ways[stages.length]![first]![state]! + Math.max(from, slowest) > limit) {
					return;
				}
				if (stages.length === this.#stages) {
					if (slowest > from) {
						found.push({stages, bound: this.#always + way + slowest});
					}
					return;
				}
				this.#each(stages.length, first, state, to, (type, last, seconds, beyond) =>
					visit([...stages, {last, type}], state + this.#strides[type]!, way + seconds, Math.max(slowest, beyond)),
				);
			};
			visit([], 0, 0, 0);
		}
		return found;
	}

	/** Intervals that the slowest stage's part can lie in, the least first. */
	*#bands(limit: number): Generator<readonly [number, number]> {
		const most = Math.min(limit, this.#micros * Math.max(...this.#passes.map(([whole]) => sum(whole!.at(-1)!))));
		for (let from = this.#fastest; from <= most; from *= factor) {
			yield [from, from * factor];
		}
	}

	/** Seconds that the slowest stage's part is at least, and hardly more. */
	#leastSlowest(): number {
		let [low, high] = [0, this.#micros * Math.max(...this.#passes.map(([whole]) => sum(whole!.at(-1)!)))];
		while (high > low * factor) {
			const middle = low === 0 ? high / 2 : Math.sqrt(low * high);
			[low, high] = this.#least(this.#ways(middle)) < Number.POSITIVE_INFINITY ? [low, middle] : [middle, high];
		}
		return low;
	}

	#least(ways: Table): number {
		return ways[0]![0]![0]!;
	}

	/** @param most that a stage's part may be. */
	#ways(most: number): Table {
		const table = Array.from({length: this.#stages + 1}, () =>
			Array.from({length: this.#units + 1}, () => new Float64Array(this.#capacity).fill(Number.POSITIVE_INFINITY)),
		);
		table[this.#stages]![this.#units]!.fill(0);
		for (let stage = this.#stages - 1; stage >= 0; stage--) {
			for (let first = stage; first < this.#units; first++) {
				const own = table[stage]![first]!;
				for (const state of this.#states[stage]!) {
					this.#each(stage, first, state, most, (type, last, seconds) => {
						const rest = table[stage + 1]![last + 1]![state + this.#strides[type]!]!;
						own[state] = Math.min(own[state]!, seconds + rest);
					});
				}
			}
		}
		return table;
	}

	/** What a stage may be: `seconds` of the way of one micro-batch, and its part beyond that. */
	#each(
		stage: number,
		first: number,
		state: number,
		most: number,
		visit: (type: number, last: number, seconds: number, beyond: number) => void,
	): void {
		const after = this.#stages - 1 - stage;
		const micros = this.#micros;
		const ahead = warmUp('1f1b', stage, this.#stages, micros);
		const end = this.#units - 1;
		for (const [type, count] of this.#counts.entries()) {
			if (this.#used(state, type) === count) {
				continue;
			}
			const passes = this.#passes[type]![first]!;
			for (let last = after === 0 ? end : first; last <= end - after; last++) {
				const {forward, backward} = passes[last]!;
				const beyond = (micros - 1) * backward + (micros - ahead) * forward;
				if (beyond > most) {
					break;
				}
				visit(type, last, forward + backward + (after === 0 ? 0 : this.#hops[last]!), beyond);
			}
		}
	}
}

const sum = ({forward, backward}: Pass): number => forward + backward;

/** Indices of devices that have their times, their link and their memory in common. */
export function typesOf({devices}: {readonly devices: readonly CostDevice[]}): readonly (readonly number[])[] {
	const types: number[][] = [];
	for (const [index, {times, profile}] of devices.entries()) {
		const known = types.find(([first]) => devices[first!]!.times === times && devices[first!]!.profile === profile);
		if (known) {
			known.push(index);
		} else {
			types.push([index]);
		}
	}
	return types;
}
