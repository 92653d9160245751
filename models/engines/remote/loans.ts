/**
 * Memory that travels to the worker with a batch and comes back with the answer. Cloning a batch into fresh memory on every
 * step costs more than the step itself for small models: the memory is handed back to the system and faulted in again.
 */
import {arrayTypes, type Tensor} from '../../../core/tensor/tensor.js';
import type {Lent} from './protocol.js';

/** More buffers than this wait for nobody: that many calls were under way at once. */
const maxIdle = 8;

/** Views of any element type may begin at multiples of this. */
const alignment = 64;

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

export class Loans {
	readonly #idle: ArrayBuffer[] = [];

	/** A copy whose tensors all lie in one buffer. */
	lend({inputs, targets}: Lent): {readonly batch: Lent; readonly loan: ArrayBuffer} {
		const tensors = [...Object.values(inputs), ...(targets === undefined ? [] : [targets])];
		const size = tensors.reduce((sum, {data}) => sum + aligned(data.byteLength), 0);
		const loan = this.#take(size);
		let offset = 0;
		const copied = (tensor: Tensor): Tensor => {
			const copy = new arrayTypes[tensor.dtype](loan, offset, tensor.data.length);
			copy.set(tensor.data as never);
			offset += aligned(tensor.data.byteLength);
			return {...tensor, data: copy} as Tensor;
		};
		const entries = Object.entries(inputs).map(([name, tensor]) => [name, copied(tensor)]);
		const batch = {inputs: Object.fromEntries(entries), ...(targets === undefined ? {} : {targets: copied(targets)})};
		return {batch, loan};
	}

	giveBack(loan: ArrayBuffer): void {
		if (this.#idle.length < maxIdle) {
			this.#idle.push(loan);
		}
	}

	/** The smallest idle buffer that is large enough, else a new one in place of the smallest. */
	#take(size: number): ArrayBuffer {
		this.#idle.sort((a, b) => a.byteLength - b.byteLength);
		const fitting = this.#idle.findIndex(({byteLength}) => byteLength >= size);
		if (fitting >= 0) {
			return this.#idle.splice(fitting, 1)[0]!;
		}
		this.#idle.shift();
		return new ArrayBuffer(size);
	}
}
