/** Bytes of each stage of a plan, added up from its units. */
import type {Plan} from '../plan/plan.js';
import type {StageCounts} from './memory.js';
import {crossingBytes, floatBytes, type ModelCosts} from './model-costs.js';
import {type Range, rangesOfPlan} from './traffic.js';

/**
 * Bytes per item that a stage keeps for backward: what its units make that their own backward passes need. That is what its
 * programs keep, but for tensors that are reshaped at a cut; where several tensors cross one, those that are made earlier and
 * read later are counted, too.
 */
export const stashOfRange = ({units}: ModelCosts, [first, last]: Range): number =>
	units.slice(first, last + 1).reduce((sum, {stashBytes}) => sum + stashBytes, 0) -
	(last + 1 < units.length ? (units[last]!.lentBytes ?? 0) : 0);

export function stageCountsOf(plan: Plan, costs: ModelCosts): (stage: number) => StageCounts {
	const {units} = costs;
	const ranges = rangesOfPlan(plan, units.length);
	return stage => {
		const [first, last] = ranges[stage]!;
		const own = units.slice(first, last + 1);
		const sum = (of: 'parameters' | 'buffers') => floatBytes * own.reduce((total, unit) => total + unit[of], 0);
		return {
			parameters: sum('parameters'),
			buffers: sum('buffers') + own.reduce((total, {frozenBytes = 0}) => total + frozenBytes, 0),
			stash: stashOfRange(costs, [first, last]),
			input: first === 0 ? costs.inputBytes : crossingBytes(costs, first - 1),
			output: last === units.length - 1 ? costs.outputBytes : crossingBytes(costs, last),
		};
	};
}
