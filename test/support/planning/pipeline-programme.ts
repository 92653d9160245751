/**
 * Pipelines of single devices of two types by dynamic programming over (layers done, devices of each type used), for every
 * threshold of the slowest stage: the least way of one micro-batch with no stage slower than that. By T = way + (M − 1) · slowest
 * these are the only plans that can be best. It shares nothing with the planner but the device's times.
 */
import type {CostDevice} from '../../../core/cost/fleet.js';
import type {Candidate} from '../../../planners/fpl/candidate.js';
import type {Problem} from '../../../planners/problem.js';

interface Type {
	/** Indices in the fleet. */
	readonly devices: readonly number[];
	/** Seconds of a micro-batch, forward and backward, of the layers up to each. */
	readonly sums: readonly number[];
	readonly bytesPerSecond: number;
}

/** A way to a state, as its last step. */
interface Step {
	readonly way: number;
	readonly from: number;
	readonly layers: number;
	readonly type: number;
}

function typesOf({fleet, costs, training, space}: Problem): readonly Type[] {
	const byTimes = new Map<CostDevice['times'], number[]>();
	for (const [index, {times}] of fleet.devices.entries()) {
		byTimes.set(times, [...(byTimes.get(times) ?? []), index]);
	}
	const items = training.batch / space.microBatches[0]!;
	return [...byTimes].map(([times, devices]) => ({
		devices,
		sums: [0, ...costs.units.map((_, unit) => times.pass('learn', 0, unit, items))],
		bytesPerSecond: fleet.devices[devices[0]!]!.profile.link.upBytesPerSecond,
	}));
}

export class PipelineProgramme {
	readonly #types: readonly [Type, Type];
	readonly #layers: number;
	/** Bytes of a micro-batch over the border after each layer. */
	readonly #bytes: readonly number[];
	readonly #problem: Problem;

	/** @throws Error where there are not two types of devices. */
	constructor(problem: Problem) {
		const types = typesOf(problem);
		if (types.length !== 2) {
			throw new Error(`expected two types of devices, got ${types.length}`);
		}
		this.#types = types as unknown as readonly [Type, Type];
		this.#problem = problem;
		this.#layers = problem.costs.units.length;
		const items = problem.training.batch / problem.space.microBatches[0]!;
		this.#bytes = problem.costs.values.map(({shape, bytesPerElement}) => items * shape[0]! * bytesPerElement);
	}

	#seconds(type: number, first: number, end: number): number {
		const {sums} = this.#types[type]!;
		return sums[end]! - sums[first]!;
	}

	/** All times that a stage can take, ascending. */
	#stageTimes(): readonly number[] {
		const times = new Set<number>();
		for (let first = 0; first < this.#layers; first++) {
			for (let end = first + 1; end <= this.#layers; end++) {
				times.add(this.#seconds(0, first, end)).add(this.#seconds(1, first, end));
			}
		}
		return [...times].sort((a, b) => a - b);
	}

	/** @param allows whether a stage of so many seconds may come after such a way. */
	#least(allows: (way: number, seconds: number) => boolean): readonly (Step | undefined)[] {
		const [{devices: left}, {devices: right}] = this.#types;
		const wide = right.length + 1;
		const states = (left.length + 1) * wide;
		const table: (Step | undefined)[] = new Array((this.#layers + 1) * states).fill(undefined);
		table[0] = {way: 0, from: -1, layers: 0, type: -1};
		for (let done = 0; done < this.#layers; done++) {
			for (let state = 0; state < states; state++) {
				const here = table[done * states + state];
				const used = [Math.floor(state / wide), state % wide];
				if (here === undefined) {
					continue;
				}
				for (const [type, {devices, bytesPerSecond}] of this.#types.entries()) {
					if (used[type] === devices.length) {
						continue;
					}
					const next = state + (type === 0 ? wide : 1);
					const hop = done === 0 ? 0 : (2 * this.#bytes[done - 1]!) / bytesPerSecond;
					for (let end = done + 1; end <= this.#layers; end++) {
						const seconds = this.#seconds(type, done, end);
						if (!allows(here.way + hop, seconds)) {
							break;
						}
						const way = here.way + hop + seconds;
						const known = table[end * states + next];
						if (known === undefined || way < known.way) {
							table[end * states + next] = {way, from: done * states + state, layers: end, type};
						}
					}
				}
			}
		}
		return table;
	}

	/** Of the states with all layers done the one with the least way. */
	#finished(table: readonly (Step | undefined)[]): Step | undefined {
		const states = table.length / (this.#layers + 1);
		return table
			.slice(this.#layers * states)
			.reduce((least, step) => (step && (!least || step.way < least.way) ? step : least), undefined);
	}

	#candidate(table: readonly (Step | undefined)[], last: Step): Candidate {
		const steps: Step[] = [];
		for (let step: Step | undefined = last; step && step.from >= 0; step = table[step.from]) {
			steps.unshift(step);
		}
		const pools = this.#types.map(({devices}) => [...devices]);
		const {space} = this.#problem;
		return {
			stages: steps.map(({layers, type}) => ({last: layers - 1, devices: [pools[type]!.shift()!]})),
			mode: {microBatches: space.microBatches[0]!, schedule: '1f1b', codec: space.codecs[0]!, localEpochs: 0},
		};
	}

	/** The least way by threshold, as long as a slower stage can still make up for it: plans of which one is best. */
	plans(): readonly {readonly seconds: number; readonly candidate: Candidate}[] {
		const further = this.#problem.space.microBatches[0]! - 1;
		const shortest = this.#finished(this.#least(() => true))!.way;
		const found: {seconds: number; candidate: Candidate}[] = [];
		let best = Number.POSITIVE_INFINITY;
		for (const slowest of this.#stageTimes()) {
			if (shortest + further * slowest > best * 1.02) {
				break;
			}
			const table = this.#least((_, seconds) => seconds <= slowest);
			const last = this.#finished(table);
			if (last) {
				const seconds = last.way + further * slowest;
				best = Math.min(best, seconds);
				found.push({seconds, candidate: this.#candidate(table, last)});
			}
		}
		return found.filter(({seconds}) => seconds <= best * 1.02);
	}

	/**
	 * Seconds that no pipeline stays below: the first micro-batch's way to a stage, all passes there, and the last one's way back
	 * (for every stage), at the least over all pipelines; by bisection.
	 */
	bound(): number {
		const count = this.#problem.space.microBatches[0]!;
		let [low, high] = [0, count * Math.max(...this.#types.map(({sums}) => sums.at(-1)!))];
		for (let step = 0; step < 50; step++) {
			const middle = (low + high) / 2;
			const possible = this.#finished(this.#least((way, seconds) => way + count * seconds <= middle)) !== undefined;
			[low, high] = possible ? [low, middle] : [middle, high];
		}
		return low;
	}
}
