/** What an engine and its worker thread say to each other: requests with a number, one answer each, in order. */
import type {ErrorCode, ErrorFacts} from '../../../core/errors.js';
import type {Tensor} from '../../../core/tensor/tensor.js';
import type {Layout, Model} from '../../graph.js';
import type {Batch, GradientResult, StatePart, StepResult, TrainerOptions, TrainerState} from '../engine.js';
import type {
	Accumulated,
	ApplyOptions,
	Backwarded,
	Forwarded,
	Learned,
	StageInfo,
	StageOptions,
	Tensors,
	Where,
} from '../stage.js';

/** Tensors that travel in lent memory. */
export interface Lent {
	readonly inputs: Tensors;
	readonly targets?: Tensor;
}

/** What a stage is asked; its tensors travel beside. */
export type StageCall =
	| {readonly kind: 'save'; readonly parts: readonly StatePart[]}
	| {readonly kind: 'load'; readonly state: Partial<TrainerState>}
	| {readonly kind: 'forward'; readonly micro: number; readonly where: Where}
	/** The tensors are gradients of the outputs. */
	| {readonly kind: 'backward'; readonly micro: number}
	| {readonly kind: 'learn'; readonly micro: number; readonly where: Where}
	| {readonly kind: 'gradient'}
	| {readonly kind: 'squared-norm'}
	| {readonly kind: 'discard'}
	| {readonly kind: 'apply'; readonly options: ApplyOptions}
	| {readonly kind: 'predict'}
	| {readonly kind: 'evaluate'};

/** `handle` names an executable, counted from 1 by the engine. */
export type Request =
	| {readonly kind: 'describe'}
	| {readonly kind: 'trainer'; readonly handle: number; readonly model: Model; readonly options: TrainerOptions}
	| {readonly kind: 'predictor'; readonly handle: number; readonly model: Model}
	| {readonly kind: 'stage'; readonly handle: number; readonly model: Model; readonly options: StageOptions}
	| {readonly kind: 'of-stage'; readonly handle: number; readonly call: StageCall; readonly batch?: Lent}
	| {readonly kind: 'save'; readonly handle: number; readonly parts: readonly StatePart[]}
	| {readonly kind: 'load'; readonly handle: number; readonly state: Partial<TrainerState>}
	| {readonly kind: 'step'; readonly handle: number; readonly batch: Batch; readonly lrScale: number}
	| {readonly kind: 'gradient'; readonly handle: number; readonly batch: Batch}
	| {readonly kind: 'apply'; readonly handle: number; readonly gradient: Float32Array; readonly lrScale: number}
	| {readonly kind: 'evaluate'; readonly handle: number; readonly batch: Batch}
	| {readonly kind: 'predict'; readonly handle: number; readonly inputs: Tensors}
	| {readonly kind: 'close'; readonly handle: number}
	/** Nothing comes after this: the thread ends when what it was asked before is done. It is not answered. */
	| {readonly kind: 'end'};

export interface Numbered {
	readonly id: number;
	readonly request: Request;
	/** The memory of the request's tensors. The worker gives it back with an answer, and keeps nothing of it then. */
	readonly loan: ArrayBuffer | undefined;
}

/** `loans` come back with the answer to their request, or with a later one. */
export type Answer = {readonly id: number; readonly loans: readonly ArrayBuffer[]} & (
	| {readonly ok: true; readonly value: unknown}
	| {readonly ok: false; readonly code: ErrorCode; readonly facts: ErrorFacts}
);

export interface Layouts {
	readonly parameters: Layout;
	readonly buffers: Layout;
}

/** An engine may compute on the spot. */
type Awaitable<T> = T | Promise<T>;

/** A trainer inside the worker. */
export interface HostedTrainer extends Layouts {
	save(parts: readonly StatePart[]): TrainerState;
	load(state: Partial<TrainerState>): void;
	step(batch: Batch, lrScale: number): Awaitable<StepResult>;
	gradient(batch: Batch): Awaitable<GradientResult>;
	apply(gradient: Float32Array, lrScale: number): Awaitable<void>;
	evaluate(batch: Batch): Awaitable<StepResult>;
	close(): Awaitable<void>;
}

export interface HostedPredictor {
	predict(inputs: Tensors): Awaitable<Tensors>;
	close(): Awaitable<void>;
}

/** A stage inside the worker. */
export interface HostedStage {
	readonly info: StageInfo;
	save(parts: readonly StatePart[]): TrainerState;
	load(state: Partial<TrainerState>): void;
	forward(micro: number, inputs: Tensors, where: Where): Awaitable<Forwarded>;
	backward(micro: number, outputGradients: Tensors): Awaitable<Backwarded>;
	learn(micro: number, inputs: Tensors, targets: Tensor, where: Where): Awaitable<Learned>;
	gradient(): Accumulated;
	squaredNorm(): number;
	discard(): void;
	apply(options: ApplyOptions): Awaitable<void>;
	predict(inputs: Tensors): Awaitable<Forwarded>;
	evaluate(inputs: Tensors, targets: Tensor): Awaitable<StepResult>;
	/** Called after each request with the memory of its tensors; answers lent memory that is no longer needed. */
	settle(loan: ArrayBuffer | undefined): readonly ArrayBuffer[];
	close(): Awaitable<void>;
}

/** What a worker does the work with. */
export interface Host {
	/** `Engine.description`. */
	describe(): string;
	trainer(model: Model, options: TrainerOptions): Awaitable<HostedTrainer>;
	predictor(model: Model): Awaitable<HostedPredictor>;
	stage(model: Model, options: StageOptions): Awaitable<HostedStage>;
}
