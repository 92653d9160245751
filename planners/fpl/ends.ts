/**
 * Bounds of plans whose first and last stages are on the same devices, so that labels stay there. Bounds take the devices of a plan
 * to be different ones. So the owners of the data appear a second time, as those who compute the last stage and cost nothing
 * but what they do; what they do in both stages, they do one after the other.
 */
import type {CostDevice} from '../../core/cost/fleet.js';
import type {Problem} from '../problem.js';
import type {BoundStage} from './bounds.js';

export interface Ends {
	/** The problem as bounds see it. */
	readonly problem: Problem;
	/** Owners as those who compute the last stage. */
	readonly again: (owners: readonly CostDevice[]) => readonly CostDevice[];
	/** Of these, in that problem's fleet. */
	readonly indices: readonly number[];
}

/** Nobody draws idle power or is paid for twice. */
const secondly = ({profile, ...device}: CostDevice): CostDevice => ({
	...device,
	profile: {...profile, idleWatts: 0, busyWatts: profile.busyWatts - profile.idleWatts},
	pricePerSecond: 0,
});

/** What owners hand from the first stage to the last goes over no link; values that only a neighbour reads do for sure. */
const adjacent = ({values, ...costs}: Problem['costs']): Problem['costs'] => ({
	...costs,
	values: values.map(value =>
		value.readBy.every(unit => unit <= value.madeBy + 1) ? value : {...value, shape: [0, ...value.shape]},
	),
});

/** @param sources indices of the owners. */
export function endsOf(problem: Problem, sources: readonly number[]): Ends {
	const {costs, fleet, space} = problem;
	const again = new Map(sources.map(device => [fleet.devices[device]!, secondly(fleet.devices[device]!)]));
	return {
		problem: {
			...problem,
			costs: adjacent(costs),
			fleet: {...fleet, devices: [...fleet.devices, ...again.values()]},
			// All owners share the last stage, however many they are.
			space: {...space, mostReplicas: Math.max(space.mostReplicas, sources.length)},
		},
		again: owners => owners.map(owner => again.get(owner)!),
		indices: sources.map((_, index) => fleet.devices.length + index),
	};
}

/**
 * The stages of a whole plan for its bound.
 * @param stages all of them, the last one that of the owners.
 */
export function folded(stages: readonly BoundStage[]): readonly BoundStage[] {
	const [first, ...rest] = stages as readonly [BoundStage, ...BoundStage[]];
	const last = stages.at(-1)!;
	// Before the last gradient comes back to the first stage, the same device has done all of the last one.
	const replicas = first.replicas.map((own, index) => ({...own, passes: own.passes + last.replicas[index]!.passes}));
	return [{...first, replicas}, ...rest];
}
