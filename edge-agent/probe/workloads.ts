/**
 * The little models a probe runs, one per class of operators: a chain of equal operators, and beside it the same model
 * without the chain. The difference of their times is the chain's: copying the input to the engine and reducing the output
 * cost the same in both.
 */
import type {OpClass} from '../../core/profile/profile.js';
import type {Shape} from '../../core/tensor/tensor.js';
import {int, ints, type Model} from '../../models/graph.js';
import {type GraphBuilder, graphBuilder, type Value} from '../../models/zoo/builder.js';
import {conv} from '../../models/zoo/layers.js';

export interface Workload {
	readonly op: OpClass | 'dispatch';
	readonly chain: Model;
	readonly baseline: Model;
	/** Of one item, the batch excluded. */
	readonly inputShape: Shape;
	/** What one item's pass through the chain takes: floating-point operations; for `memory` bytes read and written. */
	readonly amount: number;
	/** Operator calls in the chain. */
	readonly calls: number;
}

const bytesPerValue = 4;
const size = (shape: Shape) => shape.reduce((product, dim) => product * dim, 1);

/** Repeats `step` on the input and averages what comes out over all but the first axis. */
function build(
	name: string,
	shape: Shape,
	times: number,
	step: (b: GraphBuilder, x: Value, index: number) => Value,
): Model {
	const b = graphBuilder(name, 1);
	let value = b.input('x', 'float32', shape);
	for (let index = 0; index < times; index++) {
		value = step(b, value, index);
	}
	const axes = shape.map((_, axis) => axis + 1).slice(1);
	const reduced = b.node('reduce', 'ReduceMean', [value.name], {axes: ints(axes), keepdims: int(0)});
	return b.finish({name: reduced, shape: shape.slice(0, 1)});
}

function workload(
	op: Workload['op'],
	inputShape: Shape,
	times: number,
	perStep: {readonly amount: number; readonly calls: number},
	step: (b: GraphBuilder, x: Value, index: number) => Value,
): Workload {
	return {
		op,
		chain: build(`probe-${op}`, inputShape, times, step),
		baseline: build(`probe-${op}-baseline`, inputShape, 0, step),
		inputShape,
		amount: times * perStep.amount,
		calls: times * perStep.calls,
	};
}

const image: Shape = [64, 32, 32];
/** A MiB per item: a batch of them leaves the inner caches, as activations do in training. */
const map: Shape = [64, 64, 64];

/** 64 → 64 channels, 3 × 3, on 16 × 16: the middle of a small residual network. */
const convolution = (): Workload =>
	workload('convolution', [64, 16, 16], 4, {amount: 2 * 64 * 64 * 9 * 256, calls: 1}, (b, x, index) =>
		conv(b, `conv${index}`, x, {out: 64, kernel: 3, pad: 1, bias: false}),
	);

/** A filter per channel: as in MobileNet. */
const depthwise = (): Workload =>
	workload('depthwise', image, 24, {amount: 2 * 9 * size(image), calls: 1}, (b, x, index) =>
		conv(b, `conv${index}`, x, {out: 64, kernel: 3, pad: 1, groups: 64, bias: false}),
	);

const matmul = (): Workload =>
	workload('matmul', [128, 256], 8, {amount: 2 * 128 * 256 * 256, calls: 1}, (b, x, index) => {
		// Weights of mean zero and variance 1/256 keep the values as large as they were.
		const weight = b.parameter(`weight${index}`, [256, 256], (random, count) =>
			Float32Array.from({length: count}, () => random.normal() / 16),
		);
		return {name: b.node(`matmul${index}`, 'MatMul', [x.name, weight]), shape: x.shape};
	});

/** Product, sum and rectifier in turn; each counts one operation per value. */
const elementwise = (): Workload =>
	workload('elementwise', map, 8, {amount: 3 * size(map), calls: 3}, (b, x, index) => {
		const product = b.node(`mul${index}`, 'Mul', [x.name, 'x']);
		const sum = b.node(`add${index}`, 'Add', [product, 'x']);
		return {name: b.node(`relu${index}`, 'Relu', [sum]), shape: x.shape};
	});

/** Halves change places; splitting and joining both read and write every value. */
const memory = (): Workload =>
	workload('memory', map, 16, {amount: 2 * 2 * bytesPerValue * size(map), calls: 2}, (b, x, index) => {
		const halves = [`low${index}`, `high${index}`];
		b.node(`split${index}`, 'Split', [x.name], {axis: int(1)}, {outputs: halves});
		return {name: b.node(`join${index}`, 'Concat', halves.reverse(), {axis: int(1)}), shape: x.shape};
	});

/** So little to compute that only the calls themselves take time. */
const dispatch = (): Workload =>
	workload('dispatch', [1, 1], 100, {amount: 0, calls: 1}, (b, x, index) => ({
		name: b.node(`add${index}`, 'Add', [x.name, 'x']),
		shape: x.shape,
	}));

export const workloads = {convolution, depthwise, matmul, elementwise, memory, dispatch} satisfies Record<
	Workload['op'],
	() => Workload
>;
