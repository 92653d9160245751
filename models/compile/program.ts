/**
 * What an engine executes: a graph, and for each of its inputs and outputs the part it plays. Weights are always inputs,
 * never initializers, so they stay resident outside the session and programs for several batch sizes share them.
 *
 * An engine keeps one flat float32 vector per kind of weight (parameters, buffers, each optimiser slot, the gradient; see
 * `layout.ts`), answers each role with a view into it, and gives views of a *second* vector as preallocated outputs: an
 * output must never share memory with an input of the same run, since nodes run in any order their data allow.
 */
import type {DType, Shape} from '../../core/tensor/tensor.js';
import type {Graph, Layout, Loss} from '../graph.js';
import type {Optimizer} from '../training.js';

/** Elements `offset … offset + length − 1` of a flat vector. */
export interface Range {
	readonly offset: number;
	readonly length: number;
}

/** What has to be fed. All float32 unless said otherwise. */
export type InputRole =
	/** One parameter, in its own shape: a view into the flat vector of parameters. */
	| {readonly kind: 'parameter'; readonly name: string}
	/** A piece of the flat vector of parameters, [range.length]. May appear beside the single parameters within. */
	| {readonly kind: 'parameters'; readonly range: Range}
	/** One buffer (running mean or variance), in its own shape. */
	| {readonly kind: 'buffer'; readonly name: string}
	/** A piece of optimiser slot `slot`, a flat vector in the layout of the parameters. */
	| {readonly kind: 'slots'; readonly slot: number; readonly range: Range}
	/** A piece of the flat gradient. */
	| {readonly kind: 'gradients'; readonly range: Range}
	/** An input of the model, by its name in the model's graph, in that input's dtype. */
	| {readonly kind: 'data'; readonly name: string}
	/** `Batch.targets`: int64 for softmax-cross-entropy, float32 for mse and bce. */
	| {readonly kind: 'target'}
	/** The mask of a Dropout node: `dropoutMask` of `compile/dropout.ts` makes it from seed, update and node name. */
	| {readonly kind: 'mask'; readonly node: string; readonly ratio: number}
	/** A float32 scalar (rank 0), see `ScalarName`. */
	| {readonly kind: 'scalar'; readonly scalar: ScalarName}
	/** A value that an earlier segment made, by its name in the model's graph. */
	| {readonly kind: 'activation'; readonly name: string}
	/** A value that this segment's forward program put aside for its backward program. */
	| {readonly kind: 'stash'; readonly name: string}
	/** The gradient of the loss with respect to an output `name` of the segment. */
	| {readonly kind: 'output-gradient'; readonly name: string};

/**
 * lr: the optimiser's learning rate times the schedule's factor. update: the number of this update, counted from 1
 * (`TrainerState.updates + 1`). scale: what the gradient is multiplied by before it is used.
 */
export type ScalarName = 'lr' | 'update' | 'scale';

/** What comes out. Kinds that also occur as inputs are the new values of the same thing. */
export type OutputRole =
	| {readonly kind: 'parameters'; readonly range: Range}
	| {readonly kind: 'buffer'; readonly name: string}
	| {readonly kind: 'slots'; readonly slot: number; readonly range: Range}
	/** The gradient of the mean loss with respect to one parameter. */
	| {readonly kind: 'gradient'; readonly name: string}
	/** Mean loss over the batch, scalar. */
	| {readonly kind: 'loss'}
	/** Number of items predicted right, float32 scalar; absent where the loss knows no classes. */
	| {readonly kind: 'correct'}
	/** A value that a later segment needs, or an output of the model. */
	| {readonly kind: 'activation'; readonly name: string}
	| {readonly kind: 'stash'; readonly name: string}
	/** The gradient of the loss with respect to an input `name` of the segment. */
	| {readonly kind: 'input-gradient'; readonly name: string};

export interface Port<Role> {
	/** Its name in the program's graph. */
	readonly name: string;
	readonly dtype: DType;
	/** Static: programs are compiled for one batch size. */
	readonly shape: Shape;
	readonly role: Role;
}

export interface Program {
	readonly graph: Graph;
	/** In the order of `graph.inputs`. */
	readonly inputs: readonly Port<InputRole>[];
	/** In the order of `graph.outputs`. */
	readonly outputs: readonly Port<OutputRole>[];
}

export interface CompileOptions {
	/** Items in the batch, ≥ 1. */
	readonly batch: number;
	readonly loss: Loss;
	readonly optimizer: Optimizer;
	/** Largest permitted L2 norm of the whole gradient; undefined: no clipping. */
	readonly clipNorm?: number;
}

/** Everything a `Trainer` executes. Each program is compiled when first asked for and kept. */
export interface TrainingPrograms {
	readonly parameters: Layout;
	readonly buffers: Layout;
	/** How many slots the optimiser keeps: 0 or 1 for sgd (momentum), 2 for adam and adamw (moments). They start at zero. */
	readonly slots: number;
	/** data, target, masks, parameters, buffers, slots, lr, update → loss, correct, new parameters, buffers, slots. */
	step(): Program;
	/** data, target, masks, parameters, buffers → loss, correct, gradients, new buffers. */
	gradient(): Program;
	/** parameters, gradient, slots, lr, update → new parameters and slots. Does not depend on the batch size. */
	apply(): Program;
	/** data, target, parameters, buffers → loss, correct; in inference mode. */
	evaluate(): Program;
}
