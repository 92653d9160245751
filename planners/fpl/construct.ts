/**
 * Good plans for large fleets, by dynamic programming over cuts and kinds of devices. Kinds are taken in a given order, each
 * stage has devices of one kind; a stage costs what it adds to the way of one micro-batch, and what its slowest resource takes
 * beyond a threshold for each further one. With the bottleneck of the best plan as threshold, that sum is its time
 * (fill + (M − 1) · bottleneck); thresholds are tried over a range.
 */
import type {CostDevice} from '../../core/cost/fleet.js';
import {floatBytes} from '../../core/cost/model-costs.js';
import {prefixSums} from '../../core/cost/pass-times.js';
import type {Problem} from '../problem.js';
import type {Candidate, CandidateStage, Mode} from './candidate.js';
import type {Rules} from './rules.js';
import {bytesBetween} from './stage-bound.js';

/** What a second, a joule, a dollar and a byte of one step are worth, in units of the objective. */
export interface Prices {
	readonly second: number;
	readonly joule: number;
	readonly dollar: number;
	readonly byte: number;
	/** Guess of the seconds of a step, for what devices cost by the hour or draw when they wait. */
	readonly stepSeconds: number;
}

export interface ConstructOptions {
	readonly mode: Mode;
	readonly prices: Prices;
	/** Seconds that a resource may be busy per micro-batch free of charge. */
	readonly threshold: number;
	/** Kinds of devices in the order in which stages may take them. */
	readonly order: readonly number[];
	/** The first stage, where it is given; only its last unit is open. */
	readonly sources: readonly number[] | undefined;
	/** Cuts to be looked at, ascending. */
	readonly cuts: readonly number[];
}

/** Numbers of replicas that are tried: the fewest, twice, four times as many … and as many as there may be. */
function countsUpTo(least: number, most: number): readonly number[] {
	const found: number[] = [];
	for (let count = least; count < most; count *= 2) {
		found.push(count);
	}
	return most >= least ? [...found, most] : [];
}

/** Devices of one kind that a plan may use, for the size of the tables. */
const mostUsed = 32;

export class Constructor {
	readonly #problem: Problem;
	readonly #rules: Rules;
	readonly #vectors: Float64Array;
	/** Free devices by kind. */
	readonly #pools = new Map<number, number[]>();
	readonly #crossing = new Map<Mode['codec'], Float64Array>();
	readonly #measured = new Map<Mode, Map<number, StageCosts>>();

	constructor(problem: Problem, rules: Rules) {
		this.#problem = problem;
		this.#rules = rules;
		for (const device of rules.free) {
			const kind = rules.kinds[device]!;
			this.#pools.set(kind, [...(this.#pools.get(kind) ?? []), device]);
		}
		this.#vectors = prefixSums(problem.costs.units.map(({parameters, buffers}) => (parameters + buffers) * floatBytes));
	}

