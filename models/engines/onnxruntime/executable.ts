/** A program bound to the state of a trainer: which tensor goes into which port, and what becomes of what comes out. */
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import {FplError} from '../../../core/errors.js';
import {arrayTypes, type Shape, sizeOf, type Tensor} from '../../../core/tensor/tensor.js';
import {dropoutMask} from '../../compile/dropout.js';
import type {InputRole, OutputRole, Port, Program, Range, ScalarName} from '../../compile/program.js';
import type {Layout} from '../../graph.js';
import type {Batch} from '../engine.js';
import {blocked} from './blocked/block.js';
import {checkClasses, checkInput} from './check.js';
import {type Runtime, toOrt} from './runtime.js';
import {WritingSession} from './session.js';
import type {Vector} from './vector.js';

/** What a trainer keeps resident. */
export interface Resident {
	readonly parameters: Vector;
	readonly buffers: Vector;
	readonly slots: readonly Vector[];
}

export interface Layouts {
	readonly parameters: Layout;
	readonly buffers: Layout;
}

/** What changes from call to call. */
export interface Call {
	readonly batch?: Batch;
	/** Read by `apply`, written by `gradient`; in the layout of the parameters. */
	readonly gradient?: Float32Array;
	readonly lr: number;
	/** Number of the update, from 1. */
	readonly update: number;
	readonly seed: number;
	/** How many classes the loss knows; undefined where it knows none. */
	readonly classes: number | undefined;
}

type Feed = (call: Call) => OrtTensor;

export class Executable {
	readonly #session: WritingSession;
	readonly #feeds: ReadonlyArray<readonly [string, Feed]>;
	readonly #fetches: ReadonlyArray<readonly [string, Feed]>;
	readonly #written: ReadonlyMap<Vector, readonly Range[]>;
	readonly #loss: Float32Array | undefined;
	readonly #correct: Float32Array | undefined;

	private constructor(session: WritingSession, program: Program, binder: Binder) {
		this.#session = session;
		this.#feeds = program.inputs.map(port => [port.name, binder.input(port)]);
		this.#fetches = program.outputs.map(port => [port.name, binder.output(port)]);
		this.#written = binder.written;
		this.#loss = binder.scalars.get('loss');
		this.#correct = binder.scalars.get('correct');
	}

	/** @throws FplError `MODEL_OP` when the runtime refuses the program. */
	static async create(runtime: Runtime, program: Program, layouts: Layouts, resident: Resident): Promise<Executable> {
		const {graph} = program;
		const session = await WritingSession.create(
			runtime,
			runtime.block === undefined ? graph : blocked(graph, runtime.block),
		);
		return new Executable(session, program, new Binder(runtime, program.graph.name, layouts, resident));
	}

	/** Runs once; new weights are in place afterwards. A failed run changes nothing. */
	async run(call: Call): Promise<{loss: number; correct: number | undefined}> {
		const bound = (ports: ReadonlyArray<readonly [string, Feed]>) =>
			Object.fromEntries(ports.map(([name, feed]) => [name, feed(call)]));
		await this.#session.run(bound(this.#feeds), bound(this.#fetches));
		for (const [vector, ranges] of this.#written) {
			vector.written(ranges);
		}
		return {loss: this.#loss?.[0] ?? Number.NaN, correct: this.#correct?.[0]};
	}

	release(): Promise<void> {
		return this.#session.release();
	}
}

/** Answers ports with tensors. */
class Binder {
	readonly written = new Map<Vector, Range[]>();
	readonly scalars = new Map<'loss' | 'correct', Float32Array>();
	readonly #runtime: Runtime;
	readonly #model: string;
	readonly #resident: Resident;
	readonly #parameters: ReadonlyMap<string, Range>;
	readonly #buffers: ReadonlyMap<string, Range>;

