/**
 * Evaluates nodes whose inputs are known when a graph is compiled: shape arithmetic, masks, constants. Not an engine: only
 * small tensors, and only operators that occur in such places. What it cannot compute stays in the graph.
 */
import {int64, type Shape, sizeOf, type Tensor, tensor, toNumbers} from '../../../core/tensor/tensor.js';
import type {Node, ValueInfo} from '../../graph.js';
import {InferContext, type Lookup} from '../context.js';
import {isStatic} from '../dims.js';
import {shapeRange} from '../moving.js';
import {arithmetic} from './arithmetic.js';
import {type Call, type EvaluatorTable, fromNumbers} from './call.js';
import {rearranging} from './rearranging.js';

/** Largest number of elements that one node may read and make when it is folded. */
export const foldLimit = 2 ** 18;

const one = (result: Tensor | undefined) => (result === undefined ? undefined : [result]);

function constant({context, outputs: [output]}: Call): readonly Tensor[] | undefined {
	const value = context.attribute('value', 'tensor');
	if (value !== undefined) {
		return [value];
	}
	const float = context.attribute('value_float', 'float') ?? context.attribute('value_int', 'int');
	const list = context.attribute('value_floats', 'floats') ?? context.attribute('value_ints', 'ints');
	return one(fromNumbers(output!.dtype, output!.shape, list ?? [float ?? 0]));
}

function constantOfShape({context, outputs: [output]}: Call) {
	const [value = 0] = toNumbers(context.attribute('value', 'tensor') ?? tensor('float32', [1], new Float32Array(1)));
	const {dtype, shape} = output!;
	return one(fromNumbers(dtype, shape, new Float64Array(sizeOf(shape)).fill(value)));
}

function range({inputs, outputs: [output]}: Call) {
	const [start = 0, , delta = 1] = inputs.map(input => toNumbers(input!)[0]);
	const {dtype, shape} = output!;
	return one(
		fromNumbers(
			dtype,
			shape,
			Float64Array.from({length: shape[0]!}, (_, index) => start + index * delta),
		),
	);
}

const making: EvaluatorTable = {Constant: constant, ConstantOfShape: constantOfShape, Range: range};
const evaluators: EvaluatorTable = {...making, ...arithmetic, ...rearranging};

/**
 * The outputs of a node, when they can be known in advance.
 * @param outputs the inferred types; they must be static and small (`foldLimit`).
 */
export function evaluate(
	node: Node,
	lookup: Lookup,
	outputs: readonly ValueInfo[],
	opset: number,
	model: string,
): readonly Tensor[] | undefined {
	if (node.domain !== '') {
		return undefined;
	}
	const context = new InferContext(node, lookup, opset, model);
	if (node.op === 'Shape' || node.op === 'Size') {
		// Their result depends on the shape of the input only.
		const shape = lookup.type(node.inputs[0] ?? '')?.shape;
		if (!isStatic(shape)) {
			return undefined;
		}
		const {start, end} = shapeRange(context, shape.length);
		const part = shape.slice(start, Math.max(start, end));
		return node.op === 'Size' ? [int64([], [sizeOf(shape)])] : [int64([part.length], part)];
	}
	const evaluator = Object.hasOwn(evaluators, node.op) ? evaluators[node.op] : undefined;
	const inputs = node.inputs.map((_, index) => context.known(index));
	if (evaluator === undefined || inputs.some((input, index) => input === undefined && context.has(index))) {
		return undefined;
	}
	return evaluator({
		context,
		inputs,
		outputs: outputs.map(({dtype, shape}) => ({dtype, shape: shape as Shape})),
	});
}