	/** The cheapest plan by these prices; undefined where there is none. */
	build(options: ConstructOptions): Candidate | undefined {
		const {order, sources, cuts, mode} = options;
		const {costs, space, constraints, training} = this.#problem;
		const end = costs.units.length - 1;
		const pools = order.map(kind => this.#pools.get(kind)!);
		const batch = Math.floor(training.batch / mode.microBatches);
		const least = Math.max(1, constraints.minimumReplicas);
		const counts = pools.map(pool => countsUpTo(least, Math.min(pool.length, space.mostReplicas, batch, mostUsed)));
		// Places where a stage may end: before everything, after each cut, after the last unit.
		const ends = [-1, ...cuts, end];
		const kinds = pools.length;
		const width = kinds * (mostUsed + 1);
		/** By end, kind and devices of it that are used: the least cost, and how it is reached. */
		const cost = new Float64Array(ends.length * width).fill(Number.POSITIVE_INFINITY);
		const from = new Int32Array(ends.length * width).fill(-1);
		const taken = new Uint8Array(ends.length * width);
		const depth = new Uint8Array(ends.length * width);
		const opening = (last: number) => last < end && this.#rules.firstCuts.has(last);
		if (sources) {
			for (const [place, last] of ends.entries()) {
				if (opening(last)) {
					cost[place * width] = this.#cost(options, this.#measure(mode, sources, 0, last));
					depth[place * width] = 1;
				}
			}
		} else {
			cost[0] = 0;
		}
		const places = ends.length;
		// Where the sources have the last stage, others may not end there, and leave one stage to them.
		const closing = this.#rules.closes ? sources : undefined;
		const [lastPlace, mostStages] = closing ? [places - 2, space.mostStages - 1] : [places - 1, space.mostStages];
		const mostCounts = Math.max(...counts.map(list => list.length));
		/** By kind, number of replicas, begin and end; NaN: not known yet. */
		const prices = new Float64Array(kinds * mostCounts * places * places).fill(Number.NaN);
		const priceOf = (kind: number, at: number, place: number, next: number): number => {
			const index = ((kind * mostCounts + at) * places + place) * places + next;
			if (Number.isNaN(prices[index]!)) {
				prices[index] = this.#price(options, pools[kind]!, counts[kind]![at]!, ends[place]! + 1, ends[next]!);
			}
			return prices[index]!;
		};
		for (let place = 0; place < places - 1; place++) {
			for (let state = place * width; state < (place + 1) * width; state++) {
				const so = cost[state]!;
				const stages = depth[state]!;
				if (so === Number.POSITIVE_INFINITY || stages >= mostStages) {
					continue;
				}
				const at = state - place * width;
				const before = Math.floor(at / (mostUsed + 1));
				for (let kind = before; kind < kinds; kind++) {
					const used = kind === before ? at % (mostUsed + 1) : 0;
					const room = Math.min(pools[kind]!.length, mostUsed) - used;
					const own = counts[kind]!;
					for (let index = 0; index < own.length && own[index]! <= room; index++) {
						const offset = kind * (mostUsed + 1) + used + own[index]!;
						for (let next = place + 1; next <= lastPlace; next++) {
							if (stages === 0 && !opening(ends[next]!)) {
								continue;
							}
							const sum = so + priceOf(kind, index, place, next);
							const target = next * width + offset;
							if (sum < cost[target]!) {
								cost[target] = sum;
								from[target] = state;
								taken[target] = own[index]!;
								depth[target] = stages + 1;
							}
						}
					}
				}
			}
		}
		let [best, lowest] = [-1, Number.POSITIVE_INFINITY];
		for (let place = closing ? 1 : places - 1; place <= lastPlace; place++) {
			const rest = closing ? this.#cost(options, this.#measure(mode, closing, ends[place]! + 1, end)) : 0;
			for (let state = place * width; state < (place + 1) * width; state++) {
				if (depth[state]! > 1 && cost[state]! + rest < lowest) {
					[best, lowest] = [state, cost[state]! + rest];
				}
			}
		}
		if (best < 0) {
			return undefined;
		}
		const stages: CandidateStage[] = closing ? [{last: end, devices: closing}] : [];
		for (let state = best; state >= 0 && depth[state]! > 0; state = from[state]!) {
			const place = Math.floor(state / width);
			const at = state - place * width;
			const used = at % (mostUsed + 1);
			const pool = pools[Math.floor(at / (mostUsed + 1))]!;
			const devices = from[state]! < 0 ? sources! : pool.slice(used - taken[state]!, used);
			stages.unshift({last: ends[place]!, devices});
		}
		return {stages, mode};
	}

	/** Bytes of an item over the border after each unit, either way. */
	#borders(mode: Mode): Float64Array {
		const known = this.#crossing.get(mode.codec);
		if (known) {
			return known;
		}
		const end = this.#problem.costs.units.length - 1;
		const bytes = Float64Array.from({length: end + 1}, (_, cut) =>
			cut < end ? bytesBetween(this.#problem, mode, [0, cut], [cut + 1, end]).forward : 0,
		);
		this.#crossing.set(mode.codec, bytes);
		return bytes;
	}

	/** What a stage takes. Replicas are taken for as fast as the slowest of them. */
	#measure(mode: Mode, devices: readonly number[], first: number, last: number): StageCosts {
		const {fleet, training, data} = this.#problem;
		const own = devices.map(device => fleet.devices[device]!);
		const branched = data.kind === 'aligned' && first === 0;
		const micro = training.batch / mode.microBatches;
		const items = branched ? micro : micro / devices.length;
		const slowest = slowestOf(own, device => device.times.pass('learn', first, last, items));
		const {link} = own[slowest.index]!.profile;
		const borders = this.#borders(mode);
		const bytes = items * ((first > 0 ? borders[first - 1]! : 0) + borders[last]!);
		const up = bytes / link.upBytesPerSecond;
		const down = bytes / link.downBytesPerSecond;
		const vector = devices.length > 1 && !branched ? this.#vectors[last + 1]! - this.#vectors[first]! : 0;
		const shared = vector / link.upBytesPerSecond + vector / link.downBytesPerSecond;
		const sent = mode.microBatches * devices.length * bytes + 2 * devices.length * vector;
		const computing = mode.microBatches * slowest.seconds;
		let [idleWatts, joules, dollarsPerSecond] = [0, 0, 0];
		for (const {profile, utilisation, pricePerSecond} of own) {
			idleWatts += profile.idleWatts;
			dollarsPerSecond += pricePerSecond;
			joules += (profile.busyWatts - profile.idleWatts) * utilisation * computing;
			joules += (profile.link.joulesPerByteUp + profile.link.joulesPerByteDown) * (sent / devices.length);
		}
		return {
			fill: slowest.seconds + up + down + 4 * link.latencySeconds + own[0]!.times.update(first, last) + shared,
			busiest: Math.max(slowest.seconds, up, down),
			sent,
			joules,
			idleWatts,
			dollarsPerSecond,
		};
	}

