/** How long the passes of a stage take on an engine, as its caller sees it: the way to the engine and back included. */
import type {Clock} from '../../core/clock.js';
import {FplError} from '../../core/errors.js';
import type {Random} from '../../core/random.js';
import {int64, type Shape, sizeOf, type Tensor, tensor} from '../../core/tensor/tensor.js';
import {batchSizes} from '../compile/prepare.js';
import type {Engine} from '../engines/engine.js';
import type {StageSettings, Tensors} from '../engines/stage.js';
import type {Graph, Model, ValueInfo} from '../graph.js';
import type {Segment} from '../inspect/segments.js';
import {specialise} from '../specialise.js';

/** Momentum has the update read and write a slot, as most training does. */
export const settings = {
	loss: 'softmax-cross-entropy',
	optimizer: {kind: 'sgd', lr: 0.01, momentum: 0.9, nesterov: false, weightDecay: 0},
	seed: 1,
	stash: 'keep',
} as const satisfies StageSettings;

/** What a stage is fed. */
export interface PassInputs {
	readonly items: number;
	readonly values: Tensors;
	readonly outputGradients: Tensors;
	/** All that comes in and goes out in a forward pass; in a backward pass. */
	readonly bytes: number;
	readonly gradientBytes: number;
}

function made(random: Random, {name, dtype, shape}: ValueInfo): Tensor {
	const dims = shape as Shape;
	const length = sizeOf(dims);
	switch (dtype) {
		case 'float32':
			return tensor(
				'float32',
				dims,
				Float32Array.from({length}, () => random.normal()),
			);
		case 'int64':
			// Numbers of classes or words: any vocabulary has two.
			return int64(
				dims,
				Array.from({length}, () => random.integer(2)),
			);
		default:
			throw new FplError('MODEL_SHAPE', {where: `«${name}»`, expected: 'float32 or int64', got: dtype});
	}
}

/**
 * Random values of the right shapes.
 * @param data names of the whole model's inputs, which have no gradients.
 * @throws FplError `MODEL_SHAPE` when the graph does not take so many items.
 */
export function inputsOf(graph: Graph, data: ReadonlySet<string>, items: number, random: Random): PassInputs {
	const {inputs, outputs} = specialise(graph, batchSizes(graph, items));
	const values = inputs.map(info => made(random, info));
	const gradients = outputs.filter(({dtype}) => dtype === 'float32').map(info => ({info, value: made(random, info)}));
	const bytes = (tensors: readonly Tensor[]) => tensors.reduce((sum, {data: {byteLength}}) => sum + byteLength, 0);
	const received = inputs.map(({name, dtype}, index) => ({differs: dtype === 'float32' && !data.has(name), index}));
	const out = bytes(gradients.map(({value}) => value));
	return {
		items,
		values: Object.fromEntries(inputs.map(({name}, index) => [name, values[index]!])),
		outputGradients: Object.fromEntries(gradients.map(({info, value}) => [info.name, value])),
		bytes: bytes(values) + out,
		gradientBytes: out + bytes(received.flatMap(({differs, index}) => (differs ? [values[index]!] : []))),
	};
}

export interface StageTime {
	readonly items: number;
	/** Seconds of the shortest pass. */
	readonly forward: number;
	readonly backward: number;
	readonly update: number;
	readonly bytes: number;
	readonly gradientBytes: number;
	readonly runs: number;
}

const fewestRuns = 5;
const mostRuns = 60;
const warmUpSeconds = 0.3;

export interface TimingOptions {
	/** For all runs together; the fewest are made in any case. */
	readonly seconds: number;
	readonly clock: Pick<Clock, 'monotonic'>;
	/** Checked between runs. */
	readonly signal?: AbortSignal | undefined;
}

/** @throws FplError as `Engine.stage`; `INTERRUPTED`. */
export async function timeStage(
	engine: Engine,
	model: Model,
	segment: Segment,
	inputs: PassInputs,
	{seconds, clock, signal}: TimingOptions,
): Promise<StageTime> {
	const stage = await engine.stage(model, {segment, last: false, ...settings});
	const {items} = inputs;
	const where = {offset: 0, total: items};
	const times = {forward: [] as number[], backward: [] as number[], update: [] as number[]};
	const timed = async (into: number[], task: () => Promise<unknown>) => {
		const began = clock.monotonic();
		await task();
		into.push((clock.monotonic() - began) / 1000);
	};
	const once = async (into: typeof times) => {
		if (signal?.aborted) {
			throw new FplError('INTERRUPTED', {where: `measuring «${segment.label}»`});
		}
		await timed(into.forward, () => stage.forward(0, inputs.values, where));
		await timed(into.backward, () => stage.backward(0, inputs.outputGradients));
		// Nothing is learnt, so that values stay as ordinary as they are.
		await timed(into.update, () => stage.apply({scale: 1 / items, lrScale: 0}));
	};
	try {
		// The first run allocates; our own code gets faster over some dozens of runs, which matters where passes are short.
		const warm = clock.monotonic() + Math.min(warmUpSeconds, seconds / 3) * 1000;
		let run = 0;
		while (run < 2 || (run < mostRuns && clock.monotonic() < warm)) {
			await once({forward: [], backward: [], update: []});
			run += 1;
		}
		const end = clock.monotonic() + seconds * 1000;
		while (times.forward.length < fewestRuns || (times.forward.length < mostRuns && clock.monotonic() < end)) {
			await once(times);
		}
	} finally {
		await stage.close();
	}
	return {
		items,
		// Other work on the machine only adds time, on a busy one to most of the runs.
		forward: Math.min(...times.forward),
		backward: Math.min(...times.backward),
		update: Math.min(...times.update),
		bytes: inputs.bytes,
		gradientBytes: inputs.gradientBytes,
		runs: times.forward.length,
	};
}
