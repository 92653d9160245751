/** Answers the ports of a program with tensors: views of resident weights, tensors of the call, fresh memory for results. */
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import {FplError} from '../../../core/errors.js';
import {arrayTypes, type Shape, sizeOf, type Tensor} from '../../../core/tensor/tensor.js';
import type {InputRole, OutputRole, Port, Range, ScalarName} from '../../compile/program.js';
import {checkClasses, checkInput} from './check.js';
import type {Feed} from './executable.js';
import {type Runtime, toOrt} from './runtime.js';
import type {Vector} from './vector.js';
import type {Weights} from './weights.js';

export class Binder {
	readonly written = new Map<Vector, Range[]>();
	readonly scalars = new Map<'loss' | 'correct', Float32Array>();
	readonly #runtime: Runtime;
	readonly #model: string;
	readonly #weights: Weights;
	readonly #parameters: ReadonlyMap<string, Range>;
	readonly #buffers: ReadonlyMap<string, Range>;

	constructor(runtime: Runtime, model: string, weights: Weights) {
		const {parameters, buffers} = weights.layouts;
		this.#runtime = runtime;
		this.#model = model;
		this.#weights = weights;
		this.#parameters = new Map(parameters.entries.map(entry => [entry.name, entry]));
		this.#buffers = new Map(buffers.entries.map(entry => [entry.name, entry]));
	}

	input({dtype, shape, role}: Port<InputRole>): Feed {
		const {parameters, buffers, slots} = this.#weights;
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
			case 'activation':
				return ({inputs}) => fresh(checkInput(this.#model, {name: role.name, dtype, shape}, inputs![role.name]));
			case 'output-gradient': {
				const expected = {name: `gradient of ${role.name}`, dtype, shape};
				return ({outputGradients}) => fresh(checkInput(this.#model, expected, outputGradients![role.name]));
			}
			case 'target':
				return ({targets: given, classes}) => {
					const targets = checkInput(this.#model, {name: 'targets', dtype, shape}, given);
					checkClasses(this.#model, targets, classes);
					return fresh(targets);
				};
			case 'mask':
				return ({mask}) => fresh(mask(role.node, role.ratio, shape));
			case 'scalar':
				return this.#scalar(role.scalar);
			case 'stash':
				return this.#stash(role.name);
			default:
				return role satisfies never;
		}
	}

	output({dtype, shape, role}: Port<OutputRole>): Feed {
		const {parameters, buffers, slots} = this.#weights;
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
			case 'activation':
			case 'input-gradient':
				return ({out}) => {
					const tensor = toOrt(this.#runtime, dtype, shape, new arrayTypes[dtype](sizeOf(shape)));
					out?.set(role.name, tensor);
					return tensor;
				};
			case 'stash':
				return this.#stash(role.name);
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
			data[0] = call[kind] ?? 1;
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

	readonly #stash =
		(name: string): Feed =>
		({stash}) =>
			stash!.get(name)!;
}
