/**
 * How much memory a plan takes on each device: an estimate from counts, for refusing what cannot work. Not counted are the
 * engine itself, the data, and what the engine needs for a moment within one operator.
 */

import {memoryOfParts, type PartMemory} from '../../core/cost/memory.js';
import {stageCountsOf} from '../../core/cost/stage-counts.js';
import type {Plan} from '../../core/plan/plan.js';
import {slotCount} from '../compile/optimizer.js';
import type {Model} from '../graph.js';
import type {Optimizer} from '../training.js';
import {costsOfModel} from './costs.js';
import {cutFor, type PlanCut} from './cut.js';

export interface MemoryOptions {
	/** Items of a batch, ≥ 1. */
	readonly batch: number;
	readonly optimizer: Optimizer;
}

/**
 * Memory of every part of a plan (see `core/cost/memory`), by the counts that planners go by; of the weights those that its
 * segments really have, the junction's own among them.
 * @param cut the plan's segments, if they were cut already.
 * @throws FplError as `cutFor`, and `MODEL_GRADIENT` for models that cannot be trained.
 */
export function memoryOf(
	plan: Plan,
	model: Model,
	{batch, optimizer}: MemoryOptions,
	cut: PlanCut = cutFor(plan, model),
): readonly PartMemory[] {
	const countsOf = stageCountsOf(plan, costsOfModel(model, {maxCrossing: plan.maxCrossing}));
	return memoryOfParts(plan, batch, slotCount(optimizer), stage => {
		const {segment} = cut.segments.find(one => one.stage === stage)!;
		const bytes = (names: readonly string[]) =>
			names.reduce((sum, name) => sum + cut.model.graph.initializers.get(name)!.data.byteLength, 0);
		return {...countsOf(stage), parameters: bytes(segment.parameters), buffers: bytes(segment.buffers)};
	});
}
