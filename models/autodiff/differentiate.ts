/**
 * Reverse-mode automatic differentiation from graph to graph. Nothing is executed: the backward pass is more nodes, which
 * can be optimised, cut, sent and printed like any others.
 */
import {FplError} from '../../core/errors.js';
import {describe, type Shape, type Tensor} from '../../core/tensor/tensor.js';
import {gradientRule} from '../gradients/index.js';
import {reduceSum, reshape, sameShape, zerosOf} from '../gradients/ops.js';
import type {RuleContext} from '../gradients/rule.js';
import type {Graph, Node, ValueInfo} from '../graph.js';
import {compositeOf} from './composites.js';
import {Emitter} from './emitter.js';
import {expandComposites} from './expand.js';

export interface DifferentiateOptions {
	/** Value of the graph → name of the value that is its gradient. */
	readonly seeds: ReadonlyMap<string, string>;
	/** Values whose gradients are asked for: parameters, inputs. */
	readonly wrt: readonly string[];
}

export interface Differentiated {
	/** The given nodes and those of the backward pass; the seeds are further inputs, the gradients further outputs. */
	readonly graph: Graph;
	/** Value of `wrt` → name of the output that is its gradient. */
	readonly gradients: ReadonlyMap<string, string>;
}

/**
 * The graph together with its backward pass.
 * @param graph specialised: every shape is static. What is differentiated for must be an input, not an initializer.
 * @throws FplError `MODEL_GRADIENT` for an operator without a rule, `MODEL_SHAPE` where a shape is not static.
 */
export function differentiate(graph: Graph, {seeds, wrt}: DifferentiateOptions): Differentiated {
	const opsets = {...graph.opsets, '': Math.max(graph.opsets['']!, 17), 'com.microsoft': 1};
	const emitter = new Emitter(graph.name, opsets).include(graph);
	for (const [value, seed] of seeds) {
		emitter.input(seed, emitter.dtype(value), emitter.shape(value));
	}
	const values = emitGradients(emitter, {seeds, wrt});
	const gradients = new Map([...values].map(([value, gradient]) => [value, emitter.copy(gradient)]));
	const names = (infos: readonly ValueInfo[]) => infos.map(({name}) => name);
	return {
		graph: expandComposites(
			emitter.finish([...names(graph.inputs), ...seeds.values()], [...names(graph.outputs), ...gradients.values()]),
		),
		gradients,
	};
}

/** Emits the backward pass of the emitter's own nodes. Answers the name of the gradient of each value in `wrt`. */
export function emitGradients(emitter: Emitter, {seeds, wrt}: DifferentiateOptions): ReadonlyMap<string, string> {
	const forward = [...emitter.allNodes];
	const active = reachableFrom(forward, wrt);
	const contributions = new Map<string, string[]>([...seeds].map(([value, gradient]) => [value, [gradient]]));

	/** The sum of all contributions, or undefined where none came. */
	const collect = (value: string): string | undefined => {
		const parts = contributions.get(value);
		if (parts === undefined || parts.length === 0) {
			return undefined;
		}
		// A chain of Add: ONNX Runtime runs a Sum of three or more on one thread only.
		const total = parts.reduce((sum, part) => emitter.emit('Add', [sum, part]));
		contributions.set(value, [total]);
		return total;
	};

	for (const node of forward.toReversed()) {
		if (!node.outputs.some(output => contributions.has(output)) || !node.inputs.some(input => active.has(input))) {
			continue;
		}
		const rule = ruleOf(node);
		if (rule === undefined) {
			throw new FplError('MODEL_GRADIENT', {
				where: whereIs(emitter, node),
				problem: `operator ${node.domain === '' ? '' : `${node.domain}.`}${node.op} has no gradient rule`,
				fix: 'Replace the operator in the model, or leave it out of the part that is trained',
			});
		}
		if (rule === 'stop') {
			continue;
		}
		emitter.within(`grad/${node.name}/`);
		const context = contextOf(emitter, node, active);
		const gradients = rule(context, node.outputs.map(collect));
		checkGradients(emitter, node, gradients);
		for (const [index, gradient] of gradients.entries()) {
			const input = node.inputs[index]!;
			if (gradient !== undefined && active.has(input)) {
				contributions.set(input, [...(contributions.get(input) ?? []), gradient]);
			}
		}
	}

	emitter.within('grad/');
	// Where nothing led from the loss to a value its gradient is zero.
	return new Map(
		wrt.map(value => [value, collect(value) ?? zerosOf(emitter, emitter.dtype(value), emitter.shape(value))] as const),
	);
}

