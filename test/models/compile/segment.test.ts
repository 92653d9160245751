import test from 'ava';
import {seededRandom} from '../../../core/random.js';
import {int64, type Tensor, tensor} from '../../../core/tensor/tensor.js';
import {compileSegment, partOf, type SegmentPrograms} from '../../../models/compile/segment.js';
import {compileTraining} from '../../../models/compile/training.js';
import type {Layout, Model} from '../../../models/graph.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {segmentsOf} from '../../../models/inspect/segments.js';
import {verify} from '../../../models/onnx/verify.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {uniform} from '../../support/graphs/gradient-check.js';
import {type Flat, initialState, norm, type ProgramResult, runProgram} from '../../support/graphs/run-program.js';

const random = seededRandom(31);
const batch = 3;
const seed = 9;

interface Case {
	readonly title: string;
	readonly model: Model;
	readonly data: readonly number[];
	/** Where the segments begin, as shares of the units. */
	readonly starts: readonly number[];
	readonly maxCrossing?: number;
}

const cases: readonly Case[] = [
	{title: 'two of lenet5', model: buildModel('lenet5', {seed: 1}), data: [1, 28, 28], starts: [0.5]},
	{
		title: 'three of an mlp with dropout',
		model: buildModel('mlp', {seed: 1, dropout: 0.4}),
		data: [1, 28, 28],
		starts: [0.3, 0.6],
	},
	{
		title: 'three of mobilenetv3-small, cut across skip connections,',
		model: buildModel('mobilenetv3-small', {seed: 1}),
		data: [3, 32, 32],
		starts: [0.25, 0.55],
		maxCrossing: 2,
	},
	{title: 'two of a gru', model: buildModel('gru', {seed: 1}), data: [32, 32], starts: [0.6]},
	{
		title: 'three of a transformer',
		model: buildModel('tiny-transformer', {seed: 1}),
		data: [32, 32],
		starts: [0.4, 0.7],
	},
];

interface Stage {
	readonly programs: SegmentPrograms;
	readonly state: Flat;
}

const loss = 'softmax-cross-entropy';
const plain = {kind: 'sgd', lr: 0.1, momentum: 0, nesterov: false, weightDecay: 0} as const;

function stagesOf({model, starts, maxCrossing = 1}: Case, stash: 'keep' | 'recompute'): readonly Stage[] {
	const count = unitsOf(model, {maxCrossing}).units.length;
	const bounds = [0, ...starts.map(share => Math.round(share * count)), count];
	const ranges = bounds.slice(1).map((end, index) => [bounds[index]!, end - 1] as const);
	return segmentsOf(model, ranges, {maxCrossing}).map((segment, index) => {
		const part = partOf(model, segment);
		const last = index === ranges.length - 1;
		const programs = compileSegment(part, {batch, stash, ...(last ? {loss} : {})});
		return {programs, state: initialState(part.model, {...programs, slots: 0} as never)};
	});
}

const portName = ({programs}: Stage, program: 'forward' | 'backward', kind: string, name: string) =>
	programs[program]().outputs.find(({role}) => role.kind === kind && 'name' in role && role.name === name)!.name;

/** Adds up gradients of a value that several stages read. */
function addTo(sums: Map<string, Tensor>, name: string, {shape, data}: Tensor): void {
	const before = sums.get(name)?.data;
	const sum = Float32Array.from(data as Float32Array, (value, index) => value + Number(before?.[index] ?? 0));
	sums.set(name, tensor('float32', shape, sum));
}

