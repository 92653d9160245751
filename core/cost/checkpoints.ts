/**
 * What checkpoints send. At the end of each epoch the coordinator asks one part of each group for its weights and the
 * optimiser's vectors; the run goes on meanwhile, so that they take bytes and no time. Means of weights are there already.
 */
import {groupsOf} from '../plan/groups.js';
import type {Plan} from '../plan/plan.js';
import type {TrainingCosts} from './episode.js';
import type {Messaging} from './fleet.js';
import type {ModelCosts} from './model-costs.js';
import {onTheWire, rangesOfPlan, stateBytes} from './traffic.js';

/** After a checkpoint nothing of the next one is sent for this many times as long as it took: it costs a tenth at most. */
export const checkpointRest = 10;

/**
 * How long a coordinator waits after a checkpoint before the next one within an epoch.
 * @param interval that the job asks for; 0: one checkpoint follows the other.
 * @param took from asking for the weights until all were there, in the same unit.
 */
export const checkpointPause = (interval: number, took: number): number =>
	interval === 0 ? 0 : Math.max(interval, checkpointRest * took);

export interface Checkpoint {
	readonly device: string;
	/** From the device, and answers to it. */
	readonly sent: number;
	readonly answered: number;
	/** In a run. */
	readonly times: number;
}

/** @param plan with stages: of whole models the parameter server has the weights. */
export function checkpointsOf(
	plan: Plan,
	costs: ModelCosts,
	{chunkBytes}: Messaging,
	{slots, epochs}: TrainingCosts,
): readonly Checkpoint[] {
	const ranges = rangesOfPlan(plan, costs.units.length);
	return groupsOf(plan).flatMap(({kind, stage, replicas}): Checkpoint[] => {
		if (kind === 'interval') {
			return [];
		}
		const {there, back} = onTheWire(stateBytes(costs, ranges[stage]!, slots), chunkBytes);
		const holders = kind === 'turn' ? replicas : replicas.slice(0, 1);
		return holders.map(holder => ({
			device: plan.stages[stage]!.replicas[holder]!.device,
			sent: there,
			answered: back,
			times: epochs / holders.length,
		}));
	});
}
