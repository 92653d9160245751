/** Inference inside the worker. Weights are constants of the session, so the runtime may fold and rearrange them. */
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import type {Tensor} from '../../../core/tensor/tensor.js';
import type {Model} from '../../graph.js';
import type {HostedPredictor} from '../remote/protocol.js';
import {checkInput, checkSymbols} from './check.js';
import {fromOrt, type Runtime, toOrt} from './runtime.js';
import {Session} from './session.js';

export class OrtPredictor implements HostedPredictor {
	readonly #runtime: Runtime;
	readonly #model: Model;
	readonly #session: Session;

	private constructor(runtime: Runtime, model: Model, session: Session) {
		this.#runtime = runtime;
		this.#model = model;
		this.#session = session;
	}

	static async create(runtime: Runtime, model: Model): Promise<OrtPredictor> {
		return new OrtPredictor(runtime, model, await Session.create(runtime, model.graph));
	}

	/** @throws FplError `DATA_SHAPE` when an input is missing or does not fit. */
	async predict(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
		const feeds: Record<string, OrtTensor> = {};
		const lengths = new Map<string, number>();
		for (const expected of this.#model.graph.inputs) {
			const {name, dtype} = expected;
			const {data, shape: given} = checkInput(this.#model.name, expected, inputs[name]);
			checkSymbols(this.#model.name, expected, given, lengths);
			feeds[name] = toOrt(this.#runtime, dtype, given, data);
		}
		const results = await this.#session.run(feeds);
		return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrt(value as OrtTensor)]));
	}

	close(): Promise<void> {
		return this.#session.release();
	}
}
