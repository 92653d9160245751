/**
 * The programs of one segment: consecutive units of a model that one device computes, while others compute what comes
 * before and after. Forward and backward are separate programs; what backward needs of the forward pass is put aside
 * (stashed) or computed again, as the plan says.
 */
import {emitGradients} from '../autodiff/differentiate.js';
import type {Layout, Loss, Model} from '../graph.js';
import type {Segment} from '../inspect/segments.js';
import {layoutOf} from '../layout.js';
import {assemble, type Result} from './assemble.js';
import {
	buffersOf,
	compileEvaluate,
	compileGradient,
	compilePredict,
	type GradientOf,
	gradientResults,
	outputsOf,
	wantedGradients,
} from './forward.js';
import {once} from './once.js';
import {declare, type Part, prepare} from './prepare.js';
import type {InputRole, Port, Program} from './program.js';
import {stashOf} from './stash.js';

export interface SegmentOptions {
	/** Items in one micro-batch, ≥ 1. */
	readonly batch: number;
	/** keep: forward puts aside what backward needs. recompute: backward runs forward again; less memory, more work. */
	readonly stash: 'keep' | 'recompute';
	/** For the segment whose first output is the model's: the loss on it. */
	readonly loss?: Loss;
	/** Whether `gradient` answers the gradients of the mean loss over the items (by default) or of its sum. */
	readonly over?: GradientOf;
}

/** Each program is compiled when first asked for and kept. */
export interface SegmentPrograms {
	readonly parameters: Layout;
	readonly buffers: Layout;
	/** data, activations, masks, parameters, buffers → activations (the outputs), stash, new buffers. */
	forward(): Program;
	/**
	 * output gradients, parameters, and of these what is needed: stash, data, activations (inputs and outputs), masks →
	 * gradients of the parameters, input gradients of `activations`.
	 */
	backward(): Program;
	/**
	 * Forward, loss and backward in one: data, activations, target, masks, parameters, buffers → loss, correct, gradients,
	 * input gradients, new buffers. undefined without a loss.
	 */
	readonly gradient: (() => Program) | undefined;
	/** In inference mode: data, activations, parameters, buffers → activations (the outputs). */
	predict(): Program;
	/** In inference mode: data, activations, target, parameters, buffers → loss, correct. undefined without a loss. */
	readonly evaluate: (() => Program) | undefined;
}

/** A segment that `segmentsOf` cut from a model, in the form that is compiled. */
export function partOf(model: Model, {graph, parameters, buffers}: Segment): Part {
	const fed = new Set(model.graph.inputs.map(({name}) => name));
	return {
		model: {...model, name: graph.name, graph, parameters, buffers},
		activations: graph.inputs.map(({name}) => name).filter(name => !fed.has(name)),
	};
}

/** @throws FplError (from the programs) as `compileTraining`. */
export function compileSegment(segment: Part, options: SegmentOptions): SegmentPrograms {
	const {model} = segment;
	const {loss, over} = options;
	const parts = once(() => split(segment, options));
	return {
		parameters: layoutOf(model.graph, model.parameters),
		buffers: layoutOf(model.graph, model.buffers),
		forward: () => parts().forward,
		backward: () => parts().backward,
		gradient: loss && once(() => compileGradient(segment, options.batch, loss, over)),
		predict: once(() => compilePredict(segment, options.batch)),
		evaluate: loss && once(() => compileEvaluate(segment, options.batch, loss)),
	};
}

function split(segment: Part, {batch, stash}: SegmentOptions): {forward: Program; backward: Program} {
	const {model} = segment;
	const prepared = prepare(segment, batch, 'training');
	const {emitter, inputs, outputs} = prepared;
	const forwardNodes = emitter.allNodes.length;
	const seeded = outputs.filter(name => emitter.dtype(name) === 'float32');
	const seedPorts = seeded.map(name =>
		declare(emitter, `gradient of ${name}`, emitter.type(name), {kind: 'output-gradient', name}),
	);
	const seeds = new Map(seeded.map((name, index) => [name, seedPorts[index]!.name]));
	const gradients = emitGradients(emitter, {seeds, wrt: wantedGradients(segment)});
	const results = gradientResults(segment, gradients);
	if (stash === 'recompute') {
		return {
			backward: assemble(emitter, [...inputs, ...seedPorts], results),
			forward: assemble(emitter, inputs, [...outputsOf(prepared), ...buffersOf(prepared)]),
		};
	}
	const outputPorts = outputs
		.filter(name => !inputs.some(input => input.name === name))
		.map((name): Port<InputRole> => ({name, ...emitter.type(name), role: {kind: 'activation', name}}));
	const kept = stashOf(emitter, {
		forwardNodes,
		results: results.map(({value}) => value),
		fed: new Set([...inputs, ...outputPorts, ...seedPorts].map(({name}) => name)),
		weights: [...model.parameters, ...model.buffers],
	});
	const stashPorts = kept.map((name): Port<InputRole> => ({name, ...emitter.type(name), role: {kind: 'stash', name}}));
	return {
		backward: assemble(emitter, [...inputs, ...outputPorts, ...seedPorts, ...stashPorts], results),
		forward: assemble(emitter, inputs, [
			...outputsOf(prepared),
			...kept.map((name): Result => ({value: name, role: {kind: 'stash', name}})),
			...buffersOf(prepared),
		]),
	};
}
