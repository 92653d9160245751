/**
 * What executes a model on a device. An engine compiles a segment once per (mode, batch size) and keeps the weights
 * resident; callers exchange flat float32 vectors (see `layout.ts`) and batches.
 *
 * Contract, held by `test/contracts/engine.ts` for every engine:
 * - Same weights, same batch, same seed → same loss and gradients as every other engine (relative error ≤ 1e-4).
 * - The gradient is that of the *mean* loss over the items of the batch.
 * - No call blocks the caller's event loop for longer than copying its arguments takes.
 * - Calls on one executable run one after the other, in the order they were made.
 * - After `close` every call rejects with `WIRE_CLOSED`; calls under way end or reject, none hangs.
 */
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Layout, Loss, Model} from '../graph.js';
import type {Optimizer} from '../training.js';
import type {Stage, StageOptions} from './stage.js';

export const engineNames = ['onnxruntime', 'tfjs'] as const;
export type EngineName = (typeof engineNames)[number];

/** Items as the model eats them: one tensor per graph input, the first dimension is the batch. */
export interface Batch {
	readonly inputs: Readonly<Record<string, Tensor>>;
	/**
	 * What the loss compares with. softmax-cross-entropy: int64 class numbers [N] (or [N, …] for dense prediction);
	 * mse: float32 of the output's shape; bce: float32 in [0, 1] of the output's shape (the output are logits).
	 */
	readonly targets: Tensor;
}

export interface StepResult {
	/** Mean loss over the batch. */
	readonly loss: number;
	/** Items whose class was predicted right (classification), else undefined. */
	readonly correct: number | undefined;
	/** Time inside the engine. */
	readonly computeMs: number;
}

export interface GradientResult extends StepResult {
	/** Gradient of the mean loss, in the layout of `parameters`. Owned by the caller. */
	readonly gradient: Float32Array;
}

export interface TrainerOptions {
	readonly loss: Loss;
	readonly optimizer: Optimizer;
	readonly clipNorm?: number;
	/** Seed of dropout masks; combined with the step number. */
	readonly seed: number;
}

/** Everything that must be kept to go on training elsewhere. */
export interface TrainerState {
	/** Flat, in the layout of `parameters`. */
	readonly parameters: Float32Array;
	/** Flat, in the layout of `buffers`. */
	readonly buffers: Float32Array;
	/** The optimiser's slots (momentum; first and second moment), each flat in the layout of `parameters`. */
	readonly slots: readonly Float32Array[];
	/** Optimiser updates done so far (bias correction of Adam, seeds of dropout). */
	readonly updates: number;
}

/** The parts of a state that cost something to copy; `updates` always comes along. */
export const stateParts = ['parameters', 'buffers', 'slots'] as const;
export type StatePart = (typeof stateParts)[number];

/** A whole model that trains on one device. */
export interface Trainer {
	readonly parameters: Layout;
	readonly buffers: Layout;
	/** Copies of the state; vectors of parts that were not asked for are empty. */
	save(parts?: readonly StatePart[]): Promise<TrainerState>;
	/** Replaces the whole state, or only the parts given. */
	load(state: Partial<TrainerState>): Promise<void>;
	/** Forward, loss, backward and update in one go. `lrScale` multiplies the optimiser's learning rate (schedules). */
	step(batch: Batch, lrScale?: number): Promise<StepResult>;
	/** Forward, loss, backward; the weights stay. Running statistics of batch norms move on. */
	gradient(batch: Batch): Promise<GradientResult>;
	/** One optimiser update with a gradient from elsewhere. */
	apply(gradient: Float32Array, lrScale?: number): Promise<void>;
	/** Loss and hits in inference mode (running statistics, no dropout); changes nothing. */
	evaluate(batch: Batch): Promise<StepResult>;
	close(): Promise<void>;
}

export interface Predictor {
	/** The model's outputs in inference mode. */
	predict(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
	close(): Promise<void>;
}

export interface EngineOptions {
	/** Computing threads, ≥ 1. */
	readonly threads: number;
}

export interface Engine {
	readonly name: EngineName;
	/** For people: version and backend, for instance «onnxruntime-node 1.30.0, 2 threads». */
	readonly description: string;
	/** @throws FplError `MODEL_OP`, `MODEL_GRADIENT` or `MODEL_SHAPE` when the model cannot be trained by this engine. */
	trainer(model: Model, options: TrainerOptions): Promise<Trainer>;
	predictor(model: Model): Promise<Predictor>;
	/**
	 * A part of a model between two cuts.
	 * @throws FplError as `trainer`; `MODEL_CUT` when the model cannot be cut there.
	 */
	stage(model: Model, options: StageOptions): Promise<Stage>;
	close(): Promise<void>;
}
