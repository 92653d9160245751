/**
 * How much memory a plan takes on each device: an estimate from counts, for refusing what cannot work. Not counted are the
 * engine itself, the data, and what the engine needs for a moment within one operator.
 */

import {type Plan, synchronisationOf} from '../../core/plan/plan.js';
import {activeIn, junctionStage, microSizes, type PartId, rowsOf} from '../../core/plan/routing.js';
import {warmUp} from '../../core/plan/schedule.js';
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

/** Bytes that one replica of one stage takes. */
export interface PartMemory extends PartId {
	readonly device: string;
	/** Parameters and buffers. */
	readonly weights: number;
	/** The gradient that micro-batches add up to. */
	readonly gradient: number;
	/** The optimiser's slots. */
	readonly slots: number;
	/** What backward needs of the forward passes that are under way. */
	readonly activations: number;
	/** Tensors that come from or go to other stages, and the items themselves. */
	readonly boundary: number;
	readonly total: number;
}

/**
 * The most items of one micro-batch that a replica works on when it is its turn. A lone stage that exchanges weights trains on
 * batches of its own.
 */
export function mostItems(plan: Plan, {stage, replica}: PartId, batch: number): number {
	const sizes = microSizes(plan, batch);
	if (plan.stages.length === 1 && synchronisationOf(plan, plan.stages[stage]!).exchange === 'weights') {
		return Math.max(...sizes);
	}
	const active = activeIn(plan, replica);
	return Math.max(...sizes.map(size => rowsOf(plan, active, stage, size)[replica]!.count));
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

/** What a stage takes, for one item where nothing else is said. */
interface StageCounts {
	readonly parameters: number;
	readonly buffers: number;
	readonly stash: number;
	readonly input: number;
	readonly output: number;
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
 * Memory of every part of a plan, in the order of stages and replicas. A device that has several parts takes their sum.
 *
 * - weights: parameters and buffers; gradient: as the parameters; slots: as many times the parameters as the optimiser keeps.
 * - activations: what the stage's programs keep of a micro-batch between forward and backward, for each that is under way at
 *   once (`warmUp`: all of them with GPipe, with 1F1B at most one and two for each later stage); with `stash: recompute` for one.
 * - boundary: inputs of every micro-batch under way; twice the outputs, their gradients, and the gradients of the
 *   inputs, since one is on its way while the next is made. The trunk of an aligned junction has an input per branch.
 *
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
	const micros = microSizes(plan, batch).length;
	const junction = junctionStage(plan);
	return plan.stages.flatMap(({replicas, stash}, stage) => {
		const counts = countsOf(plan, model, found, cut, stage);
		const branches = stage === junction ? plan.stages[stage - 1]!.replicas.length : 1;
		const {schedule} = plan.pipeline;
		const underWay = Math.max(1, warmUp(schedule, stage, plan.stages.length, micros));
		const input = counts.input * branches;
		return replicas.map(({device}, replica): PartMemory => {
			const items = mostItems(plan, {stage, replica}, batch);
			const weights = counts.parameters + counts.buffers;
			const gradient = counts.parameters;
			const slots = slotCount(optimizer) * counts.parameters;
			const activations = (stash === 'keep' ? underWay : 1) * items * counts.stash;
			const gradientOut = stage === 0 ? 0 : input;
			const boundary = items * (underWay * input + 2 * (2 * counts.output + gradientOut));
			return {
				stage,
				replica,
				device,
				weights,
				gradient,
				slots,
				activations,
				boundary,
				total: weights + gradient + slots + activations + boundary,
			};
		});
	});
}
