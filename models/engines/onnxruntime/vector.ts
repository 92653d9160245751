/**
 * A flat vector that lives through training in two copies: a run reads one and writes the other, then they change places,
 * so that no weight is ever copied. A run that writes only parts has those copied over instead.
 */
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import type {Shape} from '../../../core/tensor/tensor.js';
import type {Range} from '../../compile/program.js';
import {type Runtime, toOrt} from './runtime.js';

export class Vector {
	readonly length: number;
	readonly #sides: readonly [Float32Array, Float32Array];
	#side: 0 | 1 = 0;

	constructor(initial: Float32Array) {
		this.length = initial.length;
		this.#sides = [initial, new Float32Array(initial.length)];
	}

	/** The values as they are now. Valid until the next `written`. */
	get current(): Float32Array {
		return this.#sides[this.#side];
	}

	/** @returns for a piece of the vector: its tensor to read now, and its tensor to write now. */
	view(runtime: Runtime, {offset, length}: Range, shape: Shape): View {
		const [even, odd] = this.#sides.map(side =>
			toOrt(runtime, 'float32', shape, side.subarray(offset, offset + length)),
		) as [OrtTensor, OrtTensor];
		return {
			read: () => (this.#side === 0 ? even : odd),
			write: () => (this.#side === 0 ? odd : even),
		};
	}

	/** A run has written these pieces, which do not overlap, to the other side. */
	written(ranges: readonly Range[]): void {
		const total = ranges.reduce((sum, {length}) => sum + length, 0);
		if (total === this.length) {
			this.#side = this.#side === 0 ? 1 : 0;
			return;
		}
		const from = this.#sides[this.#side === 0 ? 1 : 0];
		for (const {offset, length} of ranges) {
			this.current.set(from.subarray(offset, offset + length), offset);
		}
	}
}

export interface View {
	read(): OrtTensor;
	write(): OrtTensor;
}
