/**
 * How much memory a plan takes on each device: an estimate from counts, for refusing what cannot work. Not counted are the
 * engine itself, the data, and what the engine needs for a moment within one operator.
 */

import {memoryOfParts, type PartMemory, type StageCounts} from '../../core/cost/memory.js';
import type {Plan} from '../../core/plan/plan.js';
import {bytesPerElement, sizeOf} from '../../core/tensor/tensor.js';
import {slotCount} from '../compile/optimizer.js';
import {compileSegment, partOf} from '../compile/segment.js';
import type {Model, ValueInfo} from '../graph.js';
import {isStatic} from '../infer/dims.js';
import {type Units, unitsOf} from '../inspect/cuts.js';
import {segmentsOf} from '../inspect/segments.js';
import type {Optimizer} from '../training.js';
import {cutFor, type PlanCut, rangesIn} from './cut.js';

type Range = readonly [number, number];

export interface MemoryOptions {
	/** Items of a batch, ≥ 1. */
	readonly batch: number;
	readonly optimizer: Optimizer;
}

const bytesOfItem = (infos: readonly ValueInfo[]): number =>
	infos.reduce((sum, {dtype, shape}) => {
		const item = shape?.slice(1);
		return sum + (isStatic(item) ? sizeOf(item) * bytesPerElement(dtype) : 0);
	}, 0);

/** Bytes that backward needs of the forward pass of one item, by model, cuts and range: compiling tells, but takes a while. */
const stashes = new WeakMap<Model, Map<string, number>>();

/** As the segment's programs keep it. The junction's own part is not in it: its inputs count as boundary tensors. */
function stashOfItem(model: Model, maxCrossing: number, [first, last]: Range, units: Units['units']): number {
	const known = stashes.get(model) ?? new Map<string, number>();
	stashes.set(model, known);
	const key = `${maxCrossing}: ${first}–${last}`;
	const found = known.get(key);
	if (found !== undefined) {
		return found;
	}
	const ranges = [[0, first - 1] as const, [first, last] as const, [last + 1, units.length - 1] as const];
	const segment = segmentsOf(
		model,
		ranges.filter(([start, end]) => start <= end),
		{maxCrossing},
	).find(one => one.units[0] === first)!;
	const {outputs} = compileSegment(partOf(model, segment), {batch: 1, stash: 'keep'}).forward();
	const bytes = outputs
		.filter(({role}) => role.kind === 'stash')
		.reduce((sum, {shape, dtype}) => sum + sizeOf(shape) * bytesPerElement(dtype), 0);
	known.set(key, bytes);
	return bytes;
}

function countsOf(plan: Plan, model: Model, {units, cuts}: Units, cut: PlanCut, stage: number): StageCounts {
	const range = rangesIn(plan, units.length)[stage]!;
	const [first, last] = range;
	const {segment} = cut.segments.find(one => one.stage === stage)!;
	const bytes = (names: readonly string[]) =>
		names.reduce((sum, name) => sum + cut.model.graph.initializers.get(name)!.data.byteLength, 0);
	return {
		parameters: bytes(segment.parameters),
		buffers: bytes(segment.buffers),
		stash: stashOfItem(model, plan.maxCrossing, range, units),
		input: first === 0 ? bytesOfItem(model.graph.inputs) : cuts[first - 1]!.bytes,
		output: cuts[last]?.bytes ?? bytesOfItem(model.graph.outputs),
	};
}

/**
 * Memory of every part of a plan (see `core/cost/memory`), with what the stages' own programs keep.
 * @param cut the plan's segments, if they were cut already.
 * @throws FplError as `cutFor`, and `MODEL_GRADIENT` for models that cannot be trained.
 */
export function memoryOf(
	plan: Plan,
	model: Model,
	{batch, optimizer}: MemoryOptions,
	cut: PlanCut = cutFor(plan, model),
): readonly PartMemory[] {
	const found = unitsOf(model, {maxCrossing: plan.maxCrossing});
	return memoryOfParts(plan, batch, slotCount(optimizer), stage => countsOf(plan, model, found, cut, stage));
}
