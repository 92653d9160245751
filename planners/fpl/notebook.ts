/** The plans that a search has looked at, each judged once; and which it may look at. */
import type {Problem} from '../problem.js';
import {type Candidate, isBetter, type Judged, judge, sharesAt} from './candidate.js';
import {permitsShape, type Rules, sharesSuffice} from './rules.js';

/** Plans that are kept at most, and how many of them stay when there are more: each has thousands of figures. */
const mostKept = 1000;
const leftKept = 250;

/** The plans that were looked at, each judged once; of very many the better ones. */
export class Notebook {
	readonly #problem: Problem;
	readonly #rules: Rules;
	#known = new Map<string, Judged>();
	#evaluated = 0;

	constructor(problem: Problem, rules: Rules) {
		this.#problem = problem;
		this.#rules = rules;
	}

	best: Judged | undefined;

	get evaluated(): number {
		return this.#evaluated;
	}

	/** @returns undefined where the rules forbid the candidate. */
	judge(candidate: Candidate): Judged | undefined {
		const {kinds} = this.#rules;
		const sorted = candidate.stages.map(
			({last, devices}) =>
				`${last}:${devices
					.map(device => kinds[device])
					.sort()
					.join()}`,
		);
		const key = `${sorted.join('|')} ${JSON.stringify(candidate.mode)}`;
		const known = this.#known.get(key);
		if (known) {
			return known;
		}
		if (!isPermitted(this.#problem, this.#rules, candidate)) {
			return undefined;
		}
		const judged = judge(this.#problem, candidate);
		this.#evaluated++;
		this.#known.set(key, judged);
		if (this.#known.size > mostKept) {
			this.#known = new Map([...this.#known].sort(([, a], [, b]) => inOrder(a, b)).slice(0, leftKept));
		}
		if (isBetter(judged, this.best)) {
			this.best = judged;
		}
		return judged;
	}

	/** The best first. */
	ranked(): readonly Judged[] {
		return [...this.#known.values()].sort(inOrder);
	}
}

const inOrder = (a: Judged, b: Judged): number => (isBetter(a, b) ? -1 : isBetter(b, a) ? 1 : 0);

export function isPermitted(problem: Problem, rules: Rules, {stages, mode}: Candidate): boolean {
	const {training, data} = problem;
	if (!permitsShape(problem, rules, {stages, mode})) {
		return false;
	}
	return stages.every(
		(_, index) =>
			stages.length === 1 ||
			(data.kind === 'aligned' && index === 0) ||
			sharesSuffice(sharesAt(problem, stages, index), training.batch, mode.microBatches),
	);
}
