/** Checks gradient rules against finite differences of the forward graph, both executed by ONNX Runtime. */
import type {Random} from '../../../core/random.js';
import {float32, type Shape, sizeOf, type Tensor} from '../../../core/tensor/tensor.js';
import {emitGradients} from '../../../models/autodiff/differentiate.js';
import {Emitter} from '../../../models/autodiff/emitter.js';
import {expandComposites} from '../../../models/autodiff/expand.js';
import type {Attributes} from '../../../models/graph.js';
import {loadGraph, runGraph} from './run-graph.js';

/**
 * Relative to the largest directional derivative possible, or a tenth of the weights on the outputs if that is more (where
 * contributions cancel). Five-point differences of fp32 results leave about 1e-5; ten
 * times that catches every wrong formula and never fails by luck.
 */
export const tolerance = 2e-4;

export interface OpCase {
	readonly op: string;
	readonly domain?: string;
	/** A fed tensor that is differentiated (when float32), a constant, or '' for an absent input. */
	readonly inputs: readonly (Tensor | {readonly constant: Tensor} | '')[];
	readonly attributes?: Attributes;
	/** Number of outputs, 1 by default. */
	readonly outputs?: number;
	/** 17 by default. */
	readonly opset?: number;
}

/** Largest relative error over the float inputs of a single node. */
export async function checkOp(
	random: Random,
	{op, domain = '', inputs, attributes = {}, outputs = 1, opset = 17}: OpCase,
) {
	const emitter = new Emitter(op, {'': opset, 'com.microsoft': 1});
	const feeds: Record<string, Tensor> = {};
	const names = inputs.map((input, index) => {
		if (input === '') {
			return '';
		}
		if ('constant' in input) {
			return emitter.constant(input.constant);
		}
		feeds[`x${index}`] = input;
		return emitter.input(`x${index}`, input.dtype, input.shape);
	});
	const results = emitter.emitAll(op, names, attributes, {domain, outputs});
	return checkGradients(
		random,
		emitter,
		feeds,
		results.filter(name => emitter.dtype(name) === 'float32'),
	);
}

/** @param feeds float32 tensors among them are differentiated. */
export async function checkGradients(
	random: Random,
	emitter: Emitter,
	feeds: Readonly<Record<string, Tensor>>,
	outputs: readonly string[],
): Promise<number> {
	const wrt = Object.keys(feeds).filter(name => feeds[name]!.dtype === 'float32');
	const forward = expandComposites(emitter.finish(Object.keys(feeds), outputs));
	const weights = Object.fromEntries(
		outputs.map(name => [`d${name}`, awayFromZero(random, emitter.shape(name), 0.5, 1)]),
	);
	const seeds = new Map(outputs.map(name => [name, emitter.input(`d${name}`, 'float32', emitter.shape(name))]));
	const gradients = emitGradients(emitter, {seeds, wrt});
	const wanted = wrt.map(name => gradients.get(name)!);
	const backward = expandComposites(
		named(emitter, wanted).finish([...Object.keys(feeds), ...seeds.values()], wanted.map(aliasOf)),
	);
	const analytic = await runGraph(backward, {...feeds, ...weights});
	const runner = await loadGraph(forward);
	const weight = Math.hypot(...Object.values(weights).map(norm));
	let worst = 0;
	try {
		for (const [index, name] of wrt.entries()) {
			const gradient = analytic[aliasOf(wanted[index]!, index)]!;
			for (let round = 0; round < 3; round++) {
				const direction = awayFromZero(random, gradient.shape, 0.5, 1);
				const numeric = await directional(
					step => runner.run({...feeds, [name]: moved(feeds[name]!, direction, step)}),
					weights,
				);
				const exact = dot(gradient, direction);
				const size = Math.max(norm(gradient), 0.1 * weight, 1e-6) * norm(direction);
				const error = Math.abs(numeric - exact) / size;
				worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
			}
		}
	} finally {
		await runner.close();
	}
	return worst;
}

const aliasOf = (_: string, index: number): string => `gradient ${index}`;

/** Results under names of their own: one value may be the gradient of two inputs, or an input itself. */
function named(emitter: Emitter, values: readonly string[]): Emitter {
	for (const [index, value] of values.entries()) {
		emitter.alias(value, aliasOf(value, index));
	}
	return emitter;
}

/** Five-point central difference of Σ weight·output along a direction. */
async function directional(
	run: (step: number) => Promise<Record<string, Tensor>>,
	weights: Readonly<Record<string, Tensor>>,
): Promise<number> {
	const h = 0.03;
	const value = async (step: number) => {
		const results = await run(step);
		return Object.entries(results).reduce((sum, [name, result]) => sum + dot(result, weights[`d${name}`]!), 0);
	};
	const [a, b, c, d] = [await value(-2 * h), await value(-h), await value(h), await value(2 * h)] as const;
	return (a - 8 * b + 8 * c - d) / (12 * h);
}

export const uniform = (random: Random, shape: Shape, low = -1, high = 1): Tensor<'float32'> =>
	float32(
		shape,
		Array.from({length: sizeOf(shape)}, () => low + (high - low) * random.next()),
	);

/** Uniform in ±[low, high]: away from a kink at 0. */
export const awayFromZero = (random: Random, shape: Shape, low = 0.3, high = 1.5): Tensor<'float32'> =>
	float32(
		shape,
		Array.from({length: sizeOf(shape)}, () => (random.next() < 0.5 ? -1 : 1) * (low + (high - low) * random.next())),
	);

/** Distinct values, at least `gap` apart, in random order: no ties within the reach of a finite difference. */
export const distinct = (random: Random, shape: Shape, gap = 0.3): Tensor<'float32'> =>
	float32(shape, random.shuffle(Array.from({length: sizeOf(shape)}, (_, index) => (index - sizeOf(shape) / 2) * gap)));

const moved = (x: Tensor, direction: Tensor, step: number): Tensor =>
	float32(
		x.shape,
		Array.from(x.data as Float32Array, (value, index) => value + step * Number(direction.data[index])),
	);

const dot = (a: Tensor, b: Tensor): number => {
	let sum = 0;
	for (let index = 0; index < a.data.length; index++) {
		sum += Number(a.data[index]) * Number(b.data[index]);
	}
	return sum;
};

const norm = (a: Tensor): number => Math.sqrt(dot(a, a));
