/** A model made ready to be compiled: one batch size, weights as inputs, training or inference mode. */
import {FplError} from '../../core/errors.js';
import type {Shape} from '../../core/tensor/tensor.js';
import {Emitter} from '../autodiff/emitter.js';
import type {Dim, Graph, Model, ValueInfo} from '../graph.js';
import {type Sizes, specialise} from '../specialise.js';
import type {InputRole, Port} from './program.js';
import {inferenceMode, trainingMode} from './training-mode.js';

/** A model, or a part of one between two cuts. */
export interface Part {
	/**
	 * A part as a model of its own: inputs are inputs of the whole model or values that earlier parts make, outputs are what
	 * later parts (or the loss) need; parameters and buffers are those that lie within.
	 */
	readonly model: Model;
	/** Those inputs that earlier parts make; gradients of the float32 ones travel back. Empty for a whole model. */
	readonly activations: readonly string[];
}

/** Activations that have a gradient. */
export const differentiableActivations = ({model, activations}: Part): readonly string[] =>
	activations.filter(name => model.graph.inputs.find(input => input.name === name)?.dtype === 'float32');

export interface Prepared {
	/** Holds the forward pass; everything else is emitted into it. */
	readonly emitter: Emitter;
	/** The model's own inputs, then masks, parameters and buffers. */
	readonly inputs: readonly Port<InputRole>[];
	/** Buffer → its value after this pass; empty in inference mode. */
	readonly buffers: ReadonlyMap<string, string>;
	/** Names of the model's outputs. */
	readonly outputs: readonly string[];
}

/**
 * The sizes of symbolic dimensions for a batch: the first dimension of every input, or the only symbolic one.
 * @throws FplError `MODEL_SHAPE` when an input has a fixed batch of another size.
 */
export function batchSizes(graph: Graph, batch: number): Sizes {
	const sizes: Record<string, number> = {};
	// A dimension may be a product, `16*N`: its names are what needs a size.
	const namesIn = (dim: Dim) => (typeof dim === 'string' ? dim.split('*').filter(part => !/^\d+$/u.test(part)) : []);
	const symbols = new Set(graph.inputs.flatMap(({shape}) => shape?.flatMap(namesIn) ?? []));
	if (symbols.size === 1) {
		return {[[...symbols][0]!]: batch};
	}
	for (const {name, shape} of graph.inputs) {
		const first = shape?.[0];
		if (typeof first === 'string') {
			sizes[first] = batch;
		} else if (first !== undefined && first !== batch && symbols.size === 0) {
			throw new FplError('MODEL_SHAPE', {
				where: `input «${name}» of «${graph.name}»`,
				problem: 'the model was exported for one batch size',
				expected: `a batch of ${first}`,
				got: `${batch}`,
				fix: 'Export the model with a symbolic batch dimension, or use that batch size',
			});
		}
	}
	return sizes;
}

/** Parameters and buffers become inputs, so that nothing is derived from their values. */
function withWeightsAsInputs({graph, parameters, buffers}: Model): Graph {
	const initializers = new Map(graph.initializers);
	const lifted = [...parameters, ...buffers].map((name): ValueInfo => {
		const value = initializers.get(name);
		if (value?.dtype !== 'float32') {
			throw new FplError('MODEL_INVALID', {
				where: `«${name}» of «${graph.name}»`,
				expected: 'a float32 initializer',
				got: value?.dtype ?? 'none',
			});
		}
		initializers.delete(name);
		return {name, dtype: 'float32', shape: value.shape};
	});
	return {...graph, inputs: [...graph.inputs, ...lifted], initializers};
}

export function prepare({model, activations}: Part, batch: number, mode: 'training' | 'inference'): Prepared {
	const specialised = specialise(withWeightsAsInputs(model), batchSizes(model.graph, batch));
	const training = mode === 'training' ? trainingMode(specialised, model.buffers) : undefined;
	const graph = training?.graph ?? inferenceMode(specialised);
	// Gradient rules write opset 17 and later; what changed between 13 and 17 only added possibilities.
	const opsets = {...graph.opsets, '': Math.max(graph.opsets['']!, 17), 'com.microsoft': 1};
	const emitter = new Emitter(model.name, opsets).include(graph);
	const port = (name: string, role: InputRole): Port<InputRole> => ({name, ...emitter.type(name), role});
	return {
		emitter,
		inputs: [
			...model.graph.inputs.map(({name}) =>
				port(name, {kind: activations.includes(name) ? 'activation' : 'data', name}),
			),
			...(training?.masks ?? []).map(({value, node, ratio}) => port(value, {kind: 'mask', node, ratio})),
			...model.parameters.map(name => port(name, {kind: 'parameter', name})),
			...model.buffers.map(name => port(name, {kind: 'buffer', name})),
		],
		buffers: training?.buffers ?? new Map(),
		outputs: graph.outputs.map(({name}) => name),
	};
}

/** Declares an input of a program. Its name begins with `fpl/`, out of the way of the model's own names. */
export function declare(
	emitter: Emitter,
	name: string,
	type: {readonly dtype: Port<InputRole>['dtype']; readonly shape: Shape},
	role: InputRole,
): Port<InputRole> {
	return {name: emitter.input(`fpl/${name}`, type.dtype, type.shape), ...type, role};
}