/** One step over all stages, forwards and backwards. Answers the loss. */
async function runStages(stages: readonly Stage[], data: Record<string, Tensor>, targets: Tensor): Promise<number> {
	const values = new Map<string, Tensor>();
	const gradients = new Map<string, Tensor>();
	const forwards: ProgramResult[] = [];
	for (const stage of stages.slice(0, -1)) {
		const {programs, state} = stage;
		const result = await runProgram(programs.forward(), {
			programs,
			state,
			data,
			seed,
			more: ({role}) => (role.kind === 'activation' ? values.get(role.name) : undefined),
		});
		forwards.push(result);
		for (const {name, role} of programs.forward().outputs) {
			if (role.kind === 'activation') {
				values.set(role.name, result.values[name]!);
			}
		}
	}
	const last = stages.at(-1)!;
	const program = last.programs.gradient!();
	const end = await runProgram(program, {
		...last,
		data,
		targets,
		seed,
		more: ({role}) => (role.kind === 'activation' ? values.get(role.name) : undefined),
	});
	const collect = (outputs: typeof program.outputs, result: ProgramResult) => {
		for (const {name, role} of outputs) {
			if (role.kind === 'input-gradient') {
				addTo(gradients, role.name, result.values[name]!);
			}
		}
	};
	collect(program.outputs, end);
	for (const [index, stage] of [...stages.slice(0, -1).entries()].toReversed()) {
		const {programs, state} = stage;
		const result = await runProgram(programs.backward(), {
			programs,
			state,
			data,
			seed,
			more({role}) {
				switch (role.kind) {
					case 'output-gradient':
						return gradients.get(role.name);
					case 'activation':
						return values.get(role.name);
					case 'stash':
						return forwards[index]!.values[portName(stage, 'forward', 'stash', role.name)];
					default:
						return undefined;
				}
			},
		});
		collect(programs.backward().outputs, result);
	}
	return end.scalar('loss')!;
}

for (const one of cases) {
	for (const stash of ['keep', 'recompute'] as const) {
		test(`segments, ${one.title} (${stash}), have the gradients and statistics of the whole`, async t => {
			const {model} = one;
			const whole = compileTraining(model, {batch, loss, optimizer: plain});
			const expected = initialState(model, whole);
			const [input] = model.graph.inputs;
			const shape = [batch, ...one.data];
			const ids = () =>
				int64(
					[batch, 32],
					Array.from({length: batch * 32}, () => random.integer(20)),
				);
			const data = {[input!.name]: input!.dtype === 'int64' ? ids() : uniform(random, shape)};
			const targets = int64([batch], [1, 0, 1]);
			const reference = await runProgram(whole.gradient(), {programs: whole, state: expected, data, targets, seed});

			const stages = stagesOf(one, stash);
			const got = await runStages(stages, data, targets);
			t.true(Math.abs(got - reference.scalar('loss')!) < 1e-5);
			const compare = (layout: Layout, flat: Float32Array, wholeLayout: Layout, wholeFlat: Float32Array) => {
				for (const {name, offset, length} of layout.entries) {
					const place = wholeLayout.entries.find(entry => entry.name === name)!.offset;
					const want = wholeFlat.subarray(place, place + length);
					const error = norm(flat.subarray(offset, offset + length), want) / Math.max(norm(want), 1e-3);
					t.true(error <= 1e-4, `${name}: ${error}`);
				}
			};
			for (const {programs, state} of stages) {
				compare(programs.parameters, state.gradient, whole.parameters, expected.gradient);
				compare(programs.buffers, state.buffers, whole.buffers, expected.buffers);
			}
			const trained = stages.flatMap(({programs}) => programs.parameters.entries.map(({name}) => name));
			t.deepEqual(trained.sort(), [...model.parameters].sort());
			for (const {programs} of stages) {
				const all = [programs.forward(), programs.backward(), programs.predict(), programs.evaluate?.()];
				for (const program of all) {
					if (program !== undefined) {
						verify(program.graph, {static: true});
					}
				}
				const stashed = programs.forward().outputs.some(({role}) => role.kind === 'stash');
				t.false(stash === 'recompute' && stashed);
			}
		});
	}
}

test('a convolution with batch norm keeps its input and statistics, and nothing that follows from what is at hand', t => {
	const model = buildModel('mobilenetv2', {seed: 1});
	const [segment] = segmentsOf(model, [
		[0, 3],
		[4, unitsOf(model).units.length - 1],
	]);
	const kinds = (stash: 'keep' | 'recompute') => {
		const programs = compileSegment(partOf(model, segment!), {batch, stash});
		return programs.forward().outputs.flatMap(({role}) => (role.kind === 'stash' ? [role.name] : []));
	};
	const kept = kinds('keep');
	t.true(kept.length > 0);
	t.is(new Set(kept).size, kept.length);
	t.deepEqual(kinds('recompute'), []);
	const fed = new Set([...segment!.parameters, ...segment!.buffers, ...segment!.graph.inputs.map(({name}) => name)]);
	t.false(kept.some(name => fed.has(name)));
});
