/** A model that trains, inside the worker: synchronous and single-threaded. */
import {dropoutMask} from '../../compile/dropout.js';
import type {Layout, Model} from '../../graph.js';
import type {Batch, GradientResult, StatePart, StepResult, TrainerOptions, TrainerState} from '../engine.js';
import type {HostedTrainer} from '../remote/protocol.js';
import {toTf} from './convert.js';
import {differentiate} from './differentiate.js';
import {execute} from './execute.js';
import {sizesOf} from './feeds.js';
import {checkLoss, type LossResult, lossOf} from './loss.js';
import type {TrainingPass} from './ops/context.js';
import {type Plan, Plans} from './plans.js';
import type {Tf} from './value.js';
import {Weights} from './weights.js';

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
	readonly #weights: Weights;

	/** @throws FplError `MODEL_OP` for an operator or element type that tfjs does not know. */
	constructor(tf: Tf, model: Model, options: TrainerOptions) {
		this.#tf = tf;
		this.#model = model;
		this.#options = options;
		this.#plans = new Plans(tf, model, new Set([...model.parameters, ...model.buffers]));
		const [output] = this.#plans.trial.outputs;
		if (output?.shape !== undefined) {
			checkLoss(options.loss, output.shape, model.name);
		}
		this.#weights = new Weights(tf, model, options.optimizer);
		this.parameters = this.#weights.layouts.parameters;
		this.buffers = this.#weights.layouts.buffers;
	}

	save(parts?: readonly StatePart[]): TrainerState {
		return this.#weights.save(parts);
	}

	/** @throws FplError `MODEL_SHAPE` when a vector has another length; nothing is changed then. */
	load(state: Partial<TrainerState>): void {
		this.#weights.load(state);
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
		const plan = this.#plans.at(sizesOf(this.#model, batch.inputs));
		const {seed} = this.#options;
		const update = this.#weights.updates + 1;
		const training = this.#weights.training(
			(node, ratio, shape) => dropoutMask({seed, update, node, ratio, shape}).data,
		);
		const {loss, correct} = this.#tf.tidy(() => {
			const variables = this.#weights.variables();
			let result: {readonly loss: number; readonly correct: number | undefined} | undefined;
			const loss = () => {
				const pass = this.#forward(plan, batch, training.pass);
				result = {loss: pass.loss.dataSync()[0]!, correct: pass.correct};
				return pass.loss;
			};
			this.#weights.flattenInto(gradient, differentiate(this.#tf, this.#model.name, loss, variables));
			return result!;
		}) as {loss: number; correct: number | undefined};
		training.keep();
		return {...finish(started, loss, correct), gradient};
	}

	/** @throws FplError `MODEL_SHAPE` when the gradient has another length. */
	apply(gradient: Float32Array, lrScale = 1): void {
		const {optimizer, clipNorm} = this.#options;
		this.#weights.update(optimizer, gradient, {lrScale, clipNorm});
	}

	/** @throws FplError `DATA_SHAPE` when the batch does not fit the model. */
	evaluate(batch: Batch): StepResult {
		const started = performance.now();
		const plan = this.#plans.at(sizesOf(this.#model, batch.inputs));
		let correct: number | undefined;
		const loss = this.#tf.tidy(() => {
			this.#weights.variables();
			const pass = this.#forward(plan, batch, undefined);
			correct = pass.correct;
			return pass.loss.dataSync()[0]!;
		});
		return finish(started, loss, correct);
	}

	close(): void {
		this.#weights.close();
		this.#plans.close();
	}

	#forward({graph, constants}: Plan, {inputs, targets}: Batch, training: TrainingPass | undefined): LossResult {
		const given = new Map([...constants, ...this.#weights.values()]);
		for (const {name} of graph.inputs) {
			given.set(name, toTf(this.#tf, inputs[name]!, `input «${name}»`));
		}
		const pass = {tf: this.#tf, modelName: this.#model.name, opset: graph.opsets[''] ?? 1, training};
		const [output] = execute(pass, graph, given);
		return lossOf(this.#tf, this.#options.loss, output!, targets);
	}
}
