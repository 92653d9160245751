/** A graph as text, for people: a line per node, with names, attributes and types. */
import {describe, type Tensor, toNumbers} from '../../core/tensor/tensor.js';
import type {Attribute, Graph, Node, ValueInfo} from '../graph.js';
import {qualifiedOp} from '../infer/context.js';
import {show} from '../infer/dims.js';
import {infer, typesOf} from '../infer.js';

const typeText = ({dtype, shape}: ValueInfo): string => `${dtype}${show(shape)}`;

/** Small constants are shown with their values, large ones by their type. */
function tensorText(tensor: Tensor): string {
	const values = tensor.data.length <= 8 ? toNumbers(tensor) : undefined;
	const text = (value: number) => (Number.isInteger(value) ? `${value}` : Number(value.toPrecision(5)).toString());
	if (values === undefined) {
		return describe(tensor);
	}
	return tensor.shape.length === 0 ? text(values[0]!) : `[${values.map(text).join(', ')}]`;
}

function attributeText({kind, value}: Attribute): string {
	switch (kind) {
		case 'tensor':
			return tensorText(value);
		case 'ints':
		case 'floats':
		case 'strings':
			return `[${value.join(', ')}]`;
		case 'int':
		case 'string':
			return `${value}`;
		case 'float':
			return `${Number(value.toPrecision(5))}`;
		default:
			return kind satisfies never;
	}
}

function nodeText(node: Node, graph: Graph, type: (name: string) => ValueInfo | undefined): string {
	const inputs = node.inputs.map(name => {
		const tensor = graph.initializers.get(name);
		// Constants speak for themselves; weights are listed above.
		return tensor !== undefined && tensor.dtype !== 'float32' && tensor.data.length <= 8
			? tensorText(tensor)
			: name || '–';
	});
	const attributes = Object.entries(node.attributes).map(([name, value]) => ` ${name}=${attributeText(value)}`);
	const outputs = node.outputs.map(name => {
		const info = type(name);
		return name === '' ? '–' : info === undefined ? name : `${name}: ${typeText(info)}`;
	});
	return `${outputs.join(', ')} = ${qualifiedOp(node)}(${inputs.join(', ')})${attributes.join('')}`;
}

export interface PrintOptions {
	/** Initializers that are trained are marked. */
	readonly parameters?: readonly string[];
	readonly buffers?: readonly string[];
}

/**
 * The whole graph as lines of text, with inferred types. @throws FplError as `infer`.
 * @example
 * lenet5: 12 nodes, 10 initializers, opset 17
 *   input   x: float32[N, 1, 28, 28]
 *   weight  conv1.weight: float32[6, 1, 5, 5]
 *   h1: float32[N, 6, 28, 28] = Conv(x, conv1.weight, conv1.bias) pads=[2, 2, 2, 2]
 *   output  y: float32[N, 10]
 */
export function printGraph(untyped: Graph, {parameters = [], buffers = []}: PrintOptions = {}): string {
	const graph = infer(untyped);
	const type = typesOf(graph);
	const [trained, kept] = [new Set(parameters), new Set(buffers)];
	const role = (name: string) => (trained.has(name) ? 'weight ' : kept.has(name) ? 'buffer ' : 'constant');
	const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
	const lines = [
		`${graph.name}: ${count(graph.nodes.length, 'node')}, ${count(graph.initializers.size, 'initializer')}, opset ${graph.opsets['']}`,
		...graph.inputs.map(info => `  input    ${info.name}: ${typeText(info)}`),
		...[...graph.initializers].map(
			([name, tensor]) =>
				`  ${role(name).padEnd(8)} ${name}: ${describe(tensor)}${tensor.data.length <= 8 && role(name) === 'constant' ? ` = ${tensorText(tensor)}` : ''}`,
		),
		...graph.nodes.map(node => `  ${nodeText(node, graph, type)}`),
		...graph.outputs.map(info => `  output   ${info.name}: ${typeText(info)}`),
	];
	return `${lines.join('\n')}\n`;
}
