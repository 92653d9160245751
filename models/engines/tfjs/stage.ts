/**
 * A segment that trains, inside the worker. tfjs forgets its tape when a call ends, so backward always computes forward
 * again, whatever the plan says about stashing.
 */
import {type Tensor, tensor} from '../../../core/tensor/tensor.js';
import type {Model} from '../../graph.js';
import type {StatePart, StepResult, TrainerState} from '../engine.js';
import type {HostedStage} from '../remote/protocol.js';
import type {
	Accumulated,
	ApplyOptions,
	Backwarded,
	Forwarded,
	Learned,
	StageInfo,
	StageOptions,
	Tensors,
	Where,
} from '../stage.js';
import {Micros, type Waiting} from '../staged/micros.js';
import {type Mask, StagePart} from '../staged/part.js';
import {Sum} from '../staged/sum.js';
import {fromTf, toTf} from './convert.js';
import {differentiate} from './differentiate.js';
import {execute} from './execute.js';
import {sizesOf} from './feeds.js';
import {checkLoss, lossOf} from './loss.js';
import type {TrainingPass} from './ops/context.js';
import {type Plan, Plans} from './plans.js';
import {type Tf, type TfTensor, Value} from './value.js';
import {Weights} from './weights.js';

interface Kept extends Waiting {
	readonly mask: Mask;
}

/** Inputs inside tfjs; the float32 ones that have gradients are tensors of their own. */
interface Fed {
	readonly values: ReadonlyMap<string, Value>;
	readonly sources: ReadonlyMap<string, TfTensor>;
}

export class TfjsStage implements HostedStage {
	readonly info: StageInfo;
	readonly #tf: Tf;
	readonly #part: StagePart;
	readonly #options: StageOptions;
	readonly #plans: Plans;
	readonly #weights: Weights;
	readonly #micros: Micros<Kept>;
	readonly #sum: Sum;

	/** @throws FplError `MODEL_CUT`, `MODEL_OP` or `MODEL_SHAPE` when the segment cannot be trained. */
	constructor(tf: Tf, model: Model, options: StageOptions) {
		this.#tf = tf;
		this.#options = options;
		this.#part = new StagePart(model, options);
		this.info = this.#part.info;
		const own = this.#model;
		this.#plans = new Plans(tf, own, new Set([...own.parameters, ...own.buffers]));
		const [output] = this.#plans.trial.outputs;
		if (this.info.last && output?.shape !== undefined) {
			checkLoss(options.loss, output.shape, own.name);
		}
		this.#weights = new Weights(tf, own, options.optimizer);
		this.#micros = new Micros(own.name, this.#part.stashBytes);
		this.#sum = new Sum(own.name, this.info.parameters.length);
	}

	save(parts: readonly StatePart[]): TrainerState {
		return this.#weights.save(parts);
	}

	load(state: Partial<TrainerState>): void {
		this.#micros.expectNone('loading weights');
		this.#weights.load(state);
	}

	forward(micro: number, inputs: Tensors, where: Where): Forwarded {
		const started = performance.now();
		const items = this.#part.checkInputs(inputs);
		const mask = this.#part.masks(where, items, this.#weights.updates + 1);
		const bytes = Object.values(inputs).reduce((sum, {data}) => sum + data.byteLength, 0);
		this.#micros.admit(micro, bytes);
		const training = this.#weights.training(drawnBy(mask));
		const values = this.#outputs(inputs, training.pass);
		training.keep();
		this.#micros.wait(micro, {items, values: inputs, bytes, mask});
		return {values, computeMs: performance.now() - started};
	}

