/** What forward passes put aside for backward passes: memory that is used again and again, since fresh memory costs time. */
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import {arrayTypes, byteLengthOf, sizeOf} from '../../../core/tensor/tensor.js';
import type {Program} from '../../compile/program.js';
import {type Runtime, toOrt} from './runtime.js';

export type Stash = ReadonlyMap<string, OrtTensor>;

/** Names of inputs and outputs of forward that backward reads. */
export const readByBackward = (backward: Program): ReadonlySet<string> =>
	new Set(backward.inputs.flatMap(({role}) => (role.kind === 'data' || role.kind === 'activation' ? [role.name] : [])));

/** Memory that one micro-batch takes up between forward and backward, in bytes. */
export function bytesKept(forward: Program, backward: Program): number {
	const stashed = forward.outputs.filter(({role}) => role.kind === 'stash');
	const read = backward.inputs.filter(({role}) => ['data', 'activation', 'mask'].includes(role.kind));
	return [...stashed, ...read].reduce((sum, {dtype, shape}) => sum + byteLengthOf(dtype, shape), 0);
}

export class Stashes {
	/** By number of items; only of the size used last, so that odd sizes leave nothing behind. */
	readonly #idle: Stash[] = [];
	#items = 0;

	/** Tensors for all that the forward program puts aside. */
	take(runtime: Runtime, items: number, forward: Program): Stash {
		if (items !== this.#items) {
			this.clear();
			this.#items = items;
		}
		return (
			this.#idle.pop() ??
			new Map(
				forward.outputs.flatMap(({role, dtype, shape}) =>
					role.kind === 'stash'
						? [[role.name, toOrt(runtime, dtype, shape, new arrayTypes[dtype](sizeOf(shape)))] as const]
						: [],
				),
			)
		);
	}

	giveBack(items: number, stash: Stash): void {
		if (items === this.#items) {
			this.#idle.push(stash);
		}
	}

	clear(): void {
		this.#idle.length = 0;
	}
}
