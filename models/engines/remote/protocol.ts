/** What an engine and its worker thread say to each other: requests with a number, one answer each, in order. */
import type {ErrorCode, ErrorFacts} from '../../../core/errors.js';
import type {Tensor} from '../../../core/tensor/tensor.js';
import type {Layout, Model} from '../../graph.js';
import type {Batch, GradientResult, StatePart, StepResult, TrainerOptions, TrainerState} from '../engine.js';

type Tensors = Readonly<Record<string, Tensor>>;

/** `handle` names an executable, counted from 1 by the engine. */
export type Request =
	| {readonly kind: 'describe'}
	| {readonly kind: 'trainer'; readonly handle: number; readonly model: Model; readonly options: TrainerOptions}
	| {readonly kind: 'predictor'; readonly handle: number; readonly model: Model}
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
	/** The memory of the request's tensors. The worker gives it back with the answer and keeps nothing of it. */
	readonly loan: ArrayBuffer | undefined;
}

export type Answer = {readonly id: number; readonly loan: ArrayBuffer | undefined} & (
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

/** What a worker does the work with. */
export interface Host {
	/** `Engine.description`. */
	describe(): string;
	trainer(model: Model, options: TrainerOptions): Awaitable<HostedTrainer>;
	predictor(model: Model): Awaitable<HostedPredictor>;
}
