/** Small graphs for tests, written briefly. */
import type {DType, Tensor} from '../../core/tensor/tensor.js';
import {type Attributes, type Dim, type Graph, type Node, ownOpsets} from '../../models/graph.js';

type Types = Readonly<Record<string, readonly Dim[] | readonly [DType, readonly Dim[]]>>;

const infos = (types: Types) =>
	Object.entries(types).map(([name, type]) => {
		const typed = type.length === 2 && Array.isArray(type[1]);
		return typed
			? {name, dtype: type[0] as DType, shape: type[1] as readonly Dim[]}
			: {name, dtype: 'float32' as const, shape: type as readonly Dim[]};
	});

/** `node('Add', ['a', 'b'], ['c'])` */
export const node = (
	op: string,
	inputs: readonly string[],
	outputs: readonly string[],
	attributes: Attributes = {},
	domain = '',
): Node => ({name: `${op}_${outputs[0]}`, op, domain, inputs, outputs, attributes});

export interface Sketch {
	/** Shapes by name (float32), or `[dtype, shape]`. */
	readonly inputs: Types;
	readonly initializers?: Readonly<Record<string, Tensor>>;
	readonly nodes: readonly Node[];
	readonly outputs: readonly string[];
	readonly opset?: number;
}

export const sketch = ({inputs, initializers = {}, nodes, outputs, opset}: Sketch): Graph => ({
	name: 'sketch',
	nodes,
	inputs: infos(inputs),
	outputs: outputs.map(name => ({name, dtype: 'float32', shape: undefined})),
	initializers: new Map(Object.entries(initializers)),
	values: new Map(),
	opsets: {...ownOpsets, ...(opset === undefined ? {} : {'': opset})},
});
