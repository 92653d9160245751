/** What candidates cost at least, by the bounds of their stages: far cheaper than to evaluate them. */
import {objectiveValue} from '../objective.js';
import type {Problem} from '../problem.js';
import {type BoundStage, Bounds} from './bounds.js';
import {type Candidate, type Mode, replicasOf} from './candidate.js';
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
		return this.#known(candidate.mode).bounds.held(this.#stages(candidate));
	}

	#stages({stages, mode}: Candidate): readonly BoundStage[] {
		const {length} = this.#problem.costs.units;
		const {bounds, stages: known} = this.#known(mode);
		const parts: BoundStage[] = [];
		let first = 0;
		for (let index = 0; index < stages.length; index++) {
			const {last, devices} = stages[index]!;
			const key = (this.#setOf(devices, Math.min(index, 2)) * length + first) * length + last;
			let part = known.get(key);
			if (!part) {
				part = bounds.stage(index, {first, last, ...replicasOf(this.#problem, devices, index, first, last)});
				known.set(key, part);
			}
			parts.push(part);
			first = last + 1;
		}
		return parts;
	}

	/** @param place first, second or later stage: shares follow from what devices own, and branches are merged. */
	#setOf(devices: readonly number[], place: number): number {
		const known = this.#setOfList.get(devices);
		if (known !== undefined) {
			return 3 * known + place;
		}
		const kinds = devices.map(device => this.#rules.kinds[device]).join();
		const set = this.#setOfKinds.get(kinds) ?? this.#setOfKinds.size;
		this.#setOfKinds.set(kinds, set);
		this.#setOfList.set(devices, set);
		return 3 * set + place;
	}

	#known(mode: Mode): Known {
		let known = this.#modes.get(mode);
		if (!known) {
			known = {bounds: new Bounds(this.#problem, mode, []), stages: new Map()};
			this.#modes.set(mode, known);
		}
		return known;
	}
}
