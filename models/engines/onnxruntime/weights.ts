/** Weights that stay in the worker while a model, or a part of one, trains. */
import {FplError} from '../../../core/errors.js';
import type {Layout, Model} from '../../graph.js';
import {flatten, layoutOf} from '../../layout.js';
import type {StatePart, TrainerState} from '../engine.js';
import {Vector} from './vector.js';

export class Weights {
	readonly layouts: {readonly parameters: Layout; readonly buffers: Layout};
	readonly parameters: Vector;
	readonly buffers: Vector;
	readonly slots: readonly Vector[];
	/** Optimiser updates done so far. */
	updates = 0;
	readonly #name: string;

	/** @param slots how many vectors the optimiser keeps beside the parameters. */
	constructor({name, graph, parameters, buffers}: Model, slots: number) {
		this.#name = name;
		this.layouts = {parameters: layoutOf(graph, parameters), buffers: layoutOf(graph, buffers)};
		this.parameters = new Vector(flatten(graph, this.layouts.parameters));
		this.buffers = new Vector(flatten(graph, this.layouts.buffers));
		this.slots = Array.from({length: slots}, () => new Vector(new Float32Array(this.layouts.parameters.length)));
	}

	save(parts: readonly StatePart[]): TrainerState {
		const copy = (part: StatePart, vector: Vector) =>
			parts.includes(part) ? vector.current.slice() : new Float32Array(0);
		return {
			parameters: copy('parameters', this.parameters),
			buffers: copy('buffers', this.buffers),
			slots: parts.includes('slots') ? this.slots.map(slot => slot.current.slice()) : [],
			updates: this.updates,
		};
	}

	/** @throws FplError `MODEL_SHAPE` when a vector has another length; nothing is changed then. */
	load({parameters, buffers, slots, updates}: Partial<TrainerState>): void {
		const pairs: Array<readonly [what: string, from: Float32Array, to: Vector]> = [];
		if (parameters !== undefined) {
			pairs.push(['parameters', parameters, this.parameters]);
		}
		if (buffers !== undefined) {
			pairs.push(['buffers', buffers, this.buffers]);
		}
		if (slots !== undefined) {
			this.#expect('number of optimiser slots', this.slots.length, slots.length);
			pairs.push(...slots.map((slot, index) => [`optimiser slot ${index}`, slot, this.slots[index]!] as const));
		}
		for (const [what, from, to] of pairs) {
			this.#expect(`length of ${what}`, to.length, from.length);
		}
		for (const [, from, to] of pairs) {
			to.current.set(from);
		}
		this.updates = updates ?? this.updates;
	}

	/** @throws FplError `MODEL_SHAPE` unless the gradient has the length of the parameters. */
	checkGradient(gradient: Float32Array): void {
		this.#expect('length of the gradient', this.parameters.length, gradient.length);
	}

	#expect(what: string, expected: number, got: number): void {
		if (expected !== got) {
			throw new FplError('MODEL_SHAPE', {
				where: `${what} for «${this.#name}»`,
				expected: `${expected}`,
				got: `${got}`,
			});
		}
	}
}
