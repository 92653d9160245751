/** Losses, optimisers, clipping, batch norm and dropout against PyTorch 2: test/fixtures/autodiff, made by make.py there. */
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {float32, int64, scalar, type Tensor} from '../../../core/tensor/tensor.js';
import {Emitter} from '../../../models/autodiff/emitter.js';
import {emitLoss, targetType} from '../../../models/compile/losses.js';
import {compileApply, compileTraining} from '../../../models/compile/training.js';
import {float, int, ints, type Loss, ownOpsets} from '../../../models/graph.js';
import {viewOf} from '../../../models/layout.js';
import type {Optimizer} from '../../../models/training.js';
import {graphBuilder} from '../../../models/zoo/builder.js';
import {runGraph} from '../../support/graphs/run-graph.js';
import {initialState, norm, runProgram} from '../../support/graphs/run-program.js';

interface Numbers {
	readonly shape: readonly number[];
	readonly data: readonly number[];
}

interface Golden {
	readonly losses: readonly {
		readonly loss: Loss;
		readonly output: Numbers;
		readonly target: Numbers;
		readonly value: number;
		readonly correct: number | null;
		readonly gradient: Numbers;
	}[];
	readonly optimizers: readonly {
		readonly optimizer: Optimizer;
		readonly clipNorm?: number;
		readonly start: Numbers;
		readonly gradients: readonly Numbers[];
		readonly factors: readonly number[];
		readonly after: readonly Numbers[];
	}[];
	readonly model: {
		readonly start: Readonly<Record<string, Numbers>>;
		readonly steps: readonly {
			readonly x: Numbers;
			readonly target: readonly number[];
			readonly mask: Numbers;
			readonly loss: number;
			readonly gradients: Readonly<Record<string, Numbers>>;
			readonly after: Readonly<Record<string, Numbers>>;
			readonly evaluated?: number;
		}[];
	};
}

const file = path.resolve(import.meta.dirname, '../../../../test/fixtures/autodiff/golden.json');
const golden: Golden = JSON.parse(readFileSync(file, 'utf8'));

/** float32 has 7 digits; a few dozen operations leave 5. */
const tolerance = 1e-5;

const tensorOf = ({shape, data}: Numbers): Tensor<'float32'> => float32(shape, data);
const close = (got: ArrayLike<number>, want: readonly number[], floor = 0): boolean =>
	norm(got, want) <= tolerance * Math.max(norm(want), floor);

for (const {loss, output, target, value, correct, gradient} of golden.losses) {
	test(`${loss} of [${output.shape}] has PyTorch's value, hits and gradient`, async t => {
		const emitter = new Emitter('loss', ownOpsets);
		const type = targetType(loss, output.shape, 'loss');
		t.deepEqual(type.shape, target.shape);
		const values = emitLoss(
			emitter,
			loss,
			emitter.input('x', 'float32', output.shape),
			emitter.input('t', type.dtype, type.shape),
		);
		const names = [values.loss, values.gradient(), ...(values.correct === undefined ? [] : [values.correct])];
		const graph = emitter.finish(['x', 't'], names);
		const targets = type.dtype === 'int64' ? int64(target.shape, target.data) : tensorOf(target);
		const results = await runGraph(graph, {x: tensorOf(output), t: targets});
		t.true(close(results[values.loss]!.data as Float32Array, [value]), `${results[values.loss]!.data[0]}, ${value}`);
		t.true(close(results[names[1]!]!.data as Float32Array, gradient.data));
		t.deepEqual(results[names[1]!]!.shape, gradient.shape);
		t.is(values.correct === undefined ? null : Number(results[values.correct]!.data[0]), correct);
	});
}

