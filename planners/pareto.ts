/** Plans of which none is better in everything: the best by each measure, and by many weighted sums of them. */
import {planFpl} from './fpl/plan.js';
import {amountsOf} from './objective.js';
import {type Amounts, type Budget, type Costed, type Measure, measures, type Problem} from './problem.js';

/** Whether the first is at least as good in everything, and better in something. */
export function dominates(a: Amounts, b: Amounts, by: readonly Measure[]): boolean {
	return by.every(measure => a[measure] <= b[measure]) && by.some(measure => a[measure] < b[measure]);
}

/** Those that no other dominates, each point once. */
export function undominated<T extends {readonly amounts: Amounts}>(
	points: readonly T[],
	by: readonly Measure[],
): readonly T[] {
	const seen = new Set<string>();
	return points.filter(point => {
		const key = by.map(measure => point.amounts[measure].toPrecision(9)).join();
		return !seen.has(key) && seen.add(key) && !points.some(other => dominates(other.amounts, point.amounts, by));
	});
}

/** Parts of the weight by measure; from all on one to even. */
const mixes = [
	[1, 0, 0],
	[0, 1, 0],
	[0, 0, 1],
	[0.7, 0.3, 0],
	[0.3, 0.7, 0],
	[0.7, 0, 0.3],
	[0.3, 0, 0.7],
	[0, 0.7, 0.3],
	[0, 0.3, 0.7],
	[0.34, 0.33, 0.33],
] as const;

/**
 * The front over time, bytes and energy (and money where devices have prices).
 * @param known plans that were looked at already.
 */
export function paretoFront(problem: Problem, known: readonly Costed[], budget: Budget): readonly Costed[] {
	const priced = problem.fleet.devices.some(({pricePerSecond}) => pricePerSecond > 0);
	const by: readonly Measure[] = priced ? measures : ['time', 'bytes', 'energy'];
	const found = [...known];
	const scale = (measure: Measure) =>
		Math.max(
			1e-12,
			Math.min(...found.map(({evaluation}) => amountsOf(evaluation)[measure]).filter(value => value > 0), 1e300),
		);
	for (const [time, bytes, energy] of mixes) {
		if (budget.expired() || budget.interrupted()) {
			break;
		}
		const weights = {time: time / scale('time'), bytes: bytes / scale('bytes'), energy: energy / scale('energy')};
		const outcome = planFpl(
			{...problem, objective: {kind: 'weighted', weights}},
			{...budget, exactPlans: 0, effort: 'brief'},
		);
		if (outcome.kind === 'planned') {
			found.push(outcome.best, ...outcome.alternatives);
		} else if (outcome.kind === 'interrupted' && outcome.best) {
			found.push(outcome.best);
		}
	}
	return undominated(
		found.map(costed => ({...costed, amounts: amountsOf(costed.evaluation)})),
		by,
	).map(({plan, evaluation, value}) => ({plan, evaluation, value}));
}
