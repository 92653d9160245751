/**
 * A value of the graph while tfjs executes it. ONNX puts channels second (NCHW); tfjs' convolutions, on the backends that
 * run everywhere, want them last (NHWC). A value remembers how it lies and is transposed only when somebody needs it the
 * other way, at most once per direction, so that a chain convolution → batch norm → activation → pooling has no
 * transposes inside. The transposes are tfjs ops like any other and are differentiated with the rest.
 */
import type {Tensor as TfTensor} from '@tensorflow/tfjs';

export type Tf = typeof import('@tensorflow/tfjs');
export type {TfTensor};

/** `plain`: as ONNX says; `last`: axis 1 moved to the end. Rank < 3 is always `plain`. */
export type Lies = 'plain' | 'last';

const range = (from: number, to: number) => Array.from({length: Math.max(0, to - from)}, (_, index) => from + index);

export class Value {
	readonly #tf: Tf;
	readonly lies: Lies;
	/** The tensor as it lies. */
	readonly raw: TfTensor;
	#other: TfTensor | undefined;
	#host: readonly number[] | undefined;

	/** @param host the elements, where they are known without asking the backend (row-major, of the plain form). */
	constructor(tf: Tf, raw: TfTensor, lies: Lies = 'plain', host?: readonly number[]) {
		this.#tf = tf;
		this.raw = raw;
		this.lies = raw.rank < 3 ? 'plain' : lies;
		this.#host = host;
	}

	get rank(): number {
		return this.raw.rank;
	}

	/** The shape that ONNX gives the value. */
	get shape(): readonly number[] {
		const {shape} = this.raw;
		return this.lies === 'plain' ? shape : [shape[0]!, shape.at(-1)!, ...shape.slice(1, -1)];
	}

	/** As ONNX lays it out. */
	get plain(): TfTensor {
		if (this.lies === 'plain') {
			return this.raw;
		}
		this.#other ??= this.#tf.transpose(this.raw, [0, this.rank - 1, ...range(1, this.rank - 1)]);
		return this.#other;
	}

	/** With axis 1 moved to the end; the same as `plain` for ranks below 3. */
	get last(): TfTensor {
		if (this.lies === 'last' || this.rank < 3) {
			return this.raw;
		}
		this.#other ??= this.#tf.transpose(this.raw, [0, ...range(2, this.rank), 1]);
		return this.#other;
	}

	/** Frees the tensor of a value that was made outside `tidy`; its transposed copies were made inside and are gone. */
	dispose(): void {
		this.raw.dispose();
	}

	/** The elements of the plain form as numbers. Waits for the backend unless they are known. */
	get host(): readonly number[] {
		this.#host ??= Array.from(this.plain.dataSync());
		return this.#host;
	}
}
