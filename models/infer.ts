/**
 * Shape and type inference: what every value of a graph is, from its inputs and initializers. The operators themselves are
 * described in `infer/`, one table for all.
 */
import {FplError} from '../core/errors.js';
import {type DType, dtypes, sizeOf, type Tensor} from '../core/tensor/tensor.js';
import type {Dim, Graph, Node, ValueInfo} from './graph.js';
import {InferContext, type Lookup, NotKnown} from './infer/context.js';
import {type Dims, isStatic, show, unknownDim} from './infer/dims.js';
import {evaluate, foldLimit} from './infer/fold/evaluate.js';
import {type Formal, type Operator, typeLetters} from './infer/signature.js';
import {operatorOf} from './infer/table.js';

export type {Lookup} from './infer/context.js';

/** Ranks above this are refused: no tool computes with them, and a hostile file could make us allocate by them. */
const highestRank = 32;

export interface InferOptions {
	/** Operator set version by domain. */
	readonly opsets: Readonly<Record<string, number>>;
	/** The model's name, for error messages. */
	readonly model: string;
}

/**
 * The types of a node's outputs, in the order of `node.outputs` (unwanted ones, named `''`, included). Shapes that depend on
 * values known only at run time are undefined or have `'?'` dimensions.
 * @throws FplError `MODEL_OP` for an unknown operator, `MODEL_INVALID` for missing inputs or wrong attributes,
 * `MODEL_SHAPE` where shapes or types do not fit together.
 */
export function inferNode(node: Node, lookup: Lookup, {opsets, model}: InferOptions): readonly ValueInfo[] {
	const opset = opsets[node.domain] ?? 1;
	const operator = operatorOf(node, opset, model);
	const context = new InferContext(node, lookup, opset, model);
	checkAttributes(context, operator);
	const letters = checkInputs(context, operator);
	const types = operator.dtype?.(context) ?? outputTypes(context, operator, letters);
	const shapes = shapesOf(context, operator);
	return node.outputs.map((name, index): ValueInfo => {
		const shape = shapes[index];
		if (shape !== undefined) {
			checkSize(context, shape);
		}
		return {name, dtype: types[index] ?? types[0]!, shape};
	});
}

function shapesOf(context: InferContext, operator: Operator): readonly (Dims | undefined)[] {
	try {
		return operator.shape(context);
	} catch (error) {
		if (error instanceof NotKnown) {
			return [];
		}
		throw error;
	}
}

function checkSize(context: InferContext, shape: Dims): void {
	if (shape.length > highestRank || (isStatic(shape) && !Number.isSafeInteger(sizeOf(shape)))) {
		context.fail({problem: 'an output would be absurdly large', got: show(shape)});
	}
}

function checkAttributes(context: InferContext, {attributes}: Operator): void {
	for (const name of Object.keys(context.node.attributes)) {
		const kind = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
		if (kind === undefined) {
			context.fail({problem: `attribute «${name}» is not known`}, 'MODEL_INVALID');
		}
		context.attribute(name, kind);
	}
}

/** Checks number and dtypes of the inputs; answers the dtype that each letter of the signature stands for. */
function checkInputs(context: InferContext, {inputs, outputs}: Operator): ReadonlyMap<string, DType> {
	const letters = new Map<string, DType>();
	const {node} = context;
	const repeats = inputs.at(-1)?.repeats === true;
	if ((node.inputs.length > inputs.length && !repeats) || node.outputs.length < 1) {
		context.fail({problem: 'it has too many inputs, or no output', got: `${node.inputs.length}`}, 'MODEL_INVALID');
	}
	if (node.outputs.length > outputs.length && outputs.at(-1)?.repeats !== true) {
		context.fail({problem: 'it has too many outputs', expected: `${outputs.length}`}, 'MODEL_INVALID');
	}
	const count = Math.max(node.inputs.length, inputs.length);
	for (let index = 0; index < count; index++) {
		const expected = inputs[Math.min(index, inputs.length - 1)]!;
		if (context.has(index)) {
			checkType(context, index, expected, letters);
		} else if (!expected.optional) {
			context.fail({problem: `input ${index} is missing`}, 'MODEL_INVALID');
		}
	}
	return letters;
}

function checkType(context: InferContext, index: number, {type}: Formal, letters: Map<string, DType>): void {
	const dtype = context.dtype(index);
	const letter = typeLetters[type];
	const bound = letters.get(type);
	if (letter === undefined ? dtype !== type : !letter.accepts(dtype)) {
		context.fail({problem: `input ${index} has the wrong type`, expected: letter?.what ?? type, got: dtype});
	}
	if (bound !== undefined && bound !== dtype) {
		context.fail({problem: `input ${index} differs in type from an earlier one`, expected: bound, got: dtype});
	}
	letters.set(type, dtype);
}

function outputTypes(context: InferContext, {outputs}: Operator, letters: ReadonlyMap<string, DType>): DType[] {
	return context.node.outputs.map((_, index) => {
		const {type} = outputs[Math.min(index, outputs.length - 1)]!;
		const dtype = letters.get(type) ?? dtypes.find(name => name === type);
		if (dtype === undefined) {
			context.fail({problem: `the type of output ${index} cannot be told`});
		}
		return dtype;
	});
}

/** What is known about all values of a graph. */
export interface Analysis {
	/** Type of every value, inputs and initializers included. */
	readonly types: ReadonlyMap<string, ValueInfo>;
	/** Values that can be computed without running the graph: initializers, constants, shapes and what is made of them. */
	readonly known: ReadonlyMap<string, Tensor>;
}

