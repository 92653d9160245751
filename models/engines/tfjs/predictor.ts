/** A model that only infers, inside the worker: synchronous and single-threaded. */
import type {Tensor} from '../../../core/tensor/tensor.js';
import type {Model} from '../../graph.js';
import type {HostedPredictor} from '../remote/protocol.js';
import {fromTf, toTf} from './convert.js';
import {execute} from './execute.js';
import {sizesOf} from './feeds.js';
import {Plans} from './plans.js';
import type {Tf} from './value.js';

export class TfjsPredictor implements HostedPredictor {
	readonly #tf: Tf;
	readonly #model: Model;
	readonly #plans: Plans;

	/** @throws FplError `MODEL_OP` for an operator or element type that tfjs does not know, `MODEL_SHAPE`. */
	constructor(tf: Tf, model: Model) {
		this.#tf = tf;
		this.#model = model;
		this.#plans = new Plans(tf, model, new Set());
	}

	/** @throws FplError `DATA_SHAPE` when the inputs do not fit. */
	predict(inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
		const {graph, constants} = this.#plans.at(sizesOf(this.#model, inputs));
		const results: Record<string, Tensor> = {};
		this.#tf.tidy(() => {
			const given = new Map(constants);
			for (const {name} of graph.inputs) {
				given.set(name, toTf(this.#tf, inputs[name]!, `input «${name}»`));
			}
			const pass = {tf: this.#tf, modelName: this.#model.name, opset: graph.opsets[''] ?? 1, training: undefined};
			for (const [index, value] of execute(pass, graph, given).entries()) {
				const {name, dtype} = graph.outputs[index]!;
				results[name] = fromTf(value, dtype);
			}
		});
		return results;
	}

	close(): void {
		this.#plans.close();
	}
}
