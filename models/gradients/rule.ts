/**
 * What a gradient rule is: given one forward node and the gradients of its outputs, it emits the nodes that compute the
 * gradients of its inputs, as ordinary ONNX operators, and answers their value names. All shapes are static when rules run
 * (the graph was specialised to a batch size before), so rules may use them freely.
 */
import type {DType, Shape, Tensor} from '../../core/tensor/tensor.js';
import type {Attributes, Node, WeightGradient} from '../graph.js';

export interface EmitOptions {
	/** `''` by default; `'com.microsoft'` for contributed operators. */
	readonly domain?: string;
	/** How many outputs the node has, 1 by default. */
	readonly outputs?: number;
}

/** What everything that writes nodes needs: rules, losses, optimisers. `autodiff/emitter.ts` provides it. */
export interface Emit {
	/** Version of the ONNX operator set that the graph is written in, ≥ 17. */
	readonly opset: number;
	shape(value: string): Shape;
	dtype(value: string): DType;
	/** Emits a node and answers the name of its first output. Its type and shape are inferred at once. */
	emit(op: string, inputs: readonly string[], attributes?: Attributes, options?: EmitOptions): string;
	/** Emits a node with several outputs and answers their names. */
	emitAll(op: string, inputs: readonly string[], attributes: Attributes, options: EmitOptions): readonly string[];
	/** A constant of the graph; equal constants are shared. */
	constant(value: Tensor): string;
	/** The value of an input that is known when the graph is compiled (axes, a target shape), else undefined. */
	known(value: string): Tensor | undefined;
}

export interface RuleContext extends Emit {
	readonly node: Node;
	/** The node's input names; `''` where an optional one is absent. */
	readonly inputs: readonly string[];
	/**
	 * Name of the node's output `index`. Asking for an optional output that the forward node does not produce yet (the
	 * Indices of a MaxPool) adds it to the forward node.
	 */
	output(index: number): string;
	/** Whether anybody needs the gradient of input `index`; a rule answers undefined for the others and saves the work. */
	wants(index: number): boolean;
	/** Sums a gradient over the axes that broadcasting added or stretched, so that it has the given shape. */
	unbroadcast(gradient: string, shape: Shape): string;
	/** Notes in the graph what the value is (see `Graph.weightGradients`). */
	isWeightGradient(value: string, note: WeightGradient): void;
}

/**
 * Answers one gradient per input of the node, undefined where none is wanted or none flows.
 * @param gradients one per output of the forward node; undefined where no gradient reaches that output.
 */
export type GradientRule = (
	context: RuleContext,
	gradients: readonly (string | undefined)[],
) => readonly (string | undefined)[];
