/** Drives the stages of a model by hand, as an executor does over a network: values forwards, gradients backwards. */
import {type Tensor, tensor} from '../../../core/tensor/tensor.js';
import type {Batch, Engine, StepResult} from '../../../models/engines/engine.js';
import type {RangeOfUnits, Stage, StageSettings, Tensors} from '../../../models/engines/stage.js';
import type {Layout, Model} from '../../../models/graph.js';
import type {Ranges} from '../../../models/inspect/segments.js';
import {part} from '../engine/examples.js';

export const itemsOf = (batch: Batch): number => batch.targets.shape[0]!;

/** Ranges from where segments begin: [2, 5] of 8 units → 0–1, 2–4, 5–7. */
export const rangesAt = (starts: readonly number[], count: number): Ranges =>
	[0, ...starts].map((first, index) => [first, (starts[index] ?? count) - 1] as const);

export const makeStages = (
	engine: Engine,
	model: Model,
	options: Omit<RangeOfUnits, 'index'> & StageSettings,
): Promise<readonly Stage[]> => Promise.all(options.ranges.map((_, index) => engine.stage(model, {...options, index})));

const pick = (stage: Stage, values: Tensors): Tensors =>
	Object.fromEntries([...stage.data, ...stage.receives].map(({name}) => [name, values[name]!]));

/** Adds up gradients of values that several stages read. */
export class GradientSums {
	readonly #sums = new Map<string, Tensor>();

	add(gradients: Tensors): void {
		for (const [name, {shape, data}] of Object.entries(gradients)) {
			const before = this.#sums.get(name)?.data as Float32Array | undefined;
			const sum = Float32Array.from(data as Float32Array, (value, index) => value + (before?.[index] ?? 0));
			this.#sums.set(name, tensor('float32', shape, sum));
		}
	}

	of(stage: Stage): Tensors {
		const floats = stage.sends.filter(({dtype}) => dtype === 'float32');
		return Object.fromEntries(floats.map(({name}) => [name, this.#sums.get(name)!]));
	}
}

/** Forward and backward of a batch in micro-batches of these sizes, all forward first (GPipe). */
export async function learnBatch(
	stages: readonly Stage[],
	batch: Batch,
	sizes: readonly number[] = [itemsOf(batch)],
): Promise<Omit<StepResult, 'computeMs'>> {
	const total = itemsOf(batch);
	const last = stages.at(-1)!;
	const all: Array<{readonly values: Tensors; readonly micro: Batch; readonly offset: number}> = [];
	let offset = 0;
	for (const [micro, size] of sizes.entries()) {
		const piece = part(batch, offset, offset + size);
		let values: Tensors = piece.inputs;
		for (const stage of stages.slice(0, -1)) {
			values = {...values, ...(await stage.forward(micro, pick(stage, values), {offset, total})).values};
		}
		all.push({values, micro: piece, offset});
		offset += size;
	}
	let loss = 0;
	let correct = 0;
	for (const [micro, {values, micro: piece, offset: at}] of all.entries()) {
		const gradients = new GradientSums();
		const end = await last.learn(micro, pick(last, values), piece.targets, {offset: at, total});
		gradients.add(end.gradients);
		loss += (end.loss * itemsOf(piece)) / total;
		correct += end.correct ?? 0;
		for (const stage of stages.slice(0, -1).toReversed()) {
			gradients.add((await stage.backward(micro, gradients.of(stage))).gradients);
		}
	}
	return {loss, correct};
}

/** A training step over all stages. */
export async function stepBatch(stages: readonly Stage[], batch: Batch, sizes?: readonly number[]): Promise<number> {
	const {loss} = await learnBatch(stages, batch, sizes);
	await Promise.all(stages.map(stage => stage.apply({scale: 1 / itemsOf(batch), lrScale: 1})));
	return loss;
}

/** Flat vectors of stages put together in the layout of the whole model; what no stage has is zero. */
export async function joined(
	stages: readonly Stage[],
	whole: Layout,
	part: (stage: Stage) => Promise<{readonly layout: Layout; readonly flat: Float32Array}>,
): Promise<Float32Array> {
	const result = new Float32Array(whole.length);
	const places = new Map(whole.entries.map(entry => [entry.name, entry]));
	for (const {layout, flat} of await Promise.all(stages.map(part))) {
		for (const {name, offset, length} of layout.entries) {
			result.set(flat.subarray(offset, offset + length), places.get(name)!.offset);
		}
	}
	return result;
}

/** The accumulated gradients of all stages. */
export const gradientOf = (stages: readonly Stage[], whole: Layout): Promise<Float32Array> =>
	joined(stages, whole, async stage => ({layout: stage.parameters, flat: (await stage.gradient()).gradient}));

export const parametersOf = (stages: readonly Stage[], whole: Layout): Promise<Float32Array> =>
	joined(stages, whole, async stage => ({
		layout: stage.parameters,
		flat: (await stage.save(['parameters'])).parameters,
	}));

export const buffersOf = (stages: readonly Stage[], whole: Layout): Promise<Float32Array> =>
	joined(stages, whole, async stage => ({layout: stage.buffers, flat: (await stage.save(['buffers'])).buffers}));

/** Outputs in inference mode. */
export async function predictWith(stages: readonly Stage[], inputs: Tensors): Promise<Tensors> {
	let values: Tensors = inputs;
	for (const stage of stages) {
		values = {...values, ...(await stage.predict(pick(stage, values))).values};
	}
	return values;
}

export const closeAll = (things: readonly {close(): Promise<void>}[]) =>
	Promise.all(things.map(thing => thing.close()));
