/** Small models around an operator, written as text: `y = Conv(v, k) strides=[2, 2] group=2; …`. */
import {float32, type Shape, sizeOf, type Tensor, tensor} from '../../../core/tensor/tensor.js';
import {
	type Attribute,
	type Attributes,
	float,
	int,
	ints,
	type Model,
	type Node,
	ownOpsets,
	string,
} from '../../../models/graph.js';
import {uniform} from '../graphs/formula.js';

export interface OpCase {
	readonly title: string;
	readonly model: Model;
	readonly inputs: Readonly<Record<string, Tensor>>;
}

/** `7` int, `0.5` float (with a point), `[1, 2]` ints, `"text"` string, `["a"]` strings. */
function attributeOf(text: string): Attribute {
	const value: unknown = JSON.parse(text);
	if (typeof value === 'string') {
		return string(value);
	}
	if (Array.isArray(value)) {
		return typeof value[0] === 'string' ? {kind: 'strings', value} : ints(value);
	}
	return text.includes('.') ? float(Number(value)) : int(Number(value));
}

const names = (text: string) =>
	text
		.split(',')
		.map(name => name.trim())
		.map(name => (name === '-' ? '' : name));

function nodeOf(text: string): Node {
	const match = /^(.*?)=\s*([\w.]+)\((.*?)\)(.*)$/u.exec(text.trim());
	if (match === null) {
		throw new SyntaxError(`not a node: ${text}`);
	}
	const [, outputs, qualified, inputs, rest] = match as unknown as [string, string, string, string, string];
	const op = qualified.split('.').at(-1)!;
	const attributes: Attributes = Object.fromEntries(
		[...rest.matchAll(/(\w+)=("[^"]*"|\[[^\]]*\]|[-\w.]+)/gu)].map(([, name, value]) => [name!, attributeOf(value!)]),
	);
	return {
		name: `${op} of ${outputs.trim()}`,
		op,
		domain: qualified.slice(0, -op.length - 1),
		inputs: inputs.trim() === '' ? [] : names(inputs),
		outputs: names(outputs),
		attributes,
	};
}

/** Items in a batch. */
export const items = 2;

const numbers = (name: string, shape: Shape, scale: number, shift = 0): Tensor<'float32'> =>
	float32(
		shape,
		Array.from(uniform(name, sizeOf(shape)), u => u * scale + shift),
	);

export const bool = (shape: Shape, values: readonly number[]): Tensor<'bool'> =>
	tensor('bool', shape, Uint8Array.from(values));

export interface CaseOptions {
	/** v in [0.2, 1.4) instead of [−1.2, 1.2). */
	readonly positive?: boolean;
	/** 17 by default. */
	readonly opset?: number;
}

/**
 * A model that computes `y` (float32) from `v`, which is x · w: x the input [2, …], w trained.
 * @param shape of one item of v.
 * @param others by name: a tensor is a constant, a shape a further trained tensor with numbers in [−1, 1).
 */
export function opCase(
	title: string,
	shape: Shape,
	text: string,
	others: Readonly<Record<string, Tensor | Shape>> = {},
	{positive = false, opset = 17}: CaseOptions = {},
): OpCase {
	const isShape = (other: Tensor | Shape): other is Shape => Array.isArray(other);
	const initializers = Object.entries(others).map(([name, other]): [string, Tensor] => [
		name,
		isShape(other) ? numbers(name, other, 1) : other,
	]);
	const w = positive ? numbers('w', [1, ...shape], 0.1, 1) : numbers('w', [1, ...shape], 0.2, 1);
	const model: Model = {
		name: title,
		graph: {
			name: title,
			nodes: ['v = Mul(x, w)', ...text.split(';')].map(nodeOf),
			inputs: [{name: 'x', dtype: 'float32', shape: ['N', ...shape]}],
			outputs: [{name: 'y', dtype: 'float32', shape: undefined}],
			initializers: new Map([['w', w], ...initializers]),
			values: new Map(),
			opsets: {...ownOpsets, '': opset},
		},
		parameters: ['w', ...Object.entries(others).flatMap(([name, other]) => (isShape(other) ? [name] : []))],
		buffers: [],
		loss: 'mse',
	};
	const x = positive ? numbers('x', [items, ...shape], 0.5, 0.75) : numbers('x', [items, ...shape], 1);
	return {title, model, inputs: {x}};
}
