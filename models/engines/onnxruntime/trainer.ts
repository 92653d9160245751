/** A model that trains, inside the worker: flat vectors, and an executable per program and batch size. */
import {FplError} from '../../../core/errors.js';
import type {TrainingPrograms} from '../../compile/program.js';
import {compileTraining} from '../../compile/training.js';
import type {Layout, Model} from '../../graph.js';
import {infer} from '../../infer.js';
import {flatten, layoutOf} from '../../layout.js';
import type {Batch, GradientResult, StatePart, StepResult, TrainerOptions, TrainerState} from '../engine.js';
import type {HostedTrainer} from '../remote/protocol.js';
import {type Call, Executable, type Resident} from './executable.js';
import type {Runtime} from './runtime.js';
import {Vector} from './vector.js';

type ProgramKind = 'step' | 'gradient' | 'apply' | 'evaluate';

/**
 * Executables kept per trainer. Each holds the runtime's memory for its activations; a fifth batch size is rare, and costs
 * a compilation again. The least recently used goes first.
 */
const maxExecutables = 8;

/** Items per batch where the model was made for one batch size only. */
function fixedBatch({graph}: Model): number | undefined {
	const items = graph.inputs[0]?.shape?.[0];
	return typeof items === 'number' ? items : undefined;
}

/** Length of the output's class axis. */
function classesOf({graph}: Model): number | undefined {
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
	readonly #programs = new Map<number, TrainingPrograms>();
	readonly #executables = new Map<string, Executable>();
	readonly #resident: Resident;
	readonly #classes: number | undefined;
	#updates = 0;

	/** @throws FplError `MODEL_OP`, `MODEL_GRADIENT` or `MODEL_SHAPE` when the model cannot be trained. */
	constructor(runtime: Runtime, model: Model, options: TrainerOptions) {
		this.#runtime = runtime;
		this.#model = model;
		this.#options = options;
		this.parameters = layoutOf(model.graph, model.parameters);
		this.buffers = layoutOf(model.graph, model.buffers);
		// Compiled at once, so that a model that cannot be trained is refused here and not at its first step.
		const programs = this.#compile(fixedBatch(model) ?? 1);
		programs.gradient();
		this.#classes = options.loss === 'softmax-cross-entropy' ? classesOf(model) : undefined;
		this.#resident = {
			parameters: new Vector(flatten(model.graph, this.parameters)),
			buffers: new Vector(flatten(model.graph, this.buffers)),
			slots: Array.from({length: programs.slots}, () => new Vector(new Float32Array(this.parameters.length))),
		};
	}

	save(parts: readonly StatePart[]): TrainerState {
		const {parameters, buffers, slots} = this.#resident;
		const copy = (part: StatePart, vector: Vector) =>
			parts.includes(part) ? vector.current.slice() : new Float32Array(0);
		return {
			parameters: copy('parameters', parameters),
			buffers: copy('buffers', buffers),
			slots: parts.includes('slots') ? slots.map(slot => slot.current.slice()) : [],
			updates: this.#updates,
		};
	}

	/** @throws FplError `MODEL_SHAPE` when a vector has another length; nothing is changed then. */
	load({parameters, buffers, slots, updates}: Partial<TrainerState>): void {
		const resident = this.#resident;
		const pairs: Array<readonly [what: string, from: Float32Array, to: Vector]> = [];
		if (parameters !== undefined) {
			pairs.push(['parameters', parameters, resident.parameters]);
		}
		if (buffers !== undefined) {
			pairs.push(['buffers', buffers, resident.buffers]);
		}
		if (slots !== undefined) {
			this.#expect('number of optimiser slots', resident.slots.length, slots.length);
			pairs.push(...slots.map((slot, index) => [`optimiser slot ${index}`, slot, resident.slots[index]!] as const));
		}
		for (const [what, from, to] of pairs) {
			this.#expect(`length of ${what}`, to.length, from.length);
		}
		for (const [, from, to] of pairs) {
			to.current.set(from);
		}
		this.#updates = updates ?? this.#updates;
	}

	async step(batch: Batch, lrScale: number): Promise<StepResult> {
		const result = await this.#run('step', this.#call({batch, lrScale}));
		this.#updates++;
		return result;
	}

	async gradient(batch: Batch): Promise<GradientResult> {
		const gradient = new Float32Array(this.parameters.length);
		return {...(await this.#run('gradient', this.#call({batch, gradient}))), gradient};
	}

	async apply(gradient: Float32Array, lrScale: number): Promise<void> {
		this.#expect('length of the gradient', this.parameters.length, gradient.length);
		await this.#run('apply', this.#call({gradient, lrScale}));
		this.#updates++;
	}

	evaluate(batch: Batch): Promise<StepResult> {
		return this.#run('evaluate', this.#call({batch}));
	}

	async close(): Promise<void> {
		for (const executable of this.#executables.values()) {
			await executable.release();
		}
		this.#executables.clear();
	}

	#call({lrScale = 1, ...rest}: {batch?: Batch; gradient?: Float32Array; lrScale?: number}): Call {
		const {optimizer, seed} = this.#options;
		return {...rest, lr: optimizer.lr * lrScale, update: this.#updates + 1, seed, classes: this.#classes};
	}

	async #run(kind: ProgramKind, call: Call): Promise<StepResult> {
		const executable = await this.#executable(kind, call.batch === undefined ? 1 : this.#itemsIn(call.batch));
		const started = performance.now();
		const result = await executable.run(call);
		return {...result, computeMs: performance.now() - started};
	}

	#itemsIn({inputs}: Batch): number {
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

	async #executable(kind: ProgramKind, batch: number): Promise<Executable> {
		const key = `${kind} ${batch}`;
		const existing = this.#executables.get(key);
		if (existing !== undefined) {
			// Last in the map's order means most recently used.
			this.#executables.delete(key);
			this.#executables.set(key, existing);
			return existing;
		}
		const oldest = this.#executables.keys().next();
		if (this.#executables.size >= maxExecutables && !oldest.done) {
			await this.#executables.get(oldest.value)?.release();
			this.#executables.delete(oldest.value);
		}
		const program = this.#compile(batch)[kind]();
		const made = await Executable.create(this.#runtime, program, this, this.#resident);
		this.#executables.set(key, made);
		return made;
	}

	#compile(batch: number): TrainingPrograms {
		const existing = this.#programs.get(batch);
		if (existing !== undefined) {
			return existing;
		}
		const {loss, optimizer, clipNorm} = this.#options;
		const programs = compileTraining(this.#model, {
			batch,
			loss,
			optimizer,
			...(clipNorm === undefined ? {} : {clipNorm}),
		});
		const oldest = this.#programs.keys().next();
		if (this.#programs.size >= maxExecutables && !oldest.done) {
			this.#programs.delete(oldest.value);
		}
		this.#programs.set(batch, programs);
		return programs;
	}

	#expect(what: string, expected: number, got: number): void {
		if (expected !== got) {
			throw new FplError('MODEL_SHAPE', {
				where: `${what} for «${this.#model.name}»`,
				expected: `${expected}`,
				got: `${got}`,
			});
		}
	}
}
