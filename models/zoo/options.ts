/** What a build of the zoo can be asked for. */
import type {Shape} from '../../core/tensor/tensor.js';

/** Options that every model takes. */
export interface CommonOptions {
	/** Shape of one item, without the batch. */
	readonly input: Shape;
	/** Number of classes: the length of the output. */
	readonly classes: number;
	/** Decides the initial parameters. */
	readonly seed: number;
	/** Factor on all channel and unit counts, > 0. */
	readonly width: number;
}

/** Options that some models take, with what they mean there. */
export interface SpecialOptions {
	/** mlp: units per hidden layer, before `width`. */
	readonly hidden?: readonly number[];
	/** vgg11: batch normalisation after each convolution (default yes). */
	readonly batchNorm?: boolean;
	/**
	 * First layers of residual and mobile nets. `cifar`: 3×3, stride 1, for small pictures; `imagenet`: as published, with
	 * stride 2 (and a 3×3 max-pool in resnets).
	 */
	readonly stem?: 'cifar' | 'imagenet';
	/** Share of elements that dropout zeroes while training, [0, 1); default 0 everywhere. */
	readonly dropout?: number;
	/** tiny-transformer: how many token ids there are. */
	readonly vocabulary?: number;
	/** gru: units of the recurrent state, before `width`. */
	readonly units?: number;
}

export type SpecialOption = keyof SpecialOptions;
export type BuildOptions = CommonOptions & SpecialOptions;

/** A channel or unit count times the width, at least 1. */
export const widened = (count: number, width: number): number => Math.max(1, Math.round(count * width));

/** The nearest multiple of `divisor`, not under 90 % of the value: the rule of the MobileNet papers' reference code. */
export function divisible(value: number, divisor = 8): number {
	const rounded = Math.max(divisor, Math.floor((value + divisor / 2) / divisor) * divisor);
	return rounded < 0.9 * value ? rounded + divisor : rounded;
}
