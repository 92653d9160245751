/**
 * The part of a model between two cuts, on one device: it takes values from the stages before it, gives values to those
 * after it, and takes and gives gradients the other way. Weights, optimiser slots, accumulated gradients and what backward
 * needs of forward stay inside the engine.
 *
 * Contract, held by `test/contracts/stage.ts` for every engine:
 * - **Sums, not means.** Every gradient that crosses a boundary or is accumulated is that of the *sum over items* of the
 *   items' losses (mean loss × items), so it does not depend on how a batch is divided into micro-batches and replicas.
 *   Whoever updates divides by the items of the global batch: `apply({scale: 1 / items})`.
 * - A micro-batch goes through once: `forward` then `backward`, or `learn`. The same number again before the next update is
 *   refused, so nothing is counted twice.
 * - A call that rejects changes nothing, and may be made again.
 * - Calls run one after the other, in the order they were made; none blocks the caller's event loop for longer than copying
 *   its arguments takes. After `close` every call rejects with `WIRE_CLOSED`.
 */
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Layout, Loss, ValueInfo} from '../graph.js';
import type {CutOptions} from '../inspect/cuts.js';
import type {Ranges, Segment} from '../inspect/segments.js';
import type {Optimizer} from '../training.js';
import type {StatePart, StepResult, TrainerState} from './engine.js';

/** By name of the value in the model's graph; the first axis counts items (`N` in declared shapes). */
export type Tensors = Readonly<Record<string, Tensor>>;

/** Cut by whoever arranged the plan, for instance out of a model with branches. */
export interface GivenSegment {
	readonly segment: Segment;
	/** Whether it makes the model's outputs. */
	readonly last: boolean;
}

/** To be cut out of the model as one of a chain. */
export interface RangeOfUnits {
	/** Units of every segment of the plan, in order; they must cover the model. */
	readonly ranges: Ranges;
	/** Which of them this stage is, from 0. */
	readonly index: number;
	/** How the units were counted; by default `unitsOf`'s own. */
	readonly cuts?: CutOptions;
}

export type StageOptions = (GivenSegment | RangeOfUnits) & StageSettings;

export interface StageSettings {
	/** Used by the last stage. */
	readonly loss: Loss;
	readonly optimizer: Optimizer;
	/** Seed of dropout masks; combined with the number of the update, the same in all stages. */
	readonly seed: number;
	/**
	 * keep: forward puts aside what backward needs. recompute: only the inputs, and backward computes forward again. The
	 * engine tfjs always recomputes.
	 */
	readonly stash: 'keep' | 'recompute';
	/** Most memory for what waits for backward, in bytes; 1 GiB by default. A forward that would exceed it is refused. */
	readonly stashBytes?: number;
}

/** Where a micro-batch's items stand in the global batch. Dropout masks are then those of one machine with all items. */
export interface Where {
	/** Items before the first one, ≥ 0. */
	readonly offset: number;
	/** Items of the global batch. */
	readonly total: number;
}

/** What a stage reads and makes; all shapes with `N` for the items. */
export interface StageInfo {
	/** For people: `conv1 … fc2`. */
	readonly label: string;
	readonly parameters: Layout;
	readonly buffers: Layout;
	/** Inputs of the whole model that it reads itself. */
	readonly data: readonly ValueInfo[];
	/** Values that earlier stages make (see `boundariesOf` for which). The float32 ones have gradients. */
	readonly receives: readonly ValueInfo[];
	/** Values that later stages read; of the last stage: the model's outputs. */
	readonly sends: readonly ValueInfo[];
	/** Values made before it and needed after it that are none of its business. */
	readonly passing: readonly ValueInfo[];
	/** Whether it makes the model's outputs, and so knows the loss. */
	readonly last: boolean;
}

export interface Computed {
	/** Time inside the engine. */
	readonly computeMs: number;
}

export interface Forwarded extends Computed {
	/** Of `sends`. Owned by the caller. */
	readonly values: Tensors;
}

export interface Backwarded extends Computed {
	/** Of the float32 values in `receives`: of the sum of the items' losses. Owned by the caller. */
	readonly gradients: Tensors;
}

/** `loss` is the mean over the items of this micro-batch. */
export interface Learned extends StepResult, Backwarded {}

export interface Accumulated {
	/** In the layout of `parameters`; zeros when nothing was accumulated. Owned by the caller. */
	readonly gradient: Float32Array;
	/** Sum of squares, in float64. */
	readonly squaredNorm: number;
}

export interface ApplyOptions {
	/** In the layout of `parameters`, from elsewhere (averaged by a parameter server); by default what was accumulated. */
	readonly gradient?: Float32Array;
	/** Multiplies the gradient: 1 / items of the global batch, times the factor that clips its norm. */
	readonly scale: number;
	/** Multiplies the optimiser's learning rate. */
	readonly lrScale: number;
}

export interface Stage extends StageInfo {
	/** Copies of the state; vectors of parts that were not asked for are empty. */
	save(parts?: readonly StatePart[]): Promise<TrainerState>;
	/**
	 * Replaces the whole state, or only the parts given; accumulated gradients stay.
	 * @throws FplError `ENGINE_CALL` while micro-batches wait for backward (`discard` first), `MODEL_SHAPE` for vectors of
	 * another length.
	 */
	load(state: Partial<TrainerState>): Promise<void>;

	/**
	 * Training-mode forward of one micro-batch; running statistics of batch norms move on. What backward needs waits inside
	 * the engine under the number `micro`.
	 * @param inputs exactly `data` and `receives`.
	 * @throws FplError `DATA_SHAPE` for tensors that are missing, too many or of another shape; `ENGINE_CALL` when `micro` was
	 * here since the last update, or too much waits for backward.
	 */
	forward(micro: number, inputs: Tensors, where: Where): Promise<Forwarded>;
	/**
	 * Adds the gradient of this micro-batch to the accumulated one, and frees what forward kept.
	 * @param outputGradients one for each float32 value in `sends`, summed over the stages that read it.
	 * @throws FplError `ENGINE_CALL` when `micro` did not go forward, `DATA_SHAPE`.
	 */
	backward(micro: number, outputGradients: Tensors): Promise<Backwarded>;
	/** Last stage only: forward, loss and backward in one. @throws FplError `ENGINE_CALL`, `DATA_SHAPE` */
	learn(micro: number, inputs: Tensors, targets: Tensor, where: Where): Promise<Learned>;

	/** A copy of the accumulated gradient, which stays. */
	gradient(): Promise<Accumulated>;
	/** Of the accumulated gradient, without copying it: for clipping over several stages. */
	squaredNorm(): Promise<number>;
	/** Abandons a step: the accumulated gradient is zero, and no micro-batch waits. Running statistics stay as they are. */
	discard(): Promise<void>;
	/**
	 * One optimiser update. Afterwards the accumulated gradient is zero and numbers of micro-batches are free again.
	 * @throws FplError `ENGINE_CALL` when micro-batches wait for backward, or neither a gradient is given nor one accumulated;
	 * `MODEL_SHAPE` for a gradient of another length.
	 */
	apply(options: ApplyOptions): Promise<void>;

	/** The values of `sends` in inference mode; changes nothing. @throws FplError `DATA_SHAPE` */
	predict(inputs: Tensors): Promise<Forwarded>;
	/** Last stage only: loss and hits in inference mode; changes nothing. @throws FplError `ENGINE_CALL`, `DATA_SHAPE` */
	evaluate(inputs: Tensors, targets: Tensor): Promise<StepResult>;
	close(): Promise<void>;
}
