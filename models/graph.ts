/**
 * The model as data: an immutable ONNX graph. Reading, inferring, cutting, differentiating and writing are functions from
 * graph to graph; nothing here executes.
 */
import type {DType, Shape, Tensor} from '../core/tensor/tensor.js';

/** A dimension: a number, or the name of a symbolic one (usually the batch, `'N'`). */
export type Dim = number | string;

export interface ValueInfo {
	readonly name: string;
	readonly dtype: DType;
	/** Undefined where the rank is not known. */
	readonly shape: readonly Dim[] | undefined;
}

export type Attribute =
	| {readonly kind: 'int'; readonly value: number}
	| {readonly kind: 'float'; readonly value: number}
	| {readonly kind: 'string'; readonly value: string}
	| {readonly kind: 'tensor'; readonly value: Tensor}
	| {readonly kind: 'ints'; readonly value: readonly number[]}
	| {readonly kind: 'floats'; readonly value: readonly number[]}
	| {readonly kind: 'strings'; readonly value: readonly string[]};

export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
	/** Unique within the graph, never empty (the reader invents names where the file has none). */
	readonly name: string;
	readonly op: string;
	/** `''` is the ONNX domain; `'com.microsoft'` the contributed operators of ONNX Runtime. */
	readonly domain: string;
	/** Value names; `''` stands for an optional input that is absent. */
	readonly inputs: readonly string[];
	/** Value names; `''` stands for an optional output that nobody wants. */
	readonly outputs: readonly string[];
	readonly attributes: Attributes;
}

export interface Graph {
	readonly name: string;
	/** In topological order. Every value has exactly one producer: a node, an input or an initializer. */
	readonly nodes: readonly Node[];
	/** What the caller feeds. Never contains an initializer's name. */
	readonly inputs: readonly ValueInfo[];
	readonly outputs: readonly ValueInfo[];
	readonly initializers: ReadonlyMap<string, Tensor>;
	/** Known types of inner values, filled by `infer`. Inputs, outputs and initializers need not appear here. */
	readonly values: ReadonlyMap<string, ValueInfo>;
	/** Operator set version by domain; `''` is always present. */
	readonly opsets: Readonly<Record<string, number>>;
	/**
	 * Inner values that are weight gradients of convolutions, for which ONNX has no operator. The nodes that compute them are
	 * complete without this note; an engine that knows a faster way may take it instead.
	 */
	readonly weightGradients?: ReadonlyMap<string, WeightGradient>;
}

/** A weight gradient [M, C, …]: what convolution of `data` answered the value whose gradient is `gradient`. */
export interface WeightGradient {
	/** Value [N, C, …]. */
	readonly data: string;
	/** Value [N, M, …]. */
	readonly gradient: string;
	/** One entry per spatial axis in every list, as in `gradients/sliding/window.ts`. */
	readonly window: {
		readonly kernel: readonly number[];
		readonly strides: readonly number[];
		readonly dilations: readonly number[];
		readonly begin: readonly number[];
		readonly end: readonly number[];
		readonly input: readonly number[];
		readonly output: readonly number[];
	};
}

/** What the loss compares the model's output with. */
export type Loss = 'softmax-cross-entropy' | 'mse' | 'bce';

/** A graph and what is needed to train it. */
export interface Model {
	readonly name: string;
	readonly graph: Graph;
	/** Initializers that training changes, in their order of first use. The flat parameter vector has this order. */
	readonly parameters: readonly string[];
	/**
	 * Initializers that a forward pass in training mode replaces (running mean and variance of a batch norm), in order of
	 * first use. They travel with the weights but have no gradient.
	 */
	readonly buffers: readonly string[];
	/** Loss used when the job names none. */
	readonly loss: Loss;
}

/** One entry per tensor in a flat float32 vector: elements `offset … offset + length − 1`. */
export interface LayoutEntry {
	readonly name: string;
	readonly shape: Shape;
	/** In elements. */
	readonly offset: number;
	/** In elements. */
	readonly length: number;
}

/** How named tensors lie in one flat float32 vector, one after the other without gaps. */
export interface Layout {
	readonly entries: readonly LayoutEntry[];
	/** Elements in total. */
	readonly length: number;
}

export const int = (value: number): Attribute => ({kind: 'int', value});
export const float = (value: number): Attribute => ({kind: 'float', value});
export const string = (value: string): Attribute => ({kind: 'string', value});
export const ints = (value: readonly number[]): Attribute => ({kind: 'ints', value});
export const tensorAttribute = (value: Tensor): Attribute => ({kind: 'tensor', value});

/** The opset that our own graphs (zoo, backward graphs) are written in. */
export const ownOpsets = {'': 17, 'com.microsoft': 1} as const;
