import test from 'ava';
import {seededRandom} from '../../../core/random.js';
import {float32, int64} from '../../../core/tensor/tensor.js';
import type {CompileOptions} from '../../../models/compile/program.js';
import {compileTraining} from '../../../models/compile/training.js';
import {verify} from '../../../models/onnx/verify.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {uniform} from '../../support/graphs/gradient-check.js';
import {initialState, runProgram} from '../../support/graphs/run-program.js';

const options: CompileOptions = {
	batch: 8,
	loss: 'softmax-cross-entropy',
	optimizer: {kind: 'sgd', lr: 0.1, momentum: 0.9, nesterov: false, weightDecay: 1e-3},
	clipNorm: 1,
};

const random = seededRandom(21);
const model = buildModel('mlp', {seed: 3, dropout: 0.3});
const data = {[model.graph.inputs[0]!.name]: uniform(random, [8, 1, 28, 28])};
const targets = int64(
	[8],
	Array.from({length: 8}, () => random.integer(10)),
);

test('a fused step does what gradient and apply do one after the other', async t => {
	const programs = compileTraining(model, options);
	const [fused, parted] = [initialState(model, programs), initialState(model, programs)];
	for (let update = 0; update < 3; update++) {
		const run = {programs, data, targets, lr: 0.1, seed: 5};
		const step = await runProgram(programs.step(), {...run, state: fused});
		const gradient = await runProgram(programs.gradient(), {...run, state: parted});
		await runProgram(programs.apply(), {...run, state: parted});
		t.is(step.scalar('loss'), gradient.scalar('loss'));
		t.is(step.scalar('correct'), gradient.scalar('correct'));
		fused.updates++;
		parted.updates++;
	}
	const worst = fused.parameters.reduce(
		(max, value, index) => Math.max(max, Math.abs(value - parted.parameters[index]!)),
		0,
	);
	t.true(worst < 1e-6, `${worst}`);
	t.notDeepEqual(fused.parameters, initialState(model, programs).parameters);
});

test('training brings the loss down, and evaluation sees it without dropout', async t => {
	const programs = compileTraining(model, options);
	const state = initialState(model, programs);
	const run = {programs, state, data, targets, lr: 0.1, seed: 5};
	const before = await runProgram(programs.evaluate(), run);
	for (; state.updates < 30; state.updates++) {
		await runProgram(programs.step(), run);
	}
	const after = await runProgram(programs.evaluate(), run);
	t.true(after.scalar('loss')! < before.scalar('loss')! / 5, `${before.scalar('loss')} → ${after.scalar('loss')}`);
	t.is(after.scalar('correct'), 8);
});

test('programs are valid graphs whose ports describe their inputs and outputs', t => {
	const programs = compileTraining(model, options);
	for (const program of [programs.step(), programs.gradient(), programs.apply(), programs.evaluate()]) {
		verify(program.graph, {static: true});
		const strip = (ports: typeof program.inputs | typeof program.outputs) =>
			ports.map(({name, dtype, shape}) => ({name, dtype, shape}));
		t.deepEqual(
			strip(program.inputs),
			program.graph.inputs.map(({name, dtype, shape}) => ({name, dtype, shape})) as never,
		);
		t.deepEqual(
			strip(program.outputs),
			program.graph.outputs.map(({name, dtype, shape}) => ({name, dtype, shape})) as never,
		);
	}
	t.is(programs.step(), programs.step());
	const roles = programs.step().inputs.map(({role}) => role.kind);
	t.deepEqual([...new Set(roles)].sort(), ['data', 'mask', 'parameter', 'parameters', 'scalar', 'slots', 'target']);
	t.false(programs.evaluate().inputs.some(({role}) => role.kind === 'mask'));
});

test('a parameter that the model does not use has gradient zero, and only its decay moves it', async t => {
	const initializers = new Map([...model.graph.initializers, ['unused', float32([3], [1, 2, 3])] as const]);
	const wider = {...model, parameters: [...model.parameters, 'unused'], graph: {...model.graph, initializers}};
	const programs = compileTraining(wider, {...options, optimizer: {...options.optimizer, weightDecay: 0.1}});
	const state = initialState(wider, programs);
	const run = {programs, state, data, targets, lr: 0.5, seed: 5};
	await runProgram(programs.gradient(), run);
	t.deepEqual([...state.gradient.slice(-3)], [0, 0, 0]);
	await runProgram(programs.step(), run);
	t.deepEqual([...state.parameters.slice(-3)], [0.95, 1.9, 2.85].map(Math.fround));
});

test('frozen parameters stay constants, down to a model that trains nothing', t => {
	const frozen = compileTraining({...model, parameters: model.parameters.slice(-2)}, options);
	const names = frozen.gradient().outputs.flatMap(({role}) => (role.kind === 'gradient' ? [role.name] : []));
	t.deepEqual(names, model.parameters.slice(-2));
	t.true(frozen.gradient().graph.initializers.has(model.parameters[0]!));
	const nothing = compileTraining({...model, parameters: []}, options);
	t.deepEqual(
		nothing.step().outputs.map(({role}) => role.kind),
		['loss', 'correct'],
	);
	t.deepEqual(nothing.apply().outputs, []);
});
