/** A segment that trains, inside the worker: resident weights, and an executable per program and size of micro-batch. */
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import {FplError} from '../../../core/errors.js';
import type {Tensor} from '../../../core/tensor/tensor.js';
import {slotCount} from '../../compile/optimizer.js';
import type {Program} from '../../compile/program.js';
import {compileSegment, type SegmentPrograms} from '../../compile/segment.js';
import {compileApply} from '../../compile/training.js';
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
import {type Call, Executable} from './executable.js';
import {Recent} from './recent.js';
import {fromOrt, type Runtime} from './runtime.js';
import {bytesKept, readByBackward, Stashes} from './stashes.js';
import {classesOf} from './trainer.js';
import {Weights} from './weights.js';

/** Sizes of micro-batches that programs are kept for, and sessions over all programs. Each session holds memory. */
const maxSizes = 4;
const maxExecutables = 12;

type ProgramKind = 'forward' | 'backward' | 'gradient' | 'predict' | 'evaluate' | 'apply';

const noMask: Mask = () => {
	throw new FplError('INTERNAL', {problem: 'a mask outside of training'});
};

/** Draws each mask once. */
function remembering(mask: Mask): Mask {
	const drawn = new Map<string, Tensor<'float32'>>();
	return (node, ratio, shape) => {
		const known = drawn.get(node) ?? mask(node, ratio, shape);
		drawn.set(node, known);
		return known;
	};
}

interface Kept extends Waiting {
	readonly stash: ReadonlyMap<string, OrtTensor>;
	readonly mask: Mask;
}

export class OrtStage implements HostedStage {
	readonly info: StageInfo;
	readonly #runtime: Runtime;
	readonly #options: StageOptions;
	readonly #part: StagePart;
	readonly #weights: Weights;
	readonly #micros: Micros<Kept>;
	readonly #stashes = new Stashes();
	readonly #sum: Sum;
	readonly #programs = new Recent<SegmentPrograms>(maxSizes);
	readonly #executables = new Recent<Executable>(maxExecutables, executable => executable.release());
	readonly #classes: number | undefined;

	/** @throws FplError `MODEL_CUT`, `MODEL_OP`, `MODEL_GRADIENT` or `MODEL_SHAPE` when the segment cannot be trained. */
	constructor(runtime: Runtime, model: Model, options: StageOptions) {
		this.#runtime = runtime;
		this.#options = options;
		this.#part = new StagePart(model, options);
		this.info = this.#part.info;
		const own = this.#part.part.model;
		// Compiled at once, so that a segment that cannot be trained is refused here and not at its first step.
		const items = own.graph.inputs[0]?.shape?.[0];
		const programs = this.#compile(typeof items === 'number' ? items : 1);
		(programs.gradient ?? programs.backward)();
		this.#weights = new Weights(own, slotCount(options.optimizer));
		this.#micros = new Micros(this.#part.name, this.#part.stashBytes);
		this.#sum = new Sum(this.#part.name, this.info.parameters.length);
		this.#classes = this.info.last && options.loss === 'softmax-cross-entropy' ? classesOf(own) : undefined;
	}

	save(parts: readonly StatePart[]): TrainerState {
		return this.#weights.save(parts);
	}

	load(state: Partial<TrainerState>): void {
		this.#micros.expectNone('loading weights');
		this.#weights.load(state);
	}

