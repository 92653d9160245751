/** Recognises nodes that do nothing, as far as shapes are known. */
import {type Tensor, toNumbers} from '../../../core/tensor/tensor.js';
import type {Node} from '../../graph.js';
import {type Dims, sameDim} from '../dims.js';

/** What is known about the node's values. */
export interface Facts {
	/** undefined where not even the rank is known. */
	shape(value: string): Dims | undefined;
	dtype(value: string): string;
	known(value: string): Tensor | undefined;
}

type Test = (node: Node, facts: Facts) => boolean;

/** Shape in equals shape out: for operators that never reorder elements. */
const sameShape: Test = ({inputs, outputs}, {shape}) => {
	const before = shape(inputs[0]!);
	const after = shape(outputs[0]!);
	return (
		before !== undefined && before.length === after?.length && before.every((dim, axis) => sameDim(dim, after[axis]!))
	);
};

/** A slice that changes no length and goes forward takes everything. */
const wholeSlice: Test = (node, facts) => {
	const steps = facts.known(node.inputs[4] ?? '');
	return (
		sameShape(node, facts) && (steps === undefined ? (node.inputs[4] ?? '') === '' : toNumbers(steps).every(s => s > 0))
	);
};

const identityTranspose: Test = (node, {shape}) => {
	const permutation = node.attributes['perm'];
	return permutation?.kind === 'ints'
		? permutation.value.every((axis, at) => axis === at)
		: (shape(node.inputs[0]!)?.length ?? 2) < 2;
};

const single: Test = ({inputs}) => inputs.length === 1;

const tests: Readonly<Record<string, Test>> = {
	Identity: () => true,
	Cast: ({inputs, outputs}, {dtype}) => dtype(inputs[0]!) === dtype(outputs[0]!),
	CastLike: ({inputs, outputs}, {dtype}) => dtype(inputs[0]!) === dtype(outputs[0]!),
	Reshape: sameShape,
	Flatten: sameShape,
	Squeeze: sameShape,
	Expand: sameShape,
	Tile: sameShape,
	Slice: wholeSlice,
	Transpose: identityTranspose,
	Concat: single,
	Sum: single,
	Mean: single,
	Min: single,
	Max: single,
};

/** Whether output 0 of the node always equals its input 0. */
export const isNoop = (node: Node, facts: Facts): boolean =>
	node.domain === '' && Object.hasOwn(tests, node.op) && tests[node.op]!(node, facts);