for (const [index, {optimizer, clipNorm, start, gradients, factors, after}] of golden.optimizers.entries()) {
	const {kind, lr: _, ...details} = optimizer;
	const title = `${kind} ${JSON.stringify(details)}${clipNorm === undefined ? '' : ` clipped to ${clipNorm}`}`;
	test(`three updates of ${title} are PyTorch's (${index})`, async t => {
		const layout = {entries: [{name: 'p', shape: [12], offset: 0, length: 12}], length: 12};
		const program = compileApply('update', layout, clipNorm === undefined ? {optimizer} : {optimizer, clipNorm});
		const slots = program.outputs.filter(({role}) => role.kind === 'slots').length;
		const state = {
			parameters: Float32Array.from(start.data),
			buffers: new Float32Array(),
			slots: Array.from({length: slots}, () => new Float32Array(12)),
			gradient: new Float32Array(12),
			updates: 0,
		};
		for (; state.updates < 3; state.updates++) {
			state.gradient = Float32Array.from(gradients[state.updates]!.data);
			const lr = optimizer.lr * factors[state.updates]!;
			await runProgram(program, {programs: {parameters: layout, buffers: {entries: [], length: 0}}, state, lr});
			t.true(close(state.parameters, after[state.updates]!.data), `update ${state.updates + 1}`);
		}
	});
}

test('three steps through convolution, batch norm and dropout are those of PyTorch', async t => {
	const {start, steps} = golden.model;
	const b = graphBuilder('normalised', 1);
	const fixed = (name: string) => () => Float32Array.from(start[name]!.data);
	const weight = (name: string) => b.parameter(name, start[name]!.shape, fixed(name));
	const x = b.input('x', 'float32', [2, 6]);
	const conv = b.node('conv', 'Conv', [x.name, weight('conv.weight'), weight('conv.bias')], {pads: ints([1, 1])});
	const statistics = ['bn.running_mean', 'bn.running_var'].map(name => b.buffer(name, [3], 0));
	const bn = b.node('bn', 'BatchNormalization', [conv, weight('bn.weight'), weight('bn.bias'), ...statistics], {
		epsilon: float(1e-3),
		momentum: float(0.8),
	});
	const relu = b.node('relu', 'Relu', [bn]);
	const mean = b.node('mean', 'ReduceMean', [relu], {axes: ints([2]), keepdims: int(0)});
	const dropped = b.node('drop', 'Dropout', [mean, b.constant('ratio', scalar(0.5))]);
	const logits = b.node('fc', 'Gemm', [dropped, weight('fc.weight'), weight('fc.bias')], {transB: int(1)});
	const model = b.finish({name: logits, shape: [4]});

	const programs = compileTraining(model, {
		batch: 5,
		loss: 'softmax-cross-entropy',
		optimizer: {kind: 'sgd', lr: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0},
	});
	const state = initialState(model, programs);
	const named = (part: 'parameters' | 'buffers', flat: Float32Array, name: string) =>
		viewOf(flat, programs[part].entries.find(entry => entry.name === name)!).data;
	for (const name of ['bn.running_mean', 'bn.running_var']) {
		named('buffers', state.buffers, name).set(start[name]!.data);
	}
	for (const [index, {x: data, target, mask, loss, gradients, after, evaluated}] of steps.entries()) {
		const run = {
			programs,
			state,
			data: {x: tensorOf(data)},
			targets: int64([5], target),
			lr: 0.1,
			mask: tensorOf(mask),
		};
		const before = state.buffers.slice();
		const gradient = await runProgram(programs.gradient(), run);
		t.true(close([gradient.scalar('loss')!], [loss]), `loss ${index}`);
		for (const [name, want] of Object.entries(gradients)) {
			// The bias before batch norm has no effect: its gradient is 0 but for rounding.
			t.true(close(named('parameters', state.gradient, name), want.data, 0.1), `gradient of ${name}, step ${index}`);
		}
		state.buffers.set(before);
		const step = await runProgram(programs.step(), run);
		t.is(step.scalar('loss'), gradient.scalar('loss'));
		for (const [name, want] of Object.entries(after)) {
			const part = name.startsWith('bn.running') ? 'buffers' : 'parameters';
			t.true(close(named(part, state[part], name), want.data), `${name} after step ${index}`);
		}
		if (evaluated !== undefined) {
			const evaluation = await runProgram(programs.evaluate(), run);
			t.true(close([evaluation.scalar('loss')!], [evaluated]), 'evaluation');
		}
	}
});
