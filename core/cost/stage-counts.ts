/** Bytes of each stage of a plan, added up from its units. */
import type {Plan} from '../plan/plan.js';
import type {StageCounts} from './memory.js';
import {floatBytes, type ModelCosts, type ValueCosts} from './model-costs.js';
import {type Range, rangesOfPlan} from './traffic.js';

const bytesOf = ({shape, bytesPerElement}: ValueCosts): number =>
	shape.reduce((product, dim) => product * dim, bytesPerElement);

/**
 * Bytes per item that a stage keeps for backward: what its units make that the backward pass of the whole model needs. A little
 * more than the stage's own program keeps: what only the next stage's backward pass reads is not its own.
 */
export const stashOfRange = ({units}: ModelCosts, [first, last]: Range): number =>
	units.slice(first, last + 1).reduce((sum, {stashBytes}) => sum + stashBytes, 0);

/** Bytes per item that cross into a stage, or out of it. */
const crossing = ({values}: ModelCosts, cut: number): number =>
	values
		.filter(({madeBy, readBy}) => madeBy <= cut && readBy.some(unit => unit > cut))
		.reduce((sum, value) => sum + bytesOf(value), 0);

export function stageCountsOf(plan: Plan, costs: ModelCosts): (stage: number) => StageCounts {
	const {units} = costs;
	const ranges = rangesOfPlan(plan, units.length);
	return stage => {
		const [first, last] = ranges[stage]!;
		const own = units.slice(first, last + 1);
		const sum = (of: 'parameters' | 'buffers') => floatBytes * own.reduce((total, unit) => total + unit[of], 0);
		return {
			parameters: sum('parameters'),
			buffers: sum('buffers'),
			stash: stashOfRange(costs, [first, last]),
			input: first === 0 ? costs.inputBytes : crossing(costs, first - 1),
			output: last === units.length - 1 ? costs.outputBytes : crossing(costs, last),
		};
	};
}