	constructor(runtime: Runtime, model: string, layouts: Layouts, resident: Resident) {
		this.#runtime = runtime;
		this.#model = model;
		this.#resident = resident;
		this.#parameters = new Map(layouts.parameters.entries.map(entry => [entry.name, entry]));
		this.#buffers = new Map(layouts.buffers.entries.map(entry => [entry.name, entry]));
	}

	input({name, dtype, shape, role}: Port<InputRole>): Feed {
		const {parameters, buffers, slots} = this.#resident;
		const fresh = ({data}: Tensor) => toOrt(this.#runtime, dtype, shape, data);
		switch (role.kind) {
			case 'parameter':
				return parameters.view(this.#runtime, this.#range(this.#parameters, role.name), shape).read;
			case 'parameters':
				return parameters.view(this.#runtime, role.range, shape).read;
			case 'buffer':
				return buffers.view(this.#runtime, this.#range(this.#buffers, role.name), shape).read;
			case 'slots':
				return slots[role.slot]!.view(this.#runtime, role.range, shape).read;
			case 'gradients':
				return ({gradient}) => this.#piece(gradient!, role.range, shape);
			case 'data':
				return ({batch}) => fresh(checkInput(this.#model, {name: role.name, dtype, shape}, batch!.inputs[role.name]));
			case 'target':
				return ({batch, classes}) => {
					const targets = checkInput(this.#model, {name: 'targets', dtype, shape}, batch!.targets);
					checkClasses(this.#model, targets, classes);
					return fresh(targets);
				};
			case 'mask':
				return ({seed, update}) => fresh(dropoutMask({seed, update, node: role.node, ratio: role.ratio, shape}));
			case 'scalar':
				return this.#scalar(role.scalar);
			case 'activation':
			case 'stash':
			case 'output-gradient':
				return this.#foreign(name, role.kind);
			default:
				return role satisfies never;
		}
	}

	output({name, dtype, shape, role}: Port<OutputRole>): Feed {
		const {parameters, buffers, slots} = this.#resident;
		switch (role.kind) {
			case 'parameters':
				return this.#write(parameters, role.range, shape);
			case 'buffer':
				return this.#write(buffers, this.#range(this.#buffers, role.name), shape);
			case 'slots':
				return this.#write(slots[role.slot]!, role.range, shape);
			case 'gradient': {
				const range = this.#range(this.#parameters, role.name);
				return ({gradient}) => this.#piece(gradient!, range, shape);
			}
			case 'loss':
			case 'correct': {
				const data = new Float32Array(1);
				this.scalars.set(role.kind, data);
				const tensor = toOrt(this.#runtime, 'float32', shape, data);
				return () => tensor;
			}
			case 'activation': {
				const tensor = toOrt(this.#runtime, dtype, shape, new arrayTypes[dtype](sizeOf(shape)));
				return () => tensor;
			}
			case 'stash':
			case 'input-gradient':
				return this.#foreign(name, role.kind);
			default:
				return role satisfies never;
		}
	}

	#write(vector: Vector, range: Range, shape: Shape): Feed {
		this.written.set(vector, [...(this.written.get(vector) ?? []), range]);
		return vector.view(this.#runtime, range, shape).write;
	}

	#scalar(kind: ScalarName): Feed {
		const data = new Float32Array(1);
		const tensor = toOrt(this.#runtime, 'float32', [], data);
		return call => {
			data[0] = call[kind];
			return tensor;
		};
	}

	readonly #piece = (vector: Float32Array, {offset, length}: Range, shape: Shape): OrtTensor =>
		toOrt(this.#runtime, 'float32', shape, vector.subarray(offset, offset + length));

	#range(layout: ReadonlyMap<string, Range>, name: string): Range {
		const range = layout.get(name);
		if (range === undefined) {
			throw new FplError('INTERNAL', {where: `program «${this.#model}»`, problem: `no weight «${name}» in the layout`});
		}
		return range;
	}

	#foreign(name: string, kind: string): never {
		throw new FplError('INTERNAL', {
			where: `program «${this.#model}», port «${name}»`,
			problem: `a whole model has no ${kind}`,
		});
	}
}
