/**
 * Rewrites a graph so that values may exist in two forms: plain ([N, C, H, W], as ONNX has them) and blocked
 * ([N, C/B, H, W, B], as ONNX Runtime's fastest kernels want them). A form is made from the other when somebody asks for it
 * and at most once.
 */
import {int64, type Shape, type Tensor} from '../../../../core/tensor/tensor.js';
import {type Attributes, type Graph, int, type Node} from '../../../graph.js';
import {typesOf} from '../../../infer.js';

/** The runtime's own domain for blocked operators. */
export const blockedDomain = 'com.microsoft.nchwc';

export class Rewriter {
	/** Channels per block: 16 with AVX-512, 8 with AVX2. */
	readonly block: number;
	readonly #nodes: Node[] = [];
	readonly #initializers: Map<string, Tensor>;
	readonly #shapes: (name: string) => Shape | undefined;
	/** Values whose plain form has been made (or was given). */
	readonly #plain = new Set<string>();
	/** Value → name of its blocked form. */
	readonly #blocked = new Map<string, string>();
	/** Reshapes of the original graph by output: [input, output shape]. */
	readonly #reshaped = new Map<string, string>();
	readonly #shapeConstants = new Map<string, string>();
	readonly #graph: Graph;
	#scope = 'blocked/';
	#count = 0;

	constructor(graph: Graph, block: number) {
		this.block = block;
		this.#graph = graph;
		this.#initializers = new Map(graph.initializers);
		const typed = typesOf(graph);
		this.#shapes = name => {
			const shape = typed(name)?.shape;
			return shape?.every(dim => typeof dim === 'number') ? (shape as Shape) : undefined;
		};
		for (const {name} of graph.inputs) {
			this.#plain.add(name);
		}
		for (const name of graph.initializers.keys()) {
			this.#plain.add(name);
		}
	}

	/** The shape of a value of the original graph, where it is static. */
	shape(name: string): Shape | undefined {
		return this.#shapes(name);
	}

	/** Whether the value exists so far in blocked form only. */
	isOnlyBlocked(name: string): boolean {
		return this.#blocked.has(name) && !this.#plain.has(name);
	}

	isBlocked(name: string): boolean {
		return this.#blocked.has(name);
	}

	/** Channels rounded up to whole blocks. */
	padded(channels: number): number {
		return Math.ceil(channels / this.block) * this.block;
	}

	/** Names of what is emitted from here on tell which node of the original graph asked for it. */
	within(node: string): void {
		this.#scope = `blocked/${node}/`;
	}

	/** Adds a node and answers the name of its output. */
	emit(op: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
		const name = `${this.#scope}${op}_${this.#count++}`;
		this.#nodes.push({name, op, domain, inputs, outputs: [name], attributes});
		return name;
	}

	constant(value: Tensor): string {
		const name = `blocked/constant_${this.#count++}`;
		this.#initializers.set(name, value);
		return name;
	}

	numbers(values: readonly number[]): string {
		return this.constant(int64([values.length], values));
	}

	reshape(value: string, shape: Shape): string {
		const key = shape.join();
		const target = this.#shapeConstants.get(key) ?? this.constant(int64([shape.length], shape));
		this.#shapeConstants.set(key, target);
		return this.emit('Reshape', [value, target]);
	}

	/** Takes a node over as it is. */
	keep(node: Node): void {
		this.#nodes.push({...node, inputs: node.inputs.map(name => this.plain(name))});
		for (const output of node.outputs) {
			this.#plain.add(output);
		}
		if (node.op === 'Reshape' && node.domain === '') {
			this.#reshaped.set(node.outputs[0]!, node.inputs[0]!);
		}
	}

	/** Records the blocked form of a value that has no plain form yet. */
	setBlocked(name: string, blocked: string): void {
		this.#blocked.set(name, blocked);
	}

	/** Records that a value's plain form is computed under another name. */
	setPlain(name: string, made: string): void {
		this.#nodes.push({name, op: 'Identity', domain: '', inputs: [made], outputs: [name], attributes: {}});
		this.#plain.add(name);
	}

	/** The name of the plain form, which is the value's own name. */
	plain(name: string): string {
		const blocked = this.#blocked.get(name);
		if (name !== '' && !this.#plain.has(name) && blocked !== undefined) {
			const [, channels] = this.shape(name) as [number, number];
			this.#nodes.push({
				name: `blocked/plain ${name}`,
				op: 'ReorderOutput',
				domain: blockedDomain,
				inputs: [blocked],
				outputs: [name],
				attributes: {channels: int(channels)},
			});
			this.#plain.add(name);
		}
		return name;
	}

	/** The name of the blocked form of a value [N, C, H, W]. */
	blocked(name: string): string {
		const existing = this.#blocked.get(name);
		if (existing !== undefined) {
			return existing;
		}
		const made = this.#blockedReshape(name) ?? this.emit('ReorderInput', [this.plain(name)], {}, blockedDomain);
		this.#blocked.set(name, made);
		return made;
	}

	/** Items and channels may be merged in either form where no block is cut: [N, C, H, W] → [1, N·C, H, W]. */
	#blockedReshape(name: string): string | undefined {
		const source = this.#reshaped.get(name);
		const from = source === undefined ? undefined : this.shape(source);
		const to = this.shape(name);
		const merges =
			from?.length === 4 &&
			to?.length === 4 &&
			from[1]! % this.block === 0 &&
			to[1]! % this.block === 0 &&
			from[2] === to[2] &&
			from[3] === to[3];
		return merges ? this.reshape(this.blocked(source!), to) : undefined;
	}

	/** The original of a reshaped value. */
	beforeReshape(name: string): string {
		return this.#reshaped.get(name) ?? name;
	}

	/** Changes a node that was emitted before. */
	amend(output: string, change: (node: Node) => Node): void {
		const index = this.#nodes.findLastIndex(node => node.outputs[0] === output);
		this.#nodes[index] = change(this.#nodes[index]!);
	}

	finish(): Graph {
		for (const {name} of this.#graph.outputs) {
			this.plain(name);
		}
		return {
			...this.#graph,
			nodes: this.#nodes,
			initializers: this.#initializers,
			opsets: {...this.#graph.opsets, [blockedDomain]: 1},
		};
	}
}
