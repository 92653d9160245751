/** A model that trains, inside the worker: flat vectors, and an executable per program and batch size. */
import {FplError} from '../../../core/errors.js';
import {dropoutMask} from '../../compile/dropout.js';
import type {TrainingPrograms} from '../../compile/program.js';
import {compileTraining} from '../../compile/training.js';
import type {Layout, Model} from '../../graph.js';
import {infer} from '../../infer.js';
import type {Batch, GradientResult, StatePart, StepResult, TrainerOptions, TrainerState} from '../engine.js';
import type {HostedTrainer} from '../remote/protocol.js';
import {type Call, Executable} from './executable.js';
import {Recent} from './recent.js';
import type {Runtime} from './runtime.js';
import {Weights} from './weights.js';

type ProgramKind = 'step' | 'gradient' | 'apply' | 'evaluate';

/**
 * Executables kept per trainer. Each holds the runtime's memory for its activations; a fifth batch size is rare, and costs
 * a compilation again. The least recently used goes first.
 */
const maxExecutables = 8;

/** Items per batch where the model was made for one batch size only. */
export function fixedBatch({graph}: Model): number | undefined {
	const items = graph.inputs[0]?.shape?.[0];
	return typeof items === 'number' ? items : undefined;
}

/** Length of the output's class axis. */
export function classesOf({graph}: Model): number | undefined {
	const [output] = infer(graph).outputs;
	const classes = output?.shape?.[1];
	return typeof classes === 'number' ? classes : undefined;
}

export class OrtTrainer implements HostedTrainer {
	readonly parameters: Layout;
	readonly buffers: Layout;
	readonly #runtime: Runtime;
	readonly #model: Model;
	readonly #options: TrainerOptions;
	/** By batch size; graphs without weights, so they cost little. */
	readonly #programs = new Recent<TrainingPrograms>(maxExecutables);
	readonly #executables = new Recent<Executable>(maxExecutables, executable => executable.release());
	readonly #weights: Weights;
	readonly #classes: number | undefined;

	/** @throws FplError `MODEL_OP`, `MODEL_GRADIENT` or `MODEL_SHAPE` when the model cannot be trained. */
	constructor(runtime: Runtime, model: Model, options: TrainerOptions) {
		this.#runtime = runtime;
		this.#model = model;
		this.#options = options;
		// Compiled at once, so that a model that cannot be trained is refused here and not at its first step.
		const programs = this.#compile(fixedBatch(model) ?? 1);
		programs.gradient();
		this.#classes = options.loss === 'softmax-cross-entropy' ? classesOf(model) : undefined;
		this.#weights = new Weights(model, programs.slots);
		this.parameters = this.#weights.layouts.parameters;
		this.buffers = this.#weights.layouts.buffers;
	}

	save(parts: readonly StatePart[]): TrainerState {
		return this.#weights.save(parts);
	}

	/** @throws FplError `MODEL_SHAPE` when a vector has another length; nothing is changed then. */
	load(state: Partial<TrainerState>): void {
		this.#weights.load(state);
	}

	async step(batch: Batch, lrScale: number): Promise<StepResult> {
		const result = await this.#run('step', this.#call({batch, lrScale}));
		this.#weights.updates++;
		return result;
	}

	async gradient(batch: Batch): Promise<GradientResult> {
		const gradient = new Float32Array(this.parameters.length);
		return {...(await this.#run('gradient', this.#call({batch, gradient}))), gradient};
	}

	async apply(gradient: Float32Array, lrScale: number): Promise<void> {
		this.#weights.checkGradient(gradient);
		await this.#run('apply', this.#call({gradient, lrScale}));
		this.#weights.updates++;
	}

	evaluate(batch: Batch): Promise<StepResult> {
		return this.#run('evaluate', this.#call({batch}));
	}

	close(): Promise<void> {
		return this.#executables.clear();
	}

	#call({batch, gradient, lrScale = 1}: {batch?: Batch; gradient?: Float32Array; lrScale?: number}): Call {
		const {optimizer, seed} = this.#options;
		const update = this.#weights.updates + 1;
		return {
			...batch,
			...(gradient === undefined ? {} : {gradient}),
			lr: optimizer.lr * lrScale,
			update,
			mask: (node, ratio, shape) => dropoutMask({seed, update, node, ratio, shape}),
			classes: this.#classes,
		};
	}

	async #run(kind: ProgramKind, call: Call): Promise<StepResult> {
		const executable = await this.#executable(kind, call.inputs === undefined ? 1 : this.#itemsIn(call.inputs));
		const started = performance.now();
		const result = await executable.run(call);
		return {...result, computeMs: performance.now() - started};
	}

	#itemsIn(inputs: Batch['inputs']): number {
		const [first] = this.#model.graph.inputs;
		const items = first === undefined ? undefined : inputs[first.name]?.shape[0];
		if (items === undefined || items < 1) {
			throw new FplError('DATA_SHAPE', {
				where: `batch for «${this.#model.name}»`,
				expected: `an input «${first?.name}» with at least one item`,
				got: items === undefined ? `inputs ${Object.keys(inputs).join(', ') || 'none'}` : `${items} items`,
			});
		}
		return items;
	}

	#executable(kind: ProgramKind, batch: number): Promise<Executable> {
		return this.#executables.get(`${kind} ${batch}`, async () => {
			const programs = await this.#programs.get(`${batch}`, () => this.#compile(batch));
			return await Executable.create(this.#runtime, programs[kind](), this.#weights);
		});
	}

	#compile(batch: number): TrainingPrograms {
		const {loss, optimizer, clipNorm} = this.#options;
		return compileTraining(this.#model, {
			batch,
			loss,
			optimizer,
			...(clipNorm === undefined ? {} : {clipNorm}),
		});
	}
}