	async forward(micro: number, inputs: Tensors, where: Where): Promise<Forwarded> {
		const items = this.#part.checkInputs(inputs);
		const mask = remembering(this.#part.masks(where, items, this.#update));
		const programs = await this.#at(items);
		const [forward, backward] = [programs.forward(), programs.backward()];
		const bytes = bytesKept(forward, backward);
		this.#micros.admit(micro, bytes);
		const stash = this.#stashes.take(this.#runtime, items, forward);
		const {values, computeMs} = await this.#run('forward', items, forward, {inputs, stash, mask});
		const read = readByBackward(backward);
		const kept: Record<string, Tensor> = {};
		for (const [name, value] of Object.entries(inputs)) {
			if (read.has(name)) {
				kept[name] = value;
			}
		}
		for (const [name, value] of Object.entries(values)) {
			// The caller gets the memory that forward wrote to.
			if (read.has(name)) {
				kept[name] = {...value, data: value.data.slice()} as Tensor;
			}
		}
		this.#micros.wait(micro, {
			items,
			values: kept,
			bytes,
			stash,
			mask: this.#options.stash === 'keep' ? mask : this.#part.masks(where, items, this.#update),
		});
		return {values, computeMs};
	}

	async backward(micro: number, outputGradients: Tensors): Promise<Backwarded> {
		const {items, values, stash, mask} = this.#micros.waiting(micro);
		this.#part.checkOutputGradients(outputGradients, items);
		const program = (await this.#at(items)).backward();
		const {values: gradients, computeMs} =
			program.outputs.length === 0
				? {values: {}, computeMs: 0}
				: await this.#run('backward', items, program, {
						inputs: values,
						outputGradients,
						stash,
						mask,
						gradient: this.#sum.next,
					});
		this.#sum.add();
		this.#micros.finish(micro);
		this.#stashes.giveBack(items, stash);
		return {gradients, computeMs};
	}

	async learn(micro: number, inputs: Tensors, targets: Tensor, where: Where): Promise<Learned> {
		this.#part.expectLast('learn');
		const items = this.#part.checkInputs(inputs);
		const mask = this.#part.masks(where, items, this.#update);
		this.#micros.admit(micro, 0);
		const program = (await this.#at(items)).gradient!();
		const call = {inputs, targets, mask, gradient: this.#sum.next};
		const {values: gradients, ...result} = await this.#run('gradient', items, program, call);
		this.#sum.add();
		this.#micros.finish(micro);
		return {...result, gradients};
	}

	gradient(): Accumulated {
		return this.#sum.copy();
	}

	squaredNorm(): number {
		return this.#sum.squaredNorm();
	}

	discard(): void {
		for (const {items, stash} of this.#micros.reset()) {
			this.#stashes.giveBack(items, stash);
		}
		this.#sum.clear();
	}

	async apply({gradient, scale, lrScale}: ApplyOptions): Promise<void> {
		this.#micros.expectNone('an update');
		const own = gradient ?? this.#sum.current();
		this.#weights.checkGradient(own);
		if (own.length > 0) {
			const {optimizer} = this.#options;
			const {parameters} = this.info;
			const program = () => compileApply(this.#part.name, parameters, {optimizer, scaled: true});
			await this.#run('apply', 1, program, {gradient: own, scale, lr: optimizer.lr * lrScale});
		}
		this.#weights.updates++;
		this.#sum.clear();
		this.#micros.reset();
	}

	async predict(inputs: Tensors): Promise<Forwarded> {
		const items = this.#part.checkInputs(inputs);
		const {values, computeMs} = await this.#run('predict', items, (await this.#at(items)).predict, {inputs});
		return {values, computeMs};
	}

	async evaluate(inputs: Tensors, targets: Tensor): Promise<StepResult> {
		this.#part.expectLast('evaluate');
		const items = this.#part.checkInputs(inputs);
		const program = (await this.#at(items)).evaluate!;
		const {values: _, ...result} = await this.#run('evaluate', items, program, {inputs, targets});
		return result;
	}

	settle(loan: ArrayBuffer | undefined): readonly ArrayBuffer[] {
		return this.#micros.settle(loan);
	}

	async close(): Promise<void> {
		this.discard();
		this.#stashes.clear();
		await this.#executables.clear();
	}

	/** Number of the update that the micro-batches now under way are for. */
	get #update(): number {
		return this.#weights.updates + 1;
	}

	async #run(
		kind: ProgramKind,
		items: number,
		program: Program | (() => Program),
		call: Partial<Call>,
	): Promise<StepResult & {readonly values: Tensors}> {
		const executable = await this.#executables.get(`${kind} ${items}`, () =>
			Executable.create(this.#runtime, typeof program === 'function' ? program() : program, this.#weights),
		);
		const out = new Map<string, OrtTensor>();
		const started = performance.now();
		const result = await executable.run({
			lr: 0,
			update: this.#update,
			mask: noMask,
			classes: this.#classes,
			out,
			...call,
		});
		const computeMs = performance.now() - started;
		return {...result, computeMs, values: Object.fromEntries([...out].map(([name, value]) => [name, fromOrt(value)]))};
	}

	#at(items: number): Promise<SegmentPrograms> {
		return this.#programs.get(`${items}`, () => this.#compile(items));
	}

	#compile(batch: number): SegmentPrograms {
		const {stash, loss} = this.#options;
		return compileSegment(this.#part.part, {batch, stash, over: 'sum', ...(this.info.last ? {loss} : {})});
	}
}
