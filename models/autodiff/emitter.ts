/**
 * Writes graphs node by node: every emitted node is typed at once, equal nodes and equal constants are emitted once.
 * The one mutable thing between immutable graphs; it never leaves the function that made it.
 */
import {FplError} from '../../core/errors.js';
import {bytesOf, type DType, type Shape, type Tensor} from '../../core/tensor/tensor.js';
import type {Emit, EmitOptions} from '../gradients/rule.js';
import type {Attribute, Attributes, Graph, Node, ValueInfo, WeightGradient} from '../graph.js';
import {inferNode} from '../infer.js';
import type {StaticType} from './composite.js';
import {compositeOf} from './composites.js';

/** Constants above this size are not compared with others: hashing them would cost more than sharing saves. */
const sharedConstantBytes = 4096;

export class Emitter implements Emit {
	readonly name: string;
	readonly opsets: Graph['opsets'];
	private readonly nodes: Node[] = [];
	/** Node name → its place in `nodes`. */
	private readonly places = new Map<string, number>();
	private readonly constants = new Map<string, Tensor>();
	private readonly types = new Map<string, ValueInfo>();
	private readonly emitted = new Map<string, readonly string[]>();
	private readonly sharedConstants = new Map<string, string>();
	private readonly weightGradients = new Map<string, WeightGradient>();
	private scope = '';
	private count = 0;

	get opset(): number {
		return this.opsets['']!;
	}

	constructor(name: string, opsets: Graph['opsets']) {
		this.name = name;
		this.opsets = opsets;
	}

	/** Takes over types, initializers, notes and (unless told otherwise) nodes of a graph, so that new nodes may read its values. */
	include(graph: Graph, {nodes = true}: {readonly nodes?: boolean} = {}): this {
		for (const [name, value] of graph.initializers) {
			this.constants.set(name, value);
		}
		for (const info of [...graph.inputs, ...graph.outputs, ...graph.values.values()]) {
			this.types.set(info.name, info);
		}
		for (const [value, note] of graph.weightGradients ?? []) {
			this.isWeightGradient(value, note);
		}
		for (const node of nodes ? graph.nodes : []) {
			this.place(node);
		}
		return this;
	}

	/** Names of the nodes and values emitted from here on begin with this. */
	within(scope: string): this {
		this.scope = scope;
		return this;
	}

	/** Declares a value that comes from outside. */
	input(name: string, dtype: DType, shape: Shape): string {
		if (this.types.has(name) || this.constants.has(name)) {
			throw new FplError('MODEL_INVALID', {where: `«${this.name}»`, problem: `the value name «${name}» is taken`});
		}
		this.types.set(name, {name, dtype, shape});
		return name;
	}

	emit(op: string, inputs: readonly string[], attributes: Attributes = {}, options: EmitOptions = {}): string {
		return this.emitAll(op, inputs, attributes, options)[0]!;
	}

	emitAll(
		op: string,
		inputs: readonly string[],
		attributes: Attributes,
		{domain = '', outputs = 1}: EmitOptions,
	): readonly string[] {
		const key = `${domain}:${op}:${outputs}(${inputs.join(',')})${attributesKey(attributes)}`;
		const existing = this.emitted.get(key);
		if (existing !== undefined) {
			return existing;
		}
		const name = this.unique(op);
		const names = Array.from({length: outputs}, (_, index) => (index === 0 ? name : `${name}:${index}`));
		this.add({name, op, domain, inputs, outputs: names, attributes});
		this.emitted.set(key, names);
		return names;
	}

	/** Adds a node as it is, without sharing, and types its outputs. */
	add(node: Node): void {
		this.typeOutputs(node);
		this.place(node);
	}

	/** The name of a node's output `index`, which is added to the node where it was left out. */
	addOutput(nodeName: string, index: number): string {
		const place = this.places.get(nodeName)!;
		const node = this.nodes[place]!;
		const existing = node.outputs[index] ?? '';
		if (existing !== '') {
			return existing;
		}
		const name = `${nodeName}:${index}`;
		const outputs = Array.from({length: Math.max(node.outputs.length, index + 1)}, (_, at) =>
			at === index ? name : (node.outputs[at] ?? ''),
		);
		const wider = {...node, outputs};
		this.typeOutputs(wider);
		this.nodes[place] = wider;
		return name;
	}

	/** Makes the value known under another name: for results whose name matters. Costs a node that only copies. */
	alias(value: string, name: string): string {
		this.add({name, op: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {}});
		return name;
	}

	/** A copy of the value under a new name. */
	copy(value: string): string {
		return this.alias(value, this.unique('copy'));
	}

	isWeightGradient(value: string, note: WeightGradient): void {
		this.weightGradients.set(value, note);
	}

