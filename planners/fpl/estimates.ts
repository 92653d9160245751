/** What candidates cost at least, by the bounds of their stages: far cheaper than to evaluate them. */
import {objectiveValue} from '../objective.js';
import type {Problem} from '../problem.js';
import {Bounds} from './bounds.js';
import {type Candidate, type Mode, replicasOf} from './candidate.js';
import type {Rules} from './rules.js';
import {type StageBound, stageBound} from './stage-bound.js';

/** A mode with what is known of stages in it. */
interface Known {
	readonly bounds: Bounds;
	/** By units and kinds of devices. */
	readonly stages: Map<string, StageBound>;
}

export class Estimates {
	readonly #problem: Problem;
	readonly #rules: Rules;
	readonly #modes = new Map<string, Known>();

	constructor(problem: Problem, rules: Rules) {
		this.#problem = problem;
		this.#rules = rules;
	}

	/** The objective's value is no smaller; 0 for plans with one stage, of which there are few. */
	bound({stages, mode}: Candidate): number {
		if (stages.length === 1) {
			return 0;
		}
		const {bounds, stages: known} = this.#known(mode);
		const {kinds, sources} = this.#rules;
		const aligned = this.#problem.data.kind === 'aligned';
		let first = 0;
		const parts = stages.map(({last, devices}, index) => {
			const own = sources && index === 0 ? 'sources' : devices.map(device => kinds[device]).join();
			const key = `${first} ${last} ${index === 0} ${own}`;
			let part = known.get(key);
			if (!part) {
				const range = {first, last, ...replicasOf(this.#problem, devices, index, first, last)};
				part = stageBound(this.#problem, mode, bounds.vectorElements, {...range, branched: aligned && index === 0});
				known.set(key, part);
			}
			first = last + 1;
			return part;
		});
		const amounts = bounds.amounts({stages: parts, last: this.#problem.costs.units.length - 1, left: []});
		return objectiveValue(this.#problem.objective, amounts);
	}

	#known(mode: Mode): Known {
		const key = `${mode.microBatches} ${JSON.stringify(mode.codec)}`;
		let known = this.#modes.get(key);
		if (!known) {
			known = {bounds: new Bounds(this.#problem, mode, []), stages: new Map()};
			this.#modes.set(key, known);
		}
		return known;
	}
}
