/** What an op of the table sees: its node, its inputs in the layout it likes, and the mode of the run. */
import {FplError} from '../../../../core/errors.js';
import type {Attribute, Node} from '../../../graph.js';
import {type Tf, type TfTensor, Value} from '../value.js';

/** One pass over a graph. */
export interface Pass {
	readonly tf: Tf;
	readonly modelName: string;
	/** Version of the ONNX operator set. */
	readonly opset: number;
	/** Undefined in inference mode. */
	readonly training: TrainingPass | undefined;
}

export interface TrainingPass {
	/** Whether this initializer is a running statistic that training moves (else its batch norm is frozen). */
	readonly isBuffer: (name: string) => boolean;
	/** `new = momentum · old + (1 − momentum) · observed` */
	readonly move: (buffer: string, observed: Float32Array, momentum: number) => void;
	/** 0 where dropped, 1 / (1 − ratio) where kept; row-major. */
	readonly dropout: (node: string, ratio: number, shape: readonly number[]) => Float32Array;
}

type Payload<K extends Attribute['kind']> = Extract<Attribute, {readonly kind: K}>['value'];

export class OpContext {
	readonly pass: Pass;
	readonly tf: Tf;
	readonly node: Node;
	readonly #inputs: readonly (Value | undefined)[];

	constructor(pass: Pass, node: Node, inputs: readonly (Value | undefined)[]) {
		this.pass = pass;
		this.tf = pass.tf;
		this.node = node;
		this.#inputs = inputs;
	}

	get count(): number {
		return this.#inputs.length;
	}

	optional(index: number): Value | undefined {
		return this.#inputs[index];
	}

	value(index: number): Value {
		return this.#inputs[index] ?? this.fail(`input ${index} is missing`, 'MODEL_INVALID');
	}

	plain(index: number): TfTensor {
		return this.value(index).plain;
	}

	/** The elements of an input as numbers (axes, shapes, bounds). */
	numbers(index: number): readonly number[] | undefined {
		return this.#inputs[index]?.host;
	}

	int(name: string, fallback: number): number {
		return this.attribute(name, 'int') ?? fallback;
	}

	float(name: string, fallback: number): number {
		return this.attribute(name, 'float') ?? fallback;
	}

	string(name: string, fallback: string): string {
		return this.attribute(name, 'string') ?? fallback;
	}

	ints(name: string): readonly number[] | undefined {
		return this.attribute(name, 'ints');
	}

	attribute<K extends Attribute['kind']>(name: string, kind: K): Payload<K> | undefined {
		const attribute = this.node.attributes[name];
		if (attribute === undefined) {
			return undefined;
		}
		if (attribute.kind !== kind) {
			this.fail(`attribute «${name}» is of kind ${attribute.kind}, not ${kind}`, 'MODEL_INVALID');
		}
		return attribute.value as unknown as Payload<K> | undefined;
	}

	/** Resolves an axis counted from the end. */
	axis(axis: number, rank: number): number {
		const resolved = axis < 0 ? axis + rank : axis;
		return resolved >= 0 && resolved < Math.max(rank, 1)
			? resolved
			: this.fail(`axis ${axis} of a value of rank ${rank}`, 'MODEL_SHAPE');
	}

	of(raw: TfTensor): Value {
		return new Value(this.tf, raw);
	}

	channelsLast(raw: TfTensor): Value {
		return new Value(this.tf, raw, 'last');
	}

	fail(problem: string, code: 'MODEL_OP' | 'MODEL_INVALID' | 'MODEL_SHAPE' | 'DATA_SHAPE' = 'MODEL_OP'): never {
		throw new FplError(code, {where: `${this.pass.modelName}, node «${this.node.name}» (${this.node.op})`, problem});
	}
}

/** Answers the node's outputs, in order; trailing optional ones may be left out. */
export type Op = (context: OpContext) => Value | readonly Value[];