	constant(value: Tensor): string {
		const small = value.data.byteLength <= sharedConstantBytes;
		const key = small
			? `${value.dtype}[${value.shape.join()}]${Buffer.from(bytesOf(value)).toString('latin1')}`
			: undefined;
		const existing = key === undefined ? undefined : this.sharedConstants.get(key);
		if (existing !== undefined) {
			return existing;
		}
		const name = this.unique('constant');
		this.constants.set(name, value);
		this.types.set(name, {name, dtype: value.dtype, shape: value.shape});
		if (key !== undefined) {
			this.sharedConstants.set(key, name);
		}
		return name;
	}

	/** The contents of a constant, undefined for what is computed or fed. */
	known(value: string): Tensor | undefined {
		return this.constants.get(value);
	}

	/** @throws FplError `MODEL_SHAPE` when the value's type is not known or not static. */
	type(value: string): StaticType {
		const info = this.lookup.type(value);
		if (info?.shape?.every(dim => typeof dim === 'number') !== true) {
			throw new FplError('MODEL_SHAPE', {
				where: `${this.name}, value «${value}»`,
				expected: 'a static shape',
				got: info === undefined ? 'no such value' : `${info.dtype}[${info.shape?.join(', ') ?? '…'}]`,
				fix: 'Only graphs specialised to one batch size can be compiled for training',
			});
		}
		return {dtype: info.dtype, shape: info.shape as Shape};
	}

	shape(value: string): Shape {
		return this.type(value).shape;
	}

	dtype(value: string): DType {
		return this.type(value).dtype;
	}

	/** All nodes so far, in topological order. */
	get allNodes(): readonly Node[] {
		return this.nodes;
	}

	/**
	 * The graph from these inputs to these outputs; nodes and constants that no output needs are left out. An input may be
	 * a value that nodes of this emitter compute: the graph then takes it as given.
	 */
	finish(inputs: readonly string[], outputs: readonly string[], all: readonly Node[] = this.nodes): Graph {
		const fed = new Set(inputs);
		const needed = new Set(outputs);
		const nodes: Node[] = [];
		for (const node of all.toReversed()) {
			if (node.outputs.some(output => needed.has(output) && !fed.has(output))) {
				nodes.push(node);
				for (const input of node.inputs) {
					needed.add(input);
				}
			}
		}
		nodes.reverse();
		const produced = nodes.flatMap(node => node.outputs.filter(output => output !== ''));
		const info = (name: string): ValueInfo => ({name, ...this.type(name)});
		const made = new Set(produced);
		return {
			name: this.name,
			nodes,
			inputs: inputs.map(info),
			outputs: outputs.map(info),
			initializers: new Map([...this.constants].filter(([name]) => needed.has(name) && !fed.has(name))),
			values: new Map(produced.flatMap(name => (this.types.has(name) ? [[name, this.types.get(name)!] as const] : []))),
			opsets: this.opsets,
			weightGradients: new Map([...this.weightGradients].filter(([name]) => made.has(name))),
		};
	}

	private readonly lookup = {
		type: (value: string): ValueInfo | undefined => {
			const constant = this.constants.get(value);
			return this.types.get(value) ?? (constant && {name: value, dtype: constant.dtype, shape: constant.shape});
		},
		known: (value: string): Tensor | undefined => this.constants.get(value),
	};

	private typeOutputs(node: Node): void {
		const types = compositeOf(node)?.types(node, value => this.type(value));
		const infos =
			types === undefined
				? inferNode(node, this.lookup, {opsets: this.opsets, model: this.name})
				: node.outputs.map(
						(name, index): ValueInfo => ({name, dtype: types[index]!.dtype, shape: types[index]!.shape}),
					);
		for (const info of infos) {
			if (info.name !== '') {
				this.types.set(info.name, info);
			}
		}
	}

	private place(node: Node): void {
		this.places.set(node.name, this.nodes.length);
		this.nodes.push(node);
	}

	private unique(stem: string): string {
		for (;;) {
			const name = `${this.scope}${stem}_${this.count++}`;
			if (!this.types.has(name) && !this.constants.has(name) && !this.places.has(name)) {
				return name;
			}
		}
	}
}

/** Text that is equal exactly for equal attributes. */
function attributesKey(attributes: Attributes): string {
	const value = (attribute: Attribute): string =>
		attribute.kind === 'tensor'
			? `${attribute.value.dtype}[${attribute.value.shape.join()}]${Buffer.from(bytesOf(attribute.value)).toString('latin1')}`
			: JSON.stringify(attribute.value);
	return Object.keys(attributes)
		.sort()
		.map(name => `;${name}=${attributes[name]!.kind} ${value(attributes[name]!)}`)
		.join('');
}
