/** What PyTorch 2 computed for reduced zoo models (`test/fixtures/zoo/golden.json`, made by `make.py`), and how to compare. */
import {readFileSync} from 'node:fs';
import path from 'node:path';
import type {Batch} from '../../../models/engines/engine.js';
import type {Layout, Model} from '../../../models/graph.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {root} from '../imports.js';
import {batchOf, filled, positions} from './formula.js';

/** Largest magnitude, L2 norm, then elements at the positions that the formula gives for the tensor's name. */
export type Summary = readonly number[];
export type Summaries = Readonly<Record<string, Summary>>;

export interface GoldenModel {
	readonly options: Readonly<Record<string, unknown>> & {readonly classes: number; readonly vocabulary?: number};
	readonly batch: number;
	readonly salt: string;
	readonly loss: number;
	readonly correct: number;
	/** Loss in inference mode. */
	readonly evaluated: number;
	/** Outputs in inference mode. */
	readonly predicted: readonly number[];
	readonly lr: number;
	/** Losses of three steps by SGD with learning rate `lr`, momentum 0.9. */
	readonly steps: readonly number[];
	/** Relative error of PyTorch's own float32 gradients. */
	readonly float32: number;
	readonly gradients: Summaries;
	/** Running statistics after one forward pass in training mode. */
	readonly buffers: Summaries;
}

export interface Golden {
	readonly models: Readonly<Record<string, GoldenModel>>;
	/** Three steps of the mlp by each optimiser. */
	readonly optimisers: Readonly<Record<string, {readonly losses: readonly number[]; readonly parameters: Summaries}>>;
	readonly losses: Readonly<Record<string, {readonly loss: number; readonly gradients: Summaries}>>;
}

export const golden = JSON.parse(readFileSync(path.join(root, 'test/fixtures/zoo/golden.json'), 'utf8')) as Golden;

export const goldenNames = Object.keys(golden.models);

/** The model and batch that a golden result belongs to. */
export function goldenCase(name: string): {model: Model; batch: Batch; expected: GoldenModel} {
	const expected = golden.models[name]!;
	const {classes, vocabulary} = expected.options;
	const model = filled(buildModel(name, expected.options), expected.salt);
	const size = {salt: expected.salt, items: expected.batch, classes};
	return {model, batch: batchOf(model, vocabulary === undefined ? size : {...size, vocabulary}), expected};
}

/**
 * A tensor that is zero in exact arithmetic (the bias of a convolution before a batch norm) has no relative error; it is
 * held to this share of the largest gradient instead.
 */
const zeroShare = 1e-5;

/** Largest error of `flat` against the summaries, relative to each tensor's largest magnitude, and where it is. */
export function worstOf(flat: Float32Array, layout: Layout, expected: Summaries): {error: number; name: string} {
	const scale = Math.max(...Object.values(expected).map(([max]) => max!));
	let worst = {error: 0, name: 'none'};
	for (const {name, offset, length} of layout.entries) {
		const [max, norm, ...samples] = expected[name] as [number, number, ...number[]];
		const values = flat.subarray(offset, offset + length);
		const largest = values.reduce((result, value) => Math.max(result, Math.abs(value)), 0);
		const errors =
			max < 1e-9 * scale
				? [(largest / scale / zeroShare) * 1e-4]
				: [
						Math.abs(largest - max) / max,
						Math.abs(Math.hypot(...values) - norm) / norm,
						...positions(name, length, samples.length).map(
							(at, index) => Math.abs(values[at]! - samples[index]!) / max,
						),
					];
		const error = errors.reduce((result, value) => (value <= result ? result : value), 0);
		worst = error <= worst.error ? worst : {error, name};
	}
	return worst;
}

/** Largest relative error of `a` against `b`, tensor by tensor, with the same care for tensors that are zero. */
export function worstBetween(a: Float32Array, b: Float32Array, layout: Layout): {error: number; name: string} {
	const largest = (values: Float32Array) => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
	const scale = largest(b);
	let worst = {error: 0, name: 'none'};
	for (const {name, offset, length} of layout.entries) {
		const [x, y] = [a.subarray(offset, offset + length), b.subarray(offset, offset + length)];
		const distance = x.reduce((max, value, index) => Math.max(max, Math.abs(value - y[index]!)), 0);
		const max = largest(y);
		const error = max < zeroShare * scale ? (distance / scale / zeroShare) * 1e-4 : distance / max;
		worst = error <= worst.error ? worst : {error, name};
	}
	return worst;
}
