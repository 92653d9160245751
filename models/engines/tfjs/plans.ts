/**
 * A model's graph specialised to the sizes of a batch, with its constants inside tfjs. Plans for the sizes met last are
 * kept, so that steps on batches of one size (and the odd smaller one at the end of an epoch) compile nothing.
 */
import type {Graph, Model} from '../../graph.js';
import {type Sizes, specialise} from '../../specialise.js';
import {toTf} from './convert.js';
import {checkOps} from './ops/table.js';
import type {Tf, Value} from './value.js';

/** Plans kept at a time. */
const kept = 8;

export interface Plan {
	readonly graph: Graph;
	/** Every initializer of the graph that is not fed. */
	readonly constants: ReadonlyMap<string, Value>;
}

/** Whether nothing but the first axis of inputs is symbolic, so that any size will do to try the model out. */
const onlyBatchIsSymbolic = ({inputs}: Graph): boolean =>
	inputs.every(({shape}) => shape?.every((dim, axis) => axis === 0 || typeof dim === 'number') ?? false);

export class Plans {
	readonly #tf: Tf;
	readonly #model: Model;
	/** For the smallest batch, or as it came where more than the batch is symbolic. */
	readonly trial: Graph;
	/** Constants that all plans share. */
	readonly #shared = new Map<string, Value>();
	readonly #plans = new Map<string, Plan>();

	/**
	 * @param fed initializers that the caller gives with every run (weights, running statistics).
	 * @throws FplError `MODEL_OP` for an operator or element type that tfjs does not know, `MODEL_SHAPE` when shapes do not
	 * fit together.
	 */
	constructor(tf: Tf, model: Model, fed: ReadonlySet<string>) {
		this.#tf = tf;
		this.#model = model;
		const {graph} = model;
		this.trial = onlyBatchIsSymbolic(graph)
			? specialise(graph, Object.fromEntries(symbolsOf(graph).map(name => [name, 1])))
			: graph;
		checkOps(this.trial, model.name);
		for (const [name, value] of graph.initializers) {
			if (!fed.has(name)) {
				this.#shared.set(name, toTf(tf, value, `initializer «${name}» of «${model.name}»`));
			}
		}
	}

	/** Do not call inside `tidy`: what it uploads must stay. */
	at(sizes: Sizes): Plan {
		const key = JSON.stringify(sizes);
		const plan = this.#plans.get(key) ?? this.#make(sizes);
		this.#plans.delete(key);
		this.#plans.set(key, plan);
		const [oldest] = this.#plans.keys();
		if (this.#plans.size > kept && oldest !== undefined) {
			this.#drop(oldest);
		}
		return plan;
	}

	#make(sizes: Sizes): Plan {
		const graph = specialise(this.#model.graph, sizes);
		const constants = new Map<string, Value>();
		for (const [name, value] of graph.initializers) {
			const shared = this.#shared.get(name);
			if (shared !== undefined) {
				constants.set(name, shared);
			} else if (!this.#model.graph.initializers.has(name)) {
				constants.set(name, toTf(this.#tf, value, `constant «${name}» of «${this.#model.name}»`));
			}
		}
		return {graph, constants};
	}

	#drop(key: string): void {
		for (const [name, value] of this.#plans.get(key)?.constants ?? []) {
			if (!this.#shared.has(name)) {
				value.dispose();
			}
		}
		this.#plans.delete(key);
	}

	close(): void {
		for (const key of [...this.#plans.keys()]) {
			this.#drop(key);
		}
		for (const value of this.#shared.values()) {
			value.dispose();
		}
		this.#shared.clear();
	}
}

const symbolsOf = ({inputs}: Graph): string[] =>
	inputs.flatMap(({shape}) => (shape ?? []).filter(dim => typeof dim === 'string'));
