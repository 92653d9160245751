import test from 'ava';
import {seededRandom} from '../../../core/random.js';
import {int64, type Tensor} from '../../../core/tensor/tensor.js';
import type {InputRole, Port, Program} from '../../../models/compile/program.js';
import {compileSegment, type SegmentOptions} from '../../../models/compile/segment.js';
import {compileTraining} from '../../../models/compile/training.js';
import type {Graph, Model} from '../../../models/graph.js';
import {prune} from '../../../models/infer/fold/prune.js';
import {infer} from '../../../models/infer.js';
import {verify} from '../../../models/verify.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {uniform} from '../../support/gradient-check.js';
import {type Flat, initialState, norm, type ProgramResult, runProgram} from '../../support/run-program.js';

const random = seededRandom(31);
const batch = 3;

/** The model before and after one value, as two models. */
function cutAt({graph, ...model}: Model, value: string): readonly [Model, Model] {
	const typed = infer(graph);
	const info = typed.values.get(value)!;
	const first = prune({...typed, outputs: [info]});
	const second = prune({...typed, nodes: typed.nodes.filter(node => !node.outputs.includes(value)), inputs: [info]});
	const part = (piece: Graph, name: string): Model => ({
		...model,
		name,
		graph: {...piece, name},
		parameters: model.parameters.filter(parameter => piece.initializers.has(parameter)),
		buffers: model.buffers.filter(buffer => piece.initializers.has(buffer)),
	});
	return [part(first, 'first'), part(second, 'second')];
}

const cases = [
	{
		model: buildModel('lenet5', {seed: 1}),
		at: (names: readonly string[]) => names.find(name => name.includes('pool2'))!,
		data: [1, 28, 28],
	},
	{
		model: buildModel('mlp', {seed: 1, dropout: 0.4}),
		at: (names: readonly string[]) => names.findLast(name => name.includes('relu'))!,
		data: [1, 28, 28],
	},
	{
		model: buildModel('mobilenetv2', {seed: 1}),
		at: (names: readonly string[]) => names.filter(name => name.includes('add')).at(2)!,
		data: [3, 32, 32],
	},
];

const options = (stash: SegmentOptions['stash'], loss?: 'softmax-cross-entropy'): SegmentOptions => ({
	batch,
	stash,
	...(loss === undefined ? {} : {loss}),
});

const portOf = (program: Program, kind: string, name: string) =>
	program.outputs.find(({role}) => role.kind === kind && 'name' in role && role.name === name)!;

for (const {model, at, data: shape} of cases) {
	for (const stash of ['keep', 'recompute'] as const) {
		test(`two segments of ${model.name} (${stash}) have the gradients of the whole`, async t => {
			const names = model.graph.nodes.flatMap(({outputs}) => outputs);
			const boundary = at(names);
			t.truthy(boundary, names.join(' '));
			const [input] = model.graph.inputs;
			const data = {[input!.name]: uniform(random, [batch, ...shape])};
			const targets = int64([batch], [1, 4, 7]);
			const whole = compileTraining(model, {
				batch,
				loss: 'softmax-cross-entropy',
				optimizer: {kind: 'sgd', lr: 0.1, momentum: 0, nesterov: false, weightDecay: 0},
			});
			const expected = initialState(model, whole);
			const reference = await runProgram(whole.gradient(), {programs: whole, state: expected, data, targets, seed: 9});

			const [firstModel, secondModel] = cutAt(model, boundary);
			const first = compileSegment({model: firstModel, activations: []}, options(stash));
			const second = compileSegment(
				{model: secondModel, activations: [boundary]},
				options(stash, 'softmax-cross-entropy'),
			);
			const slotless = {slots: 0};
			const [one, two]: Flat[] = [
				initialState(firstModel, {...first, ...slotless} as never),
				initialState(secondModel, {...second, ...slotless} as never),
			];
			for (const program of [first.forward(), first.backward(), second.gradient!(), second.predict()]) {
				verify(program.graph, {static: true});
			}

			const forward = await runProgram(first.forward(), {programs: first, state: one!, data, seed: 9});
			const sent = forward.values[portOf(first.forward(), 'activation', boundary).name]!;
			const back = await runProgram(second.gradient!(), {
				programs: second,
				state: two!,
				targets,
				seed: 9,
				more: ({role}) => (role.kind === 'activation' ? sent : undefined),
			});
			t.true(Math.abs(back.scalar('loss')! - reference.scalar('loss')!) < 1e-5);
			const returned = back.values[portOf(second.gradient!(), 'input-gradient', boundary).name]!;
			await runProgram(first.backward(), {
				programs: first,
				state: one!,
				data,
				seed: 9,
				more: port => stashed(port, first.forward(), forward, returned),
			});

			for (const [state, layout] of [
				[one!, first.parameters],
				[two!, second.parameters],
			] as const) {
				for (const {name, offset, length} of layout.entries) {
					const place = whole.parameters.entries.find(entry => entry.name === name)!.offset;
					const got = state.gradient.subarray(offset, offset + length);
					const want = expected.gradient.subarray(place, place + length);
					const error = norm(got, want) / Math.max(norm(want), 1e-3);
					t.true(error <= 1e-4, `${name}: ${error}`);
				}
			}
			const kinds = new Set(first.forward().outputs.map(({role}) => role.kind));
			t.is(kinds.has('stash'), stash === 'keep');
			for (const [state, layout] of [
				[one!, first.buffers],
				[two!, second.buffers],
			] as const) {
				for (const {name, offset, length} of layout.entries) {
					const place = whole.buffers.entries.find(entry => entry.name === name)!.offset;
					const worst = Math.max(
						...state.buffers
							.subarray(offset, offset + length)
							.map((value, index) => Math.abs(value - expected.buffers[place + index]!)),
					);
					t.true(worst < 1e-5, `${name}: ${worst}`);
				}
			}
		});
	}
}

function stashed(
	port: Port<InputRole>,
	program: Program,
	forward: ProgramResult,
	returned: Tensor,
): Tensor | undefined {
	const {role} = port;
	if (role.kind === 'output-gradient') {
		return returned;
	}
	return role.kind === 'stash' || role.kind === 'activation'
		? forward.values[portOf(program, role.kind, role.name).name]
		: undefined;
}
