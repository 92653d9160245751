/** What an inference rule sees of its node: types and known values of the inputs, checked attributes, and how to complain. */
import {type ErrorCode, type ErrorFacts, FplError} from '../../core/errors.js';
import {type DType, type Tensor, toNumbers} from '../../core/tensor/tensor.js';
import type {Attribute, Node, ValueInfo} from '../graph.js';
import {type Dims, show} from './dims.js';

/** What is known about values before a node is looked at. */
export interface Lookup {
	/** undefined: there is no such value. */
	type(value: string): ValueInfo | undefined;
	/** The contents, where they are known without running the graph. */
	known(value: string): Tensor | undefined;
}

/** Thrown by a rule's questions when the answer is not known; `inferNode` then leaves the shapes open. */
export class NotKnown extends Error {}

type KindOf<K extends Attribute['kind']> = Extract<Attribute, {kind: K}>['value'];

export class InferContext {
	readonly node: Node;
	/** Version of the node's domain. */
	readonly opset: number;
	private readonly lookup: Lookup;
	private readonly model: string;

	constructor(node: Node, lookup: Lookup, opset: number, model: string) {
		this.node = node;
		this.opset = opset;
		this.lookup = lookup;
		this.model = model;
	}

	/** Where the node stands, for error messages. */
	get where(): string {
		return whereIs(this.node, this.model);
	}

	/** Whether input `index` is given. */
	has(index: number): boolean {
		return (this.node.inputs[index] ?? '') !== '';
	}

	/** How many inputs the node lists, absent ones included. */
	get count(): number {
		return this.node.inputs.length;
	}

	dtype(index: number): DType {
		return this.typeOf(index).dtype;
	}

	/** @throws NotKnown when the rank is not known. */
	shape(index: number): Dims {
		const {shape} = this.typeOf(index);
		if (shape === undefined) {
			throw new NotKnown();
		}
		return shape;
	}

	/** The rank-checked shape of an input. */
	ranked(index: number, rank: number): Dims {
		const shape = this.shape(index);
		if (shape.length !== rank) {
			this.fail({problem: `input ${index} has the wrong rank`, expected: `${rank}`, got: show(shape)});
		}
		return shape;
	}

	known(index: number): Tensor | undefined {
		const name = this.node.inputs[index] ?? '';
		return name === '' ? undefined : this.lookup.known(name);
	}

	/** The integers in input `index`. @throws NotKnown when they are only known at run time. */
	numbers(index: number): readonly number[] {
		const value = this.known(index);
		if (value === undefined) {
			throw new NotKnown();
		}
		return toNumbers(value);
	}

	attribute<K extends Attribute['kind']>(name: string, kind: K): KindOf<K> | undefined {
		// Own keys only: names come from files, and `constructor` is one too.
		const attribute = Object.hasOwn(this.node.attributes, name) ? this.node.attributes[name] : undefined;
		if (attribute !== undefined && attribute.kind !== kind) {
			this.fail(
				{problem: `attribute «${name}» has the wrong kind`, expected: kind, got: attribute.kind},
				'MODEL_INVALID',
			);
		}
		return attribute?.value as KindOf<K> | undefined;
	}

	int(name: string, byDefault: number): number {
		return this.attribute(name, 'int') ?? byDefault;
	}

	ints(name: string): readonly number[] | undefined {
		return this.attribute(name, 'ints');
	}

	string(name: string, byDefault: string): string {
		return this.attribute(name, 'string') ?? byDefault;
	}

	/** An axis counted from 0. @param limit axes run from −limit to limit − 1. */
	axis(value: number, limit: number): number {
		if (!Number.isInteger(value) || value < -limit || value >= limit) {
			this.fail({problem: 'an axis is out of range', expected: `-${limit} … ${limit - 1}`, got: `${value}`});
		}
		return value < 0 ? value + limit : value;
	}

	/** Axes counted from 0, each once, ascending. */
	axes(values: readonly number[], limit: number): readonly number[] {
		const axes = values.map(value => this.axis(value, limit)).sort((a, b) => a - b);
		if (new Set(axes).size !== axes.length) {
			this.fail({problem: 'an axis is named twice', got: `[${values.join(', ')}]`});
		}
		return axes;
	}

	fail(facts: Omit<ErrorFacts, 'where'>, code: ErrorCode = 'MODEL_SHAPE'): never {
		throw new FplError(code, {where: this.where, ...facts});
	}

	private typeOf(index: number): ValueInfo {
		const name = this.node.inputs[index] ?? '';
		const info = name === '' ? undefined : this.lookup.type(name);
		if (info === undefined) {
			this.fail(
				{problem: name === '' ? `input ${index} is missing` : `nothing makes its input «${name}»`},
				'MODEL_INVALID',
			);
		}
		return info;
	}
}

export const qualifiedOp = ({domain, op}: Node): string => (domain === '' ? op : `${domain}.${op}`);

export const whereIs = (node: Node, model: string): string =>
	`node «${node.name}» (${qualifiedOp(node)}) of «${model}»`;
