/** What the engine and its worker thread say to each other: requests with a number, one answer each. */
import type {ErrorCode, ErrorFacts} from '../../../core/errors.js';
import type {Tensor} from '../../../core/tensor/tensor.js';
import type {Model} from '../../graph.js';
import type {Batch, StatePart, TrainerOptions, TrainerState} from '../engine.js';
import type {BackendName} from './backend.js';

export interface WorkerSetup {
	readonly threads: number;
	/** Only this backend; undefined: the best that works. */
	readonly backend: BackendName | undefined;
}

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
	| {readonly kind: 'predict'; readonly handle: number; readonly inputs: Readonly<Record<string, Tensor>>}
	| {readonly kind: 'close'; readonly handle: number};

export type RequestKind = Request['kind'];

export interface Numbered {
	readonly id: number;
	readonly request: Request;
}

export type Answer =
	| {readonly id: number; readonly ok: true; readonly value: unknown}
	| {readonly id: number; readonly ok: false; readonly code: ErrorCode; readonly facts: ErrorFacts};