const ruleOf = (node: Node) => compositeOf(node)?.gradient ?? gradientRule(node);

/** Values that change when the sources change, the sources included. Only floats: gradients flow through nothing else. */
function reachableFrom(nodes: readonly Node[], sources: readonly string[]): ReadonlySet<string> {
	const reached = new Set(sources);
	for (const node of nodes) {
		if (node.inputs.some(input => reached.has(input)) && ruleOf(node) !== 'stop') {
			for (const output of node.outputs) {
				reached.add(output);
			}
		}
	}
	reached.delete('');
	return reached;
}

function contextOf(emitter: Emitter, node: Node, active: ReadonlySet<string>): RuleContext {
	const isFloat = (value: string) => ['float32', 'float64', 'float16', 'bfloat16'].includes(emitter.dtype(value));
	const context: RuleContext = {
		node,
		opset: emitter.opset,
		inputs: node.inputs,
		output: index => node.outputs[index] || emitter.addOutput(node.name, index),
		shape: value => emitter.shape(value),
		dtype: value => emitter.dtype(value),
		wants: index => active.has(node.inputs[index] ?? '') && isFloat(node.inputs[index]!),
		emit: (op, inputs, attributes, options) => emitter.emit(op, inputs, attributes, options),
		emitAll: (op, inputs, attributes, options) => emitter.emitAll(op, inputs, attributes, options),
		constant: (value: Tensor) => emitter.constant(value),
		known: value => emitter.known(value),
		unbroadcast: (gradient, shape) => unbroadcast(context, gradient, shape),
		isWeightGradient: (value, note) => emitter.isWeightGradient(value, note),
	};
	return context;
}

/** Sums over the axes that broadcasting `shape` to the gradient's shape added or stretched. */
function unbroadcast(context: RuleContext, gradient: string, shape: Shape): string {
	const from = context.shape(gradient);
	if (sameShape(from, shape)) {
		return gradient;
	}
	const added = from.length - shape.length;
	const axes = [...from.keys()].filter(axis => axis < added || (shape[axis - added] === 1 && from[axis] !== 1));
	return reshape(context, reduceSum(context, gradient, axes), shape);
}

/**
 * Three cheap checks that catch most wrong rules: as many gradients as inputs, each of its input's type and shape.
 * @throws FplError `INTERNAL`
 */
function checkGradients(emitter: Emitter, node: Node, gradients: readonly (string | undefined)[]): void {
	const complain = (facts: {problem: string; expected: string; got: string}): never => {
		throw new FplError('INTERNAL', {where: `gradient rule of ${whereIs(emitter, node)}`, ...facts});
	};
	if (gradients.length !== node.inputs.length) {
		complain({problem: 'number of gradients', expected: `${node.inputs.length}`, got: `${gradients.length}`});
	}
	for (const [index, gradient] of gradients.entries()) {
		if (gradient === undefined) {
			continue;
		}
		const [input, answer] = [emitter.type(node.inputs[index]!), emitter.type(gradient)];
		if (input.dtype !== answer.dtype || !sameShape(input.shape, answer.shape)) {
			complain({problem: `gradient of input ${index}`, expected: describe(input), got: describe(answer)});
		}
	}
}

const whereIs = (emitter: Emitter, node: Node): string => `node «${node.name}» (${node.op}) of «${emitter.name}»`;
