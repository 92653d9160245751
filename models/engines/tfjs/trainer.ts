/**
 * A model that trains, inside the worker: synchronous and single-threaded. The flat vectors are the truth; tfjs variables
 * are copies of them, renewed after an update.
 */
import type {Scalar, Variable} from '@tensorflow/tfjs';
import {FplError} from '../../../core/errors.js';
import {dropoutMask} from '../../compile/dropout.js';
import {slotCount} from '../../compile/optimizer.js';
import type {Layout, Model} from '../../graph.js';
import {flatten, layoutOf, viewOf} from '../../layout.js';
import type {Batch, GradientResult, StatePart, StepResult, TrainerOptions, TrainerState} from '../engine.js';
import type {HostedTrainer} from '../remote/protocol.js';
import {toTf} from './convert.js';
import {execute} from './execute.js';
import {sizesOf} from './feeds.js';
import {checkLoss, lossOf} from './loss.js';
import type {TrainingPass} from './ops/context.js';
import {type Plan, Plans} from './plans.js';
import {update} from './update.js';
import {type Tf, type TfTensor, Value} from './value.js';

interface Pass {
	readonly loss: TfTensor;
	readonly correct: number | undefined;
}

const finish = (started: number, loss: number, correct: number | undefined): StepResult => ({
	loss,
	correct,
	computeMs: performance.now() - started,
});

export class TfjsTrainer implements HostedTrainer {
	readonly parameters: Layout;
	readonly buffers: Layout;
	readonly #tf: Tf;
	readonly #model: Model;
	readonly #options: TrainerOptions;
	readonly #plans: Plans;
	readonly #variables = new Map<string, Variable>();
	readonly #weights: Float32Array;
	readonly #statistics: Float32Array;
	readonly #slots: readonly Float32Array[];
	#updates = 0;
	/** A zero that is added to the loss: tfjs refuses to differentiate a loss that no variable reaches. */
	readonly #anchor: Variable;
	/** Whether the variables lag behind the flat vector. */
	#stale = false;

