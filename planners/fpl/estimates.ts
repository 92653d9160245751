/** What candidates cost at least, by the bounds of their stages: far cheaper than to evaluate them. */
import {objectiveValue} from '../objective.js';
import type {Problem} from '../problem.js';
import {type BoundStage, Bounds} from './bounds.js';
import {type Candidate, isUShaped, type Mode, replicasAt} from './candidate.js';
import {type Ends, endsOf, folded} from './ends.js';
import type {Rules} from './rules.js';

/** A mode with what is known of stages in it. */
interface Known {
	readonly bounds: Bounds;
	/** By set of devices and units. */
	readonly stages: Map<number, BoundStage>;
}

export class Estimates {
	readonly #problem: Problem;
	readonly #rules: Rules;
	/** Where labels stay with the sources. */
	readonly #ends: Ends | undefined;
	readonly #modes = new Map<Mode, Known>();
	/** Numbers of sets of devices that are alike: candidates share the lists of stages that they have in common. */
	readonly #setOfList = new WeakMap<readonly number[], number>();
	readonly #setOfKinds = new Map<string, number>();

	#made = 0;

	/** Bounds that were asked for. */
	get made(): number {
		return this.#made;
	}

	constructor(problem: Problem, rules: Rules) {
		this.#problem = problem;
		this.#rules = rules;
		this.#ends = rules.closes ? endsOf(problem, rules.sources!) : undefined;
	}

	/** The objective's value is no smaller; 0 for plans with one stage, of which there are few. */
	bound(candidate: Candidate): number {
		if (candidate.stages.length === 1) {
			return 0;
		}
		this.#made++;
		const {costs, objective} = this.#problem;
		const {bounds} = this.#known(candidate.mode);
		const last = costs.units.length - 1;
		return objectiveValue(objective, bounds.amounts({stages: this.#stages(candidate), last, left: []}));
	}

	/** Of so many stages the bound on the time follows: candidates that begin with the same ones take no less. */
	held(candidate: Candidate): number {
		return this.#ends ? candidate.stages.length : this.#known(candidate.mode).bounds.held(this.#stages(candidate));
	}

	#stages({stages, mode}: Candidate): readonly BoundStage[] {
		const {length} = this.#problem.costs.units;
		const {bounds, stages: known} = this.#known(mode);
		const ends = isUShaped(stages) ? this.#ends : undefined;
		const parts: BoundStage[] = [];
		let first = 0;
		for (let index = 0; index < stages.length; index++) {
			const {last, devices} = stages[index]!;
			const closing = index === stages.length - 1 ? ends : undefined;
			const key = (this.#setOf(devices, closing ? 3 : Math.min(index, 2)) * length + first) * length + last;
			let part = known.get(key);
			if (!part) {
				const {devices: own, shares} = replicasAt(this.#problem, stages, index);
				part = bounds.stage(index, {first, last, devices: closing?.again(own) ?? own, shares});
				known.set(key, part);
			}
			parts.push(part);
			first = last + 1;
		}
		return ends ? folded(parts) : parts;
	}

	/** @param place first, second or later stage, or the last of a U: shares follow from what devices own, and branches are merged. */
	#setOf(devices: readonly number[], place: number): number {
		const known = this.#setOfList.get(devices);
		if (known !== undefined) {
			return 4 * known + place;
		}
		const kinds = devices.map(device => this.#rules.kinds[device]).join();
		const set = this.#setOfKinds.get(kinds) ?? this.#setOfKinds.size;
		this.#setOfKinds.set(kinds, set);
		this.#setOfList.set(devices, set);
		return 4 * set + place;
	}

	#known(mode: Mode): Known {
		let known = this.#modes.get(mode);
		if (!known) {
			known = {bounds: new Bounds(this.#ends?.problem ?? this.#problem, mode, []), stages: new Map()};
			this.#modes.set(mode, known);
		}
		return known;
	}
}
