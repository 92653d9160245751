/**
 * Composite operators, of our own domain `fpl`: they stand for several ONNX nodes while a graph is compiled, so that one
 * gradient rule can cover them all (the closed form of batch norm instead of the derivative of each of its pieces). Before
 * a graph leaves the compiler they are expanded to ordinary nodes; no engine and no file ever sees one.
 */
import type {DType, Shape} from '../../core/tensor/tensor.js';
import type {Emit, GradientRule} from '../gradients/rule.js';
import type {Node} from '../graph.js';

export const compositeDomain = 'fpl';

/** A type whose every dimension is a number. */
export interface StaticType {
	readonly dtype: DType;
	readonly shape: Shape;
}

export interface ExpandContext extends Emit {
	readonly node: Node;
	/** Whether anything reads output `index`. */
	wantsOutput(index: number): boolean;
}

export interface Composite {
	/** One type per output, those that only the gradient rule asks for included. */
	types(node: Node, type: (value: string) => StaticType): readonly StaticType[];
	/** Emits the ordinary nodes; answers a value per output, undefined only for outputs that nothing wants. */
	expand(context: ExpandContext): readonly (string | undefined)[];
	readonly gradient: GradientRule;
}