	/** Of a stage of so many devices of a kind; infinite where they may not compute these units. */
	#price(options: ConstructOptions, pool: readonly number[], count: number, first: number, last: number): number {
		// A kind with pinned units is one device.
		const devices = pool.slice(0, count);
		if (!this.#rules.permits(devices, first, last)) {
			return Number.POSITIVE_INFINITY;
		}
		const known = this.#stages(options.mode);
		const length = this.#problem.costs.units.length + 1;
		const kind = this.#rules.kinds[pool[0]!]!;
		const entry = ((kind * (mostUsed + 1) + count) * length + first) * length + last;
		let stage = known.get(entry);
		if (!stage) {
			stage = this.#measure(options.mode, devices, first, last);
			known.set(entry, stage);
		}
		return this.#cost(options, stage);
	}

	/** In units of the objective. */
	#cost(
		{mode, prices, threshold}: ConstructOptions,
		{fill, busiest, sent, joules, idleWatts, dollarsPerSecond}: StageCosts,
	): number {
		const excess = Math.max(0, busiest - threshold);
		return (
			prices.second * (fill + (mode.microBatches - 1) * excess) +
			prices.byte * sent +
			prices.joule * (joules + idleWatts * prices.stepSeconds) +
			prices.dollar * dollarsPerSecond * prices.stepSeconds
		);
	}

	/** Stages in a mode, by kind, number of replicas, begin and end: the same wherever they come, and at any price. */
	#stages(mode: Mode): Map<number, StageCosts> {
		const known = this.#measured.get(mode) ?? new Map<number, StageCosts>();
		this.#measured.set(mode, known);
		return known;
	}
}

/** Of one step, where not said otherwise. */
interface StageCosts {
	/** Seconds that the stage adds to the way of one micro-batch, update and exchange of vectors included. */
	readonly fill: number;
	/** Seconds per micro-batch that its slowest replica, or that one's link, is busy. */
	readonly busiest: number;
	readonly sent: number;
	/** Above idle. */
	readonly joules: number;
	readonly idleWatts: number;
	readonly dollarsPerSecond: number;
}

function slowestOf(devices: readonly CostDevice[], seconds: (device: CostDevice) => number) {
	const known = new Map<CostDevice['times'], number>();
	let most = {index: 0, seconds: 0};
	for (const [index, device] of devices.entries()) {
		const own = known.get(device.times) ?? seconds(device);
		known.set(device.times, own);
		if (own > most.seconds) {
			most = {index, seconds: own};
		}
	}
	return most;
}
