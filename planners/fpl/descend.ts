/** The way down along bounds: they are close to what plans take, and take a hundredth of the time that evaluating does. */
import type {Budget, Problem} from '../problem.js';
import {type Candidate, fitting} from './candidate.js';
import type {Estimates} from './estimates.js';
import {neighbours} from './neighbours.js';
import {isPermitted} from './notebook.js';
import type {Rules} from './rules.js';

/** A neighbour's bound must be smaller by this part: steps that gain nothing are not worth their way. */
const least = 1e-4;

/**
 * Goes to neighbours with a smaller bound, as long as there are any that keep to rules and memory.
 * @param mostBounds of `estimates` in all; where there are as many, it is over.
 * @returns a candidate of several stages; the given one where it has but one, or nothing better is around.
 */
export function descend(
	problem: Problem,
	rules: Rules,
	estimates: Estimates,
	start: Candidate,
	budget: Budget,
	mostBounds: number,
): Candidate {
	if (start.stages.length === 1) {
		return start;
	}
	let current = start;
	let bound = estimates.bound(start);
	let around = [...neighbours(problem, rules, current)];
	const ofTime = problem.objective.kind === 'one' && problem.objective.measure === 'time';
	let held = ofTime ? estimates.held(start) : start.stages.length;
	// Goes on in the list where the last step was found: what comes before that was looked at not long ago.
	for (let place = 0, unchanged = 0; unchanged < around.length; place++, unchanged++) {
		if (estimates.made >= mostBounds || budget.expired() || budget.interrupted()) {
			return current;
		}
		const candidate = around[place % around.length]!;
		if (beginsAlike(candidate, current, held)) {
			continue;
		}
		const own = candidate.stages.length > 1 ? estimates.bound(candidate) : Number.POSITIVE_INFINITY;
		if (own < bound * (1 - least) && isPermitted(problem, rules, candidate) && fitting(problem, candidate)) {
			current = candidate;
			bound = own;
			around = [...neighbours(problem, rules, current)];
			held = ofTime ? estimates.held(current) : current.stages.length;
			unchanged = -1;
		}
	}
	return current;
}

/** Whether the first so many stages are the very same. */
function beginsAlike(a: Candidate, b: Candidate, stages: number): boolean {
	if (a.mode !== b.mode) {
		return false;
	}
	for (let index = 0; index < stages; index++) {
		if (a.stages[index] !== b.stages[index]) {
			return false;
		}
	}
	return true;
}
