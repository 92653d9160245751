/** Weights of a model, or of a part of one: flat vectors are the truth, tfjs variables copies of them that lag behind. */
import type {Variable} from '@tensorflow/tfjs';
import {FplError} from '../../../core/errors.js';
import {slotCount} from '../../compile/optimizer.js';
import type {Layout, Model} from '../../graph.js';
import {flatten, layoutOf, viewOf} from '../../layout.js';
import type {Optimizer} from '../../training.js';
import type {StatePart, TrainerState} from '../engine.js';
import {toTf} from './convert.js';
import type {TrainingPass} from './ops/context.js';
import {update} from './update.js';
import {type Tf, type TfTensor, Value} from './value.js';

export interface UpdateOptions {
	readonly lrScale: number;
	/** Multiplies the gradient; 1 by default. */
	readonly scale?: number;
	readonly clipNorm?: number | undefined;
}

export class Weights {
	readonly layouts: {readonly parameters: Layout; readonly buffers: Layout};
	/** Optimiser updates done so far. */
	updates = 0;
	readonly #tf: Tf;
	readonly #name: string;
	readonly #parameters: Float32Array;
	readonly #buffers: Float32Array;
	readonly #slots: readonly Float32Array[];
	readonly #variables = new Map<string, Variable>();
	/** Whether the variables lag behind the flat vector. */
	#stale = false;

	/** @throws FplError `MODEL_OP` for an element type that tfjs does not know. */
	constructor(tf: Tf, {name, graph, parameters, buffers}: Model, optimizer: Optimizer) {
		this.#tf = tf;
		this.#name = name;
		this.layouts = {parameters: layoutOf(graph, parameters), buffers: layoutOf(graph, buffers)};
		this.#parameters = flatten(graph, this.layouts.parameters);
		this.#buffers = flatten(graph, this.layouts.buffers);
		this.#slots = Array.from({length: slotCount(optimizer)}, () => new Float32Array(this.#parameters.length));
		tf.tidy(() => {
			for (const entry of this.layouts.parameters.entries) {
				const value = toTf(tf, viewOf(this.#parameters, entry), entry.name);
				this.#variables.set(entry.name, tf.variable(value.raw));
			}
		});
	}

	save(parts: readonly StatePart[] = ['parameters', 'buffers', 'slots']): TrainerState {
		const copy = (part: StatePart, vector: Float32Array) =>
			parts.includes(part) ? vector.slice() : new Float32Array(0);
		return {
			parameters: copy('parameters', this.#parameters),
			buffers: copy('buffers', this.#buffers),
			slots: parts.includes('slots') ? this.#slots.map(slot => slot.slice()) : [],
			updates: this.updates,
		};
	}

	/** @throws FplError `MODEL_SHAPE` when a vector has another length; nothing is changed then. */
	load({parameters, buffers, slots, updates}: Partial<TrainerState>): void {
		const pairs: Array<readonly [what: string, from: Float32Array, to: Float32Array]> = [];
		if (parameters !== undefined) {
			pairs.push(['parameters', parameters, this.#parameters]);
		}
		if (buffers !== undefined) {
			pairs.push(['buffers', buffers, this.#buffers]);
		}
		if (slots !== undefined) {
			this.#expect('number of optimiser slots', this.#slots.length, slots.length);
			pairs.push(...slots.map((slot, index) => [`optimiser slot ${index}`, slot, this.#slots[index]!] as const));
		}
		for (const [what, from, to] of pairs) {
			this.#expect(`length of ${what}`, to.length, from.length);
		}
		for (const [, from, to] of pairs) {
			to.set(from);
		}
		this.updates = updates ?? this.updates;
		this.#stale ||= parameters !== undefined;
	}

	/** @throws FplError `MODEL_SHAPE` when the gradient has another length. */
	update(optimizer: Optimizer, gradient: Float32Array, {lrScale, scale = 1, clipNorm}: UpdateOptions): void {
		this.#expect('length of the gradient', this.#parameters.length, gradient.length);
		update(optimizer, {
			parameters: this.#parameters,
			slots: this.#slots,
			gradient,
			updates: this.updates,
			lrScale,
			scale,
			clipNorm,
		});
		this.updates++;
		this.#stale = true;
	}

	/** In the order of the layout, up to date. Call inside `tidy`. */
	variables(): readonly Variable[] {
		if (this.#stale) {
			for (const entry of this.layouts.parameters.entries) {
				this.#variables.get(entry.name)!.assign(toTf(this.#tf, viewOf(this.#parameters, entry), entry.name).raw);
			}
			this.#stale = false;
		}
		return [...this.#variables.values()];
	}

	/** Parameters (once `variables` has brought them up to date) and buffers by name. Call inside `tidy`. */
	values(): ReadonlyMap<string, Value> {
		return new Map([
			...[...this.#variables].map(([name, variable]) => [name, new Value(this.#tf, variable)] as const),
			...this.layouts.buffers.entries.map(
				entry => [entry.name, toTf(this.#tf, viewOf(this.#buffers, entry), entry.name)] as const,
			),
		]);
	}

	/**
	 * Writes gradients of `variables` one after the other into a flat vector.
	 * @param gradients a parameter that does not reach the loss has none.
	 */
	flattenInto(flat: Float32Array, gradients: readonly (TfTensor | undefined)[]): void {
		for (const [index, entry] of this.layouts.parameters.entries.entries()) {
			const own = gradients[index]?.dataSync() as Float32Array | undefined;
			const {data} = viewOf(flat, entry);
			if (own === undefined) {
				data.fill(0);
			} else {
				data.set(own);
			}
		}
	}

	/** For one pass in training mode; `keep` makes the running statistics that it moved the valid ones. */
	training(dropout: TrainingPass['dropout']): {readonly pass: TrainingPass; keep(): void} {
		const moved = this.#buffers.slice();
		const entries = new Map(this.layouts.buffers.entries.map(entry => [entry.name, entry]));
		return {
			pass: {
				isBuffer: name => entries.has(name),
				move: (name, observed, momentum) => {
					const entry = entries.get(name);
					if (entry !== undefined) {
						const {data} = viewOf(moved, entry);
						for (const [index, old] of data.entries()) {
							data[index] = momentum * old + (1 - momentum) * observed[index]!;
						}
					}
				},
				dropout,
			},
			keep: () => this.#buffers.set(moved),
		};
	}

	close(): void {
		for (const variable of this.#variables.values()) {
			variable.dispose();
		}
		this.#variables.clear();
	}

	#expect(what: string, expected: number, got: number): void {
		if (expected !== got) {
			throw new FplError('MODEL_SHAPE', {
				where: `${what} for «${this.#name}»`,
				expected: String(expected),
				got: String(got),
			});
		}
	}
}
