/**
 * Iterated local search (Lourenço, Martin and Stützle 2003): the best plan is changed in a few places at random, and what comes of
 * that goes down along bounds again. Finds what no single change leads to.
 */
import type {Random} from '../../core/random.js';
import type {Budget, Problem} from '../problem.js';
import {improve} from './build.js';
import type {Candidate} from './candidate.js';
import {descend} from './descend.js';
import {Estimates} from './estimates.js';
import {neighbours} from './neighbours.js';
import {isPermitted, type Notebook} from './notebook.js';
import type {Rules} from './rules.js';

/** Changes at once. */
const mostChanges = 4;
/** Bounds on the way down from one changed plan. */
const mostBounds = 1500;
/** Plans this near to the best, as a factor of its value, may have better ones around. */
const near = 1.03;
const effort = {mostTries: 10, mostEvaluated: 30};
/** What is known of stages is forgotten after so many: it must not grow without end. */
const kicksPerEstimates = 200;
/** Neighbours drawn before a change is left out. */
const mostDraws = 10;

export interface ShakeInput {
	readonly problem: Problem;
	readonly rules: Rules;
	readonly budget: Budget;
	readonly random: Random;
	readonly kicks: number;
}

/** Leaves what it finds in the notebook. */
export function shake(notebook: Notebook, {problem, rules, budget, random, kicks}: ShakeInput): void {
	let estimates = new Estimates(problem, rules);
	for (let kick = 0; kick < kicks && !budget.expired() && !budget.interrupted(); kick++) {
		const {best} = notebook;
		if (!best) {
			return;
		}
		if (kick > 0 && kick % kicksPerEstimates === 0) {
			estimates = new Estimates(problem, rules);
		}
		const changed = kicked(problem, rules, best.candidate, 1 + (kick % mostChanges), random);
		const candidate = descend(problem, rules, estimates, changed, budget, estimates.made + mostBounds);
		const fits = best.shortfalls.length === 0;
		if (fits && estimates.bound(candidate) >= best.value) {
			continue;
		}
		const judged = notebook.judge(candidate);
		if (judged && (!fits || (judged.shortfalls.length === 0 && judged.value < near * best.value))) {
			improve(notebook, estimates, judged, {problem, rules, budget, ...effort});
		}
	}
}

function kicked(problem: Problem, rules: Rules, start: Candidate, changes: number, random: Random): Candidate {
	let current = start;
	for (let change = 0; change < changes; change++) {
		const around = [...neighbours(problem, rules, current)];
		for (let draw = 0; draw < mostDraws && around.length > 0; draw++) {
			const candidate = around[random.integer(around.length)]!;
			if (isPermitted(problem, rules, candidate)) {
				current = candidate;
				break;
			}
		}
	}
	return current;
}
