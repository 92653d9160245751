/** What plans are compared by, and whether they keep to the constraints. */
import type {Evaluation} from '../core/cost/evaluate.js';
import {devicesByName} from '../core/cost/fleet.js';
import {
	type Amounts,
	type Constraints,
	type Costed,
	type Measure,
	measures,
	type Objective,
	type Problem,
	type Shortfall,
} from './problem.js';

export const amountsOf = ({seconds, bytes, joules, dollars}: Evaluation): Amounts => ({
	time: seconds,
	bytes,
	energy: joules,
	money: dollars,
});

/** How much less time is worth where something else is minimised: too little to count but between equals; and between nothings. */
const timeBetweenEquals = 1e-7;
const timeBetweenNothings = 1e-15;

/**
 * Monotone in every amount, so that bounds of amounts give a bound of the value. Of plans that take the same the faster one is
 * better: an amount counts for up to a few millionths more where the run takes long.
 */
export function objectiveValue(objective: Objective, amounts: Amounts): number {
	switch (objective.kind) {
		case 'one':
			return objective.measure === 'time'
				? amounts.time
				: amounts[objective.measure] * (1 + timeBetweenEquals * Math.log1p(amounts.time)) +
						timeBetweenNothings * amounts.time;
		case 'weighted':
			return measures.reduce((sum, measure) => sum + (objective.weights[measure] ?? 0) * amounts[measure], 0);
		default:
			return objective satisfies never;
	}
}

/** Undefined: several count. */
export const measureOf = (objective: Objective): Measure | undefined =>
	objective.kind === 'one' ? objective.measure : undefined;

/**
 * How many times what another plan costs in this measure; in units of the objective where that is of several. Undefined where the
 * other one costs nothing.
 */
export function timesOf(measure: Measure | undefined, one: Costed, other: Costed): number | undefined {
	const cost = ({value, evaluation}: Costed) => (measure === undefined ? value : amountsOf(evaluation)[measure]);
	return cost(other) > 0 ? cost(one) / cost(other) : undefined;
}

const units = {time: 's', bytes: 'B', energy: 'J', money: 'USD'} as const;

/** Limits on amounts that are exceeded. */
export const exceeded = ({most}: Constraints, amounts: Amounts): Shortfall[] =>
	measures.flatMap(measure => {
		const available = most[measure];
		return available !== undefined && amounts[measure] > available * (1 + 1e-9)
			? [{constraint: measure, needed: amounts[measure], available, unit: units[measure]}]
			: [];
	});

/** All that a plan exceeds: limits of the job, memory, batteries. */
export function shortfallsOf({constraints, fleet}: Problem, evaluation: Evaluation): readonly Shortfall[] {
	const known = devicesByName(fleet);
	const devices = evaluation.devices.flatMap(({device, memoryBytes, joules}): Shortfall[] => {
		const {memoryBytes: memory, batteryJoules} = known.get(device)!.profile;
		return [
			...(memoryBytes > memory
				? [{constraint: `memory of ${device}`, needed: memoryBytes, available: memory, unit: 'B'} as const]
				: []),
			...(batteryJoules !== undefined && joules > batteryJoules
				? [{constraint: `battery of ${device}`, needed: joules, available: batteryJoules, unit: 'J'} as const]
				: []),
		];
	});
	return [...exceeded(constraints, amountsOf(evaluation)), ...devices].sort((a, b) => excess(b) - excess(a));
}

export const excess = ({needed, available}: Shortfall): number => (available > 0 ? needed / available : needed);