	backward(micro: number, outputGradients: Tensors): Backwarded {
		const started = performance.now();
		const {items, values, mask} = this.#micros.waiting(micro);
		this.#part.checkOutputGradients(outputGradients, items);
		// Forward has moved the running statistics already.
		const {pass} = this.#weights.training(drawnBy(mask));
		const gradients = this.#differentiate(values, pass, outputs => {
			const products = this.#model.graph.outputs.flatMap(({name, dtype}, index) =>
				dtype === 'float32'
					? [this.#tf.sum(this.#tf.mul(outputs[index]!.plain, toTf(this.#tf, outputGradients[name]!, name).raw))]
					: [],
			);
			return products.reduce((sum, product) => this.#tf.add(sum, product), this.#tf.scalar(0) as TfTensor);
		});
		this.#sum.add();
		this.#micros.finish(micro);
		return {gradients, computeMs: performance.now() - started};
	}

	learn(micro: number, inputs: Tensors, targets: Tensor, where: Where): Learned {
		const started = performance.now();
		this.#part.expectLast('learn');
		const items = this.#part.checkInputs(inputs);
		const mask = this.#part.masks(where, items, this.#weights.updates + 1);
		this.#micros.admit(micro, 0);
		const training = this.#weights.training(drawnBy(mask));
		let result = {loss: Number.NaN, correct: undefined as number | undefined};
		const gradients = this.#differentiate(inputs, training.pass, ([output]) => {
			const {loss, correct} = lossOf(this.#tf, this.#options.loss, output!, targets);
			result = {loss: loss.dataSync()[0]!, correct};
			return this.#tf.mul(loss, items);
		});
		training.keep();
		this.#sum.add();
		this.#micros.finish(micro);
		return {...result, gradients, computeMs: performance.now() - started};
	}

	gradient(): Accumulated {
		return this.#sum.copy();
	}

	squaredNorm(): number {
		return this.#sum.squaredNorm();
	}

	discard(): void {
		this.#micros.reset();
		this.#sum.clear();
	}

	apply({gradient, scale, lrScale}: ApplyOptions): void {
		this.#micros.expectNone('an update');
		this.#weights.update(this.#options.optimizer, gradient ?? this.#sum.current(), {scale, lrScale});
		this.#micros.reset();
		this.#sum.clear();
	}

	predict(inputs: Tensors): Forwarded {
		const started = performance.now();
		this.#part.checkInputs(inputs);
		return {values: this.#outputs(inputs, undefined), computeMs: performance.now() - started};
	}

	evaluate(inputs: Tensors, targets: Tensor): StepResult {
		const started = performance.now();
		this.#part.expectLast('evaluate');
		this.#part.checkInputs(inputs);
		const plan = this.#planFor(inputs);
		let correct: number | undefined;
		const loss = this.#tf.tidy(() => {
			this.#weights.variables();
			const [output] = this.#execute(plan, this.#feed(inputs), undefined);
			const result = lossOf(this.#tf, this.#options.loss, output!, targets);
			correct = result.correct;
			return result.loss.dataSync()[0]!;
		});
		return {loss, correct, computeMs: performance.now() - started};
	}

	settle(loan: ArrayBuffer | undefined): readonly ArrayBuffer[] {
		return this.#micros.settle(loan);
	}

	close(): void {
		this.discard();
		this.#weights.close();
		this.#plans.close();
	}

	get #model(): Model {
		return this.#part.part.model;
	}

	/** Plans upload constants that must stay, so this comes before `tidy`. */
	#planFor(inputs: Tensors): Plan {
		return this.#plans.at(sizesOf(this.#model, inputs));
	}

	#feed(inputs: Tensors): Fed {
		const received = new Set(this.#part.part.activations);
		const values = new Map(Object.entries(inputs).map(([name, t]) => [name, toTf(this.#tf, t, `input «${name}»`)]));
		const float = ([name]: readonly [string, Value]) => received.has(name) && inputs[name]!.dtype === 'float32';
		return {values, sources: new Map([...values].filter(float).map(([name, {raw}]) => [name, raw]))};
	}

	#execute({graph, constants}: Plan, {values}: Fed, training: TrainingPass | undefined): Value[] {
		const pass = {tf: this.#tf, modelName: this.#model.name, opset: graph.opsets[''] ?? 1, training};
		return execute(pass, graph, new Map([...constants, ...this.#weights.values(), ...values]));
	}

	#outputs(inputs: Tensors, training: TrainingPass | undefined): Tensors {
		const plan = this.#planFor(inputs);
		const results: Record<string, Tensor> = {};
		this.#tf.tidy(() => {
			this.#weights.variables();
			for (const [index, value] of this.#execute(plan, this.#feed(inputs), training).entries()) {
				const {name, dtype} = plan.graph.outputs[index]!;
				results[name] = fromTf(value, dtype);
			}
		});
		return results;
	}

	/**
	 * Writes the parameters' gradients of what `scalar` makes of the outputs to where the sum wants them.
	 * @returns the gradients of received values.
	 */
	#differentiate(inputs: Tensors, training: TrainingPass, scalar: (outputs: readonly Value[]) => TfTensor): Tensors {
		const plan = this.#planFor(inputs);
		const results: Record<string, Tensor> = {};
		this.#tf.tidy(() => {
			const variables = this.#weights.variables();
			const fed = this.#feed(inputs);
			const gradients = differentiate(this.#tf, this.#model.name, () => scalar(this.#execute(plan, fed, training)), [
				...variables,
				...fed.sources.values(),
			]);
			for (const [index, name] of [...fed.sources.keys()].entries()) {
				const gradient = gradients[variables.length + index];
				const {shape, data} = inputs[name]!;
				results[name] =
					gradient === undefined
						? tensor('float32', shape, new Float32Array(data.length))
						: fromTf(new Value(this.#tf, gradient), 'float32');
			}
			this.#weights.flattenInto(this.#sum.next, gradients.slice(0, variables.length));
		});
		return results;
	}
}

const drawnBy =
	(mask: Mask): TrainingPass['dropout'] =>
	(node, ratio, shape) =>
		mask(node, ratio, shape).data;