/** Elements that folding may compute in one graph: a bound on what a hostile file can make us allocate. */
const foldBudget = 2 ** 22;

/**
 * Whether an initializer may be computed with when the graph is compiled. Float tensors of rank ≥ 1 may be weights, which
 * training changes, so nothing is ever derived from them.
 */
const isFoldable = ({dtype, shape}: Tensor): boolean =>
	shape.length === 0 || dtype === 'bool' || dtype.startsWith('int') || dtype.startsWith('uint');

/** Analyses a graph node by node, for callers that change nodes on the way. */
export class Analyst implements Analysis {
	readonly types = new Map<string, ValueInfo>();
	readonly known = new Map<string, Tensor>();
	private readonly graph: Graph;
	/** What the graph says about values itself. */
	private readonly declared: ReadonlyMap<string, ValueInfo>;
	private readonly lookup: Lookup = {
		type: name => (name === '' ? undefined : this.types.get(name)),
		known: name => (name === '' ? undefined : this.known.get(name)),
	};
	private budget = foldBudget;

	/** Knows the inputs and initializers of the graph; its nodes are up to `visit`. */
	constructor(graph: Graph) {
		this.graph = graph;
		this.declared = new Map([...graph.values, ...graph.outputs.map(info => [info.name, info] as const)]);
		for (const info of graph.inputs) {
			this.types.set(info.name, info);
		}
		for (const [name, tensor] of graph.initializers) {
			this.learn(name, tensor);
		}
	}

	/** Adds a tensor under a name. */
	learn(name: string, tensor: Tensor): void {
		this.types.set(name, {name, dtype: tensor.dtype, shape: tensor.shape});
		if (isFoldable(tensor)) {
			this.known.set(name, tensor);
		}
	}

	/** Infers the node's outputs, and evaluates them if its inputs are known. @throws FplError as `inferNode`. */
	visit(node: Node): void {
		const {name: model, opsets} = this.graph;
		const outputs = inferNode(node, this.lookup, {opsets, model}).map(info =>
			refined(info, this.declared.get(info.name)),
		);
		for (const [index, info] of outputs.entries()) {
			this.types.set(node.outputs[index]!, info);
			this.known.delete(info.name);
		}
		const cost = foldCost(node, outputs, this.known);
		if (cost <= Math.min(this.budget, foldLimit)) {
			const results = evaluate(node, this.lookup, outputs, opsets[node.domain] ?? 1, model) ?? [];
			for (const [index, result] of results.entries()) {
				this.known.set(node.outputs[index]!, result);
			}
			this.budget -= results.length === 0 ? 0 : cost;
		}
	}
}

/**
 * Infers every value and evaluates what is known in advance.
 * @throws FplError as `inferNode`; `MODEL_INVALID` for an undefined value.
 */
export function analyse(graph: Graph): Analysis {
	const analyst = new Analyst(graph);
	for (const node of graph.nodes) {
		analyst.visit(node);
	}
	analyst.types.delete('');
	analyst.known.delete('');
	return analyst;
}

/** Elements that evaluating a node reads and makes; 0 for constants, which exist already, infinite when a shape is open. */
function foldCost(node: Node, outputs: readonly ValueInfo[], known: ReadonlyMap<string, Tensor>): number {
	if (node.op === 'Constant') {
		return 0;
	}
	const made = outputs.map(({shape}) => (isStatic(shape) ? sizeOf(shape) : Number.POSITIVE_INFINITY));
	const read = node.inputs.map(name => known.get(name)?.data.length ?? 0);
	return [...made, ...read].reduce((sum, size) => sum + size, 0);
}

/** What inference leaves open, filled in from what the file declares. */
function refined(inferred: ValueInfo, declared: ValueInfo | undefined): ValueInfo {
	if (declared?.shape === undefined || declared.dtype !== inferred.dtype) {
		return inferred;
	}
	if (inferred.shape === undefined) {
		return {...inferred, shape: declared.shape};
	}
	const {shape} = declared;
	return shape.length !== inferred.shape.length
		? inferred
		: {...inferred, shape: inferred.shape.map((dim, axis): Dim => (dim === unknownDim ? shape[axis]! : dim))};
}

/** The graph with the type of every inner value and output filled in. @throws FplError as `analyse`. */
export function infer(graph: Graph): Graph {
	const {types} = analyse(graph);
	const values = new Map<string, ValueInfo>();
	for (const node of graph.nodes) {
		for (const name of node.outputs) {
			const info = types.get(name);
			if (info !== undefined) {
				values.set(name, info);
			}
		}
	}
	return {
		...graph,
		values,
		outputs: graph.outputs.map(output => types.get(output.name) ?? missing(graph, output.name)),
	};
}

function missing(graph: Graph, name: string): never {
	throw new FplError('MODEL_INVALID', {where: `output «${name}» of «${graph.name}»`, problem: 'nothing makes it'});
}

/** Type lookup in a graph that `infer` has filled: inputs, initializers and inner values. */
export function typesOf(graph: Graph): (name: string) => ValueInfo | undefined {
	const inputs = new Map(graph.inputs.map(info => [info.name, info]));
	const outputs = new Map(graph.outputs.map(info => [info.name, info]));
	return name => {
		const tensor = graph.initializers.get(name);
		return tensor !== undefined
			? {name, dtype: tensor.dtype, shape: tensor.shape}
			: (inputs.get(name) ?? graph.values.get(name) ?? outputs.get(name));
	};
}
