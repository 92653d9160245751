/** A program bound to resident weights: which tensor goes into which port, and what becomes of what comes out. */
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import type {Tensor} from '../../../core/tensor/tensor.js';
import type {Program, Range} from '../../compile/program.js';
import type {Mask} from '../staged/part.js';
import {Binder} from './binder.js';
import {blocked} from './blocked/block.js';
import type {Runtime} from './runtime.js';
import {WritingSession} from './session.js';
import type {Vector} from './vector.js';
import type {Weights} from './weights.js';

/** What changes from call to call. */
export interface Call {
	/** Data, activations and outputs by name, whatever the program reads. */
	readonly inputs?: Readonly<Record<string, Tensor>>;
	readonly targets?: Tensor;
	/** Gradients of outputs, by the output's name. */
	readonly outputGradients?: Readonly<Record<string, Tensor>>;
	/** What forward puts aside, by name: written by `forward`, read by `backward`. */
	readonly stash?: ReadonlyMap<string, OrtTensor>;
	/** Receives new tensors: activations or gradients of inputs, by their names. */
	readonly out?: Map<string, OrtTensor>;
	/** Read by `apply`, written by `gradient` and `backward`; in the layout of the parameters. */
	readonly gradient?: Float32Array;
	readonly lr: number;
	/** Number of the update, from 1. */
	readonly update: number;
	/** What multiplies the gradient in `apply`; 1 by default. */
	readonly scale?: number;
	readonly mask: Mask;
	/** How many classes the loss knows; undefined where it knows none. */
	readonly classes: number | undefined;
}

export type Feed = (call: Call) => OrtTensor;

export class Executable {
	readonly #session: WritingSession;
	readonly #feeds: ReadonlyArray<readonly [string, Feed]>;
	readonly #fetches: ReadonlyArray<readonly [string, Feed]>;
	readonly #written: ReadonlyMap<Vector, readonly Range[]>;
	readonly #loss: Float32Array | undefined;
	readonly #correct: Float32Array | undefined;

	private constructor(session: WritingSession, program: Program, binder: Binder) {
		this.#session = session;
		this.#feeds = program.inputs.map(port => [port.name, binder.input(port)]);
		this.#fetches = program.outputs.map(port => [port.name, binder.output(port)]);
		this.#written = binder.written;
		this.#loss = binder.scalars.get('loss');
		this.#correct = binder.scalars.get('correct');
	}

	/** @throws FplError `MODEL_OP` when the runtime refuses the program. */
	static async create(runtime: Runtime, program: Program, weights: Weights): Promise<Executable> {
		const {graph} = program;
		const session = await WritingSession.create(
			runtime,
			runtime.block === undefined ? graph : blocked(graph, runtime.block),
		);
		return new Executable(session, program, new Binder(runtime, program.graph.name, weights));
	}

	/** Runs once; new weights are in place afterwards. A failed run changes nothing. */
	async run(call: Call): Promise<{loss: number; correct: number | undefined}> {
		const bound = (ports: ReadonlyArray<readonly [string, Feed]>) =>
			Object.fromEntries(ports.map(([name, feed]) => [name, feed(call)]));
		await this.#session.run(bound(this.#feeds), bound(this.#fetches));
		for (const [vector, ranges] of this.#written) {
			vector.written(ranges);
		}
		return {loss: this.#loss?.[0] ?? Number.NaN, correct: this.#correct?.[0]};
	}

	release(): Promise<void> {
		return this.#session.release();
	}
}
