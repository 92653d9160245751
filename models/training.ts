/** How a model is trained: optimiser, learning-rate schedule, clipping. Plain data; `optimizer.ts` turns it into graphs. */

export type Optimizer =
	| {
			readonly kind: 'sgd';
			/** Learning rate, > 0. */
			readonly lr: number;
			/** [0, 1). */
			readonly momentum: number;
			readonly nesterov: boolean;
			/** L2 added to the gradient, as PyTorch's SGD does, ≥ 0. */
			readonly weightDecay: number;
	  }
	| {
			readonly kind: 'adam' | 'adamw';
			readonly lr: number;
			readonly beta1: number;
			readonly beta2: number;
			readonly epsilon: number;
			/** adam: L2 added to the gradient; adamw: decoupled (Loshchilov, Hutter 2019). */
			readonly weightDecay: number;
	  };

/** Multiplies the learning rate; `step` counts optimiser updates from 0, `steps` is their planned total. */
export type Schedule =
	| {readonly kind: 'constant'}
	| {readonly kind: 'step'; readonly every: number; readonly gamma: number}
	| {readonly kind: 'cosine'; readonly warmup: number; readonly floor: number}
	| {readonly kind: 'linear'; readonly warmup: number};

export interface Training {
	readonly optimizer: Optimizer;
	readonly schedule: Schedule;
	/** Largest permitted L2 norm of the whole gradient; undefined: no clipping. */
	readonly clipNorm?: number;
	/** Items in one global batch, summed over all replicas. */
	readonly batch: number;
	readonly epochs: number;
	readonly seed: number;
}