	/** @throws FplError `MODEL_OP` for an operator or element type that tfjs does not know. */
	constructor(tf: Tf, model: Model, options: TrainerOptions) {
		const {graph} = model;
		this.#tf = tf;
		this.#model = model;
		this.#options = options;
		this.parameters = layoutOf(graph, model.parameters);
		this.buffers = layoutOf(graph, model.buffers);
		this.#weights = flatten(graph, this.parameters);
		this.#statistics = flatten(graph, this.buffers);
		this.#slots = Array.from({length: slotCount(options.optimizer)}, () => new Float32Array(this.parameters.length));
		this.#plans = new Plans(tf, model, new Set([...model.parameters, ...model.buffers]));
		const [output] = this.#plans.trial.outputs;
		if (output?.shape !== undefined) {
			checkLoss(options.loss, output.shape, model.name);
		}
		this.#anchor = tf.tidy(() => tf.variable(tf.scalar(0)));
		tf.tidy(() => {
			for (const entry of this.parameters.entries) {
				const value = toTf(tf, viewOf(this.#weights, entry), entry.name);
				this.#variables.set(entry.name, tf.variable(value.raw));
			}
		});
	}

	save(parts: readonly StatePart[] = ['parameters', 'buffers', 'slots']): TrainerState {
		const copy = (part: StatePart, vector: Float32Array) =>
			parts.includes(part) ? vector.slice() : new Float32Array(0);
		return {
			parameters: copy('parameters', this.#weights),
			buffers: copy('buffers', this.#statistics),
			slots: parts.includes('slots') ? this.#slots.map(slot => slot.slice()) : [],
			updates: this.#updates,
		};
	}

	/** @throws FplError `MODEL_SHAPE` when a vector has another length; nothing is changed then. */
	load(state: Partial<TrainerState>): void {
		const {parameters, buffers, slots, updates} = state;
		const pairs: Array<[string, Float32Array, Float32Array]> = [];
		if (parameters !== undefined) {
			pairs.push(['parameters', parameters, this.#weights]);
		}
		if (buffers !== undefined) {
			pairs.push(['buffers', buffers, this.#statistics]);
		}
		if (slots !== undefined) {
			this.#expect('number of optimiser slots', this.#slots.length, slots.length);
			pairs.push(
				...slots.map((slot, index): [string, Float32Array, Float32Array] => [
					`optimiser slot ${index}`,
					slot,
					this.#slots[index]!,
				]),
			);
		}
		for (const [what, from, to] of pairs) {
			this.#expect(`length of ${what}`, to.length, from.length);
		}
		for (const [, from, to] of pairs) {
			to.set(from);
		}
		this.#updates = updates ?? this.#updates;
		this.#stale ||= parameters !== undefined;
	}

	step(batch: Batch, lrScale = 1): StepResult {
		const started = performance.now();
		const {gradient, loss, correct} = this.gradient(batch);
		this.apply(gradient, lrScale);
		return finish(started, loss, correct);
	}

	/** @throws FplError `DATA_SHAPE` when the batch does not fit the model. */
	gradient(batch: Batch): GradientResult {
		const started = performance.now();
		const gradient = new Float32Array(this.parameters.length);
		const moved = this.#statistics.slice();
		const plan = this.#plans.at(sizesOf(this.#model, batch.inputs));
		let correct: number | undefined;
		const loss = this.#tf.tidy(() => {
			this.#refresh();
			const variables = [...this.#variables.values(), this.#anchor];
			const {value, grads} = this.#differentiate(() => {
				const pass = this.#forward(plan, batch, this.#trainingPass(moved));
				correct = pass.correct;
				return this.#tf.add(pass.loss, this.#anchor) as Scalar;
			}, variables);
			for (const entry of this.parameters.entries) {
				// A parameter that does not reach the loss has no gradient at all.
				const own = grads[this.#variables.get(entry.name)!.name];
				if (own) {
					viewOf(gradient, entry).data.set(own.dataSync());
				}
			}
			return value.dataSync()[0]!;
		});
		this.#statistics.set(moved);
		return {...finish(started, loss, correct), gradient};
	}

	/** @throws FplError `MODEL_SHAPE` when the gradient has another length. */
	apply(gradient: Float32Array, lrScale = 1): void {
		this.#expect('length of the gradient', this.parameters.length, gradient.length);
		update(this.#options.optimizer, {
			parameters: this.#weights,
			slots: this.#slots,
			gradient,
			updates: this.#updates,
			lrScale,
			clipNorm: this.#options.clipNorm,
		});
		this.#updates++;
		this.#stale = true;
	}

	/** @throws FplError `DATA_SHAPE` when the batch does not fit the model. */
	evaluate(batch: Batch): StepResult {
		const started = performance.now();
		const plan = this.#plans.at(sizesOf(this.#model, batch.inputs));
		let correct: number | undefined;
		const loss = this.#tf.tidy(() => {
			this.#refresh();
			const pass = this.#forward(plan, batch, undefined);
			correct = pass.correct;
			return pass.loss.dataSync()[0]!;
		});
		return finish(started, loss, correct);
	}

	close(): void {
		for (const variable of this.#variables.values()) {
			variable.dispose();
		}
		this.#variables.clear();
		this.#anchor.dispose();
		this.#plans.close();
	}

	#forward({graph, constants}: Plan, batch: Batch, training: TrainingPass | undefined): Pass {
		const given = new Map(constants);
		for (const [parameter, variable] of this.#variables) {
			given.set(parameter, new Value(this.#tf, variable));
		}
		for (const entry of this.buffers.entries) {
			given.set(entry.name, toTf(this.#tf, viewOf(this.#statistics, entry), entry.name));
		}
		for (const {name} of graph.inputs) {
			given.set(name, toTf(this.#tf, batch.inputs[name]!, `input «${name}»`));
		}
		const pass = {tf: this.#tf, modelName: this.#model.name, opset: graph.opsets[''] ?? 1, training};
		const [output] = execute(pass, graph, given);
		return lossOf(this.#tf, this.#options.loss, output!, batch.targets);
	}

	/** @param moved receives the new running statistics. */
	#trainingPass(moved: Float32Array): TrainingPass {
		const entries = new Map(this.buffers.entries.map(entry => [entry.name, entry]));
		return {
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
			dropout: (node, ratio, shape) =>
				dropoutMask({seed: this.#options.seed, update: this.#updates + 1, node, ratio, shape}).data,
		};
	}

	/**
	 * A loss that throws is caught and thrown again afterwards: tfjs would leave what it saved for the way back.
	 * @throws FplError `MODEL_GRADIENT` when tfjs cannot differentiate an op between a parameter and the loss.
	 */
	#differentiate(loss: () => Scalar, variables: Variable[]): ReturnType<Tf['variableGrads']> {
		try {
			let failure: {readonly error: unknown} | undefined;
			const result = this.#tf.variableGrads(() => {
				try {
					return loss();
				} catch (error) {
					failure = {error};
					return this.#tf.mul(this.#anchor, 1) as Scalar;
				}
			}, variables);
			if (failure !== undefined) {
				throw failure.error;
			}
			return result;
		} catch (error) {
			const kernel = error instanceof Error && /gradient function not found for (\w+)/u.exec(error.message)?.[1];
			if (error instanceof FplError) {
				throw error;
			}
			throw kernel
				? new FplError('MODEL_GRADIENT', {
						where: `«${this.#model.name}»`,
						problem: `tfjs has no gradient for ${kernel}`,
					})
				: new FplError('ENGINE_FAILED', {where: `«${this.#model.name}»`, problem: String(error)}, {cause: error});
		}
	}

	/** Brings the variables up to the flat vector. Call inside `tidy`. */
	#refresh(): void {
		if (this.#stale) {
			for (const entry of this.parameters.entries) {
				this.#variables.get(entry.name)!.assign(toTf(this.#tf, viewOf(this.#weights, entry), entry.name).raw);
			}
			this.#stale = false;
		}
	}

	#expect(what: string, expected: number, got: number): void {
		if (expected !== got) {
			throw new FplError('MODEL_SHAPE', {
				where: `${what} for «${this.#model.name}»`,
				expected: String(expected),
				got: String(got),
			});
		}
	}
}
