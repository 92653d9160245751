/** How much memory a plan takes on each device: an estimate from counts. Not counted are the engine itself and the data. */
import {type Plan, synchronisationOf} from '../plan/plan.js';
import {activeIn, itemsOf, junctionStage, microSizes, type PartId} from '../plan/routing.js';
import {warmUp} from '../plan/schedule.js';

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

/** Bytes of one stage; `stash`, `input` and `output` of one item. */
export interface StageCounts {
	readonly parameters: number;
	readonly buffers: number;
	readonly stash: number;
	readonly input: number;
	readonly output: number;
}

/**
 * By replica of a stage, the most items of one micro-batch that it works on when it is its turn. A lone stage that exchanges
 * weights trains on batches of its own.
 */
export function mostItems(plan: Plan, stage: number, batch: number): readonly number[] {
	const {replicas, turns} = plan.stages[stage]!;
	const micros = microSizes(plan, batch);
	if (plan.stages.length === 1 && synchronisationOf(plan, plan.stages[stage]!).exchange === 'weights') {
		return replicas.map(() => Math.max(...micros));
	}
	const most = (turn: number) =>
		itemsOf(plan, activeIn(plan, turn), stage, batch).map(items => Math.ceil(items / micros.length));
	const together = most(0);
	return replicas.map((_, replica) => (turns === 'in-turn' ? most(replica) : together)[replica]!);
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
 * @param slots vectors that the optimiser keeps for each weight.
 */
export function memoryOfParts(
	plan: Plan,
	batch: number,
	slots: number,
	countsOf: (stage: number) => StageCounts,
): readonly PartMemory[] {
	const micros = microSizes(plan, batch).length;
	const junction = junctionStage(plan);
	return plan.stages.flatMap(({replicas, stash}, stage) => {
		const counts = countsOf(stage);
		const branches = stage === junction ? plan.stages[stage - 1]!.replicas.length : 1;
		const underWay = Math.max(1, warmUp(plan.pipeline.schedule, stage, plan.stages.length, micros));
		const input = counts.input * branches;
		const most = mostItems(plan, stage, batch);
		return replicas.map(({device}, replica): PartMemory => {
			const items = most[replica]!;
			const weights = counts.parameters + counts.buffers;
			const activations = (stash === 'keep' ? underWay : 1) * items * counts.stash;
			const boundary = items * (underWay * input + 2 * (2 * counts.output + (stage === 0 ? 0 : input)));
			const kept = slots * counts.parameters;
			return {
				stage,
				replica,
				device,
				weights,
				gradient: counts.parameters,
				slots: kept,
				activations,
				boundary,
				total: weights + counts.parameters + kept + activations + boundary,
			};
		});
	});
}

/** Bytes that a plan takes on each of its devices. */
export function memoryByDevice(parts: readonly PartMemory[]): ReadonlyMap<string, number> {
	const bytes = new Map<string, number>();
	for (const {device, total} of parts) {
		bytes.set(device, (bytes.get(device) ?? 0) + total);
	}
	return bytes;
}
