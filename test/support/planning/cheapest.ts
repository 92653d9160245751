/** The cheapest of all plans for each measure: every plan is evaluated, or costs more than one that was by its own least costs. */
import {type Candidate, judge, planOfCandidate} from '../../../planners/fpl/candidate.js';
import {amountsOf, objectiveValue} from '../../../planners/objective.js';
import {type Amounts, type Measure, measures, type Problem} from '../../../planners/problem.js';
import {differentCandidates} from './brute-force.js';
import {LeastCosts} from './least-costs.js';

export interface Cheapest {
	/** Plans, of ones that differ in devices that are alike only one; and how many of them were evaluated. */
	readonly plans: number;
	readonly evaluated: number;
	/** By measure, the objective's value; none: no plan keeps to memory and batteries. */
	readonly values: ReadonlyMap<Measure, number>;
}

interface Entry {
	readonly candidate: Candidate;
	readonly least: Amounts;
	/** Once it is evaluated. */
	amounts?: Amounts;
	permitted?: boolean;
}

/** Sums in another order differ in the last digits. */
const rounding = 1e-11;

const nothing: Amounts = {time: 0, bytes: 0, energy: 0, money: 0};

/** @throws Error where a plan costs less than it does at least. */
function evaluateEntry(problem: Problem, entry: Entry): void {
	const {evaluation, shortfalls} = judge(problem, entry.candidate);
	const amounts = amountsOf(evaluation);
	for (const measure of measures) {
		if (amounts[measure] < entry.least[measure] * (1 - rounding)) {
			const figures = `${amounts[measure]} against ${entry.least[measure]}`;
			throw new Error(`${measure} is less than the least: ${figures}, ${JSON.stringify(entry.candidate)}`);
		}
	}
	entry.amounts = amounts;
	entry.permitted = shortfalls.length === 0;
}

/**
 * @param everything whether to evaluate all, to see that none costs less than it does at least.
 * @throws Error where one does.
 */
export function cheapest(problem: Problem, {everything = false} = {}): Cheapest {
	const costs = new LeastCosts(problem);
	const entries = [...differentCandidates(problem)].map(
		(candidate): Entry => ({
			candidate,
			least: candidate.stages.length > 1 ? costs.amounts(planOfCandidate(problem, candidate)) : nothing,
		}),
	);
	for (const entry of everything ? entries : []) {
		evaluateEntry(problem, entry);
	}
	const values = new Map<Measure, number>();
	for (const measure of measures) {
		const value = (amounts: Amounts) => objectiveValue({kind: 'one', measure}, amounts);
		const order = entries.map(entry => ({entry, least: value(entry.least)})).sort((a, b) => a.least - b.least);
		for (const {entry, least} of order) {
			const best = values.get(measure) ?? Number.POSITIVE_INFINITY;
			if (least * (1 - rounding) >= best) {
				break;
			}
			if (!entry.amounts) {
				evaluateEntry(problem, entry);
			}
			if (entry.permitted && value(entry.amounts!) < best) {
				values.set(measure, value(entry.amounts!));
			}
		}
	}
	return {plans: entries.length, evaluated: entries.filter(({amounts}) => amounts).length, values};
}
