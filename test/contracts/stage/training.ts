/** Training with stages: the weights become those of one machine, whatever the optimiser and the division of batches. */
import {seededRandom} from '../../../core/random.js';
import {float32} from '../../../core/tensor/tensor.js';
import type {Model} from '../../../models/graph.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {segmentsOf} from '../../../models/inspect/segments.js';
import type {Optimizer} from '../../../models/training.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {node, sketch} from '../../models/graphs.js';
import {batchFor, dropping, options, plain, same, sgd} from '../engine/examples.js';
import type {StageSuite} from '../stage.js';
import {
	closeAll,
	gradientOf,
	itemsOf,
	learnBatch,
	makeStages,
	parametersOf,
	predictWith,
	rangesAt,
	stepBatch,
} from './drive.js';
import {distance} from './equality.js';

const optimizers: Readonly<Record<string, Optimizer>> = {
	'momentum and weight decay': {...sgd(0.05, 0.9), weightDecay: 0.01},
	nesterov: {kind: 'sgd', lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0},
	adamw: {kind: 'adamw', lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1},
};

const models = {
	'an mlp with dropout': dropping,
	lenet5: () => buildModel('lenet5', {seed: 2}),
	'sensor-cnn': () => buildModel('sensor-cnn', {seed: 2, classes: 10, width: 0.5}),
	gru: () => buildModel('gru', {seed: 2, classes: 10, units: 16}),
	'tiny-transformer': () => buildModel('tiny-transformer', {seed: 2, classes: 10, width: 0.25, dropout: 0.1}),
	'resnet18 (whole batches)': () => buildModel('resnet18', {seed: 2, input: [3, 16, 16], width: 0.0625}),
};

const loss = 'softmax-cross-entropy';

/** a = relu(x)·w is the first output, b = a·v the second. */
const early = (): Model => ({
	name: 'early',
	graph: sketch({
		inputs: {x: ['N', 2]},
		initializers: {w: float32([2, 2], [1, 2, 3, 4]), v: float32([2, 2], [4, 3, 2, 1])},
		nodes: [node('Relu', ['x'], ['r']), node('MatMul', ['r', 'w'], ['a']), node('MatMul', ['a', 'v'], ['b'])],
		outputs: ['a', 'b'],
	}),
	parameters: ['w', 'v'],
	buffers: [],
	loss: 'mse',
});

export function training({check, slow}: StageSuite): void {
	for (const [index, [name, make]] of Object.entries(models).entries()) {
		const [kind, optimizer] = Object.entries(optimizers)[index % 2]!;
		check(`20 steps of ${name} over three stages, by ${kind}, leave the weights of one machine`, async (t, engine) => {
			const model = make();
			const random = seededRandom(5);
			const cuts = {maxCrossing: 2};
			const count = unitsOf(model, cuts).units.length;
			const starts = [...new Set([1 + random.integer(count - 1), 1 + random.integer(count - 1)])].sort((a, b) => a - b);
			const stages = await makeStages(engine, model, {
				ranges: rangesAt(starts, count),
				cuts,
				loss,
				optimizer,
				seed: 7,
				stash: index % 2 === 0 ? 'keep' : 'recompute',
			});
			const trainer = await engine.trainer(model, options(optimizer));
			const batch = batchFor(model, 4);
			for (let step = 0; step < 20; step++) {
				const expected = await trainer.step(batch);
				const got = await stepBatch(stages, batch, model.buffers.length > 0 ? [4] : [1, 3]);
				t.true(Math.abs(got - expected.loss) <= 1e-4 * Math.max(1, expected.loss), `step ${step}`);
			}
			const {parameters, updates} = await trainer.save();
			const error = distance(await parametersOf(stages, trainer.parameters), parameters, trainer.parameters);
			t.true(error <= 1e-4, `weights are off by ${error}`);
			t.is((await stages[0]!.save([])).updates, updates);
			await closeAll([...stages, trainer]);
		});
	}

	check('a gradient from elsewhere, the schedule and clipping act as in a trainer', async (t, engine) => {
		const model = plain();
		const batch = batchFor(model, 4);
		const clipNorm = 0.05;
		const optimizer = optimizers['adamw']!;
		const trainer = await engine.trainer(model, options(optimizer, {clipNorm}));
		const ranges = rangesAt([2], unitsOf(model).units.length);
		const stages = await makeStages(engine, model, {ranges, loss, optimizer, seed: 7, stash: 'keep'});
		for (const lrScale of [1, 0.5, 0.25]) {
			await trainer.step(batch, lrScale);
			await learnBatch(stages, batch, [2, 2]);
			const squares = await Promise.all(stages.map(stage => stage.squaredNorm()));
			const length = Math.sqrt(squares.reduce((a, b) => a + b)) / itemsOf(batch);
			const scale = Math.min(1, clipNorm / (length + 1e-6)) / itemsOf(batch);
			await stages[0]!.apply({scale, lrScale});
			const {gradient} = await stages[1]!.gradient();
			// As a parameter server would answer it: in a longer vector.
			const answer = new Float32Array(gradient.length + 7);
			answer.set(gradient, 3);
			await stages[1]!.apply({gradient: answer.subarray(3, 3 + gradient.length), scale, lrScale});
		}
		const {parameters} = await trainer.save();
		const error = distance(await parametersOf(stages, trainer.parameters), parameters, trainer.parameters);
		t.true(error <= 1e-5, `${error}`);
		await closeAll([...stages, trainer]);
	});

	check('dropout masks follow the place of the items in the batch', async (t, engine) => {
		const model = dropping();
		const batch = batchFor(model, 6);
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		const ranges = rangesAt([3], unitsOf(model).units.length);
		const stages = await makeStages(engine, model, {ranges, loss, optimizer: sgd(0.1), seed: 7, stash: 'recompute'});
		const whole = (await trainer.gradient(batch)).gradient;
		for (const sizes of [[6], [1, 2, 3], [5, 1]]) {
			await learnBatch(stages, batch, sizes);
			const mean = (await gradientOf(stages, trainer.parameters)).map(value => value / 6);
			t.true(distance(mean, whole, trainer.parameters) <= 1e-5, sizes.join());
			await Promise.all(stages.map(stage => stage.discard()));
		}
		await closeAll([...stages, trainer]);
	});

	check('state moves from stage to stage, and training goes on', async (t, engine) => {
		const model = plain();
		const batch = batchFor(model, 4);
		const settings = {loss, optimizer: sgd(0.1, 0.9), seed: 7, stash: 'keep'} as const;
		const ranges = rangesAt([3], unitsOf(model).units.length);
		const [one, two] = [
			await makeStages(engine, model, {...settings, ranges}),
			await makeStages(engine, model, {...settings, ranges}),
		];
		await stepBatch(one, batch);
		await Promise.all(two.map(async (stage, index) => stage.load(await one[index]!.save())));
		t.is(await stepBatch(two, batch), await stepBatch(one, batch));
		for (const [index, stage] of one.entries()) {
			const [a, b] = [await stage.save(), await two[index]!.save()];
			t.true(same(a.parameters, b.parameters) && same(a.slots[0]!, b.slots[0]!));
			t.is(a.updates, 2);
			t.is((await stage.save(['buffers'])).parameters.length, 0);
		}
		await closeAll([...one, ...two]);
	});

	check('a segment that was cut elsewhere trains like one that the engine cuts', async (t, engine) => {
		const model = buildModel('resnet18', {seed: 2, input: [3, 16, 16], width: 0.0625});
		const cuts = {maxCrossing: 2};
		const batch = batchFor(model, 4);
		const ranges = rangesAt([9, 20], unitsOf(model, cuts).units.length);
		const settings = {loss, optimizer: sgd(0.1), seed: 7, stash: 'keep'} as const;
		const cut = await makeStages(engine, model, {...settings, ranges, cuts});
		const given = await Promise.all(
			segmentsOf(model, ranges, cuts).map((segment, index) =>
				engine.stage(model, {...settings, segment, last: index === ranges.length - 1}),
			),
		);
		t.is(await stepBatch(given, batch), await stepBatch(cut, batch));
		for (const [index, stage] of given.entries()) {
			t.true(same((await stage.save()).parameters, (await cut[index]!.save()).parameters));
			t.deepEqual(
				[stage.receives, stage.sends, stage.passing],
				[cut[index]!.receives, cut[index]!.sends, cut[index]!.passing],
			);
		}
		await closeAll([...cut, ...given]);
	});

	check('the loss is on the first output of the model, also where an early segment makes it', async (t, engine) => {
		const model = early();
		const cuts = {maxCrossing: 2};
		const settings = {loss: 'mse', optimizer: sgd(0.1), seed: 7, stash: 'keep'} as const;
		const stages = await makeStages(engine, model, {
			...settings,
			cuts,
			ranges: rangesAt([2], unitsOf(model, cuts).units.length),
		});
		t.deepEqual(
			stages[0]!.sends.map(({name}) => name),
			['a'],
		);
		const trainer = await engine.trainer(model, options(sgd(0.1), {loss: 'mse'}));
		const batch = {
			inputs: {x: float32([3, 2], [1, -2, 3, 4, 0.5, -1])},
			targets: float32([3, 2], [1, 2, 3, 4, 5, 6]),
		};
		const expected = await trainer.gradient(batch);
		const {loss} = await learnBatch(stages, batch, [1, 2]);
		t.true(Math.abs(loss - expected.loss) <= 1e-5 * expected.loss);
		const mean = (await gradientOf(stages, trainer.parameters)).map(value => value / 3);
		t.true(distance(mean, expected.gradient, trainer.parameters) <= 1e-5);
		t.deepEqual(Object.keys(await predictWith(stages, batch.inputs)).sort(), ['a', 'b', 'x']);
		await closeAll([...stages, trainer]);
	});

	if (!slow) {
		check('many steps leave no memory behind', async (t, engine) => {
			const model = plain();
			const batch = batchFor(model, 64);
			const ranges = rangesAt([3], unitsOf(model).units.length);
			const stages = await makeStages(engine, model, {ranges, loss, optimizer: sgd(0.01), seed: 7, stash: 'keep'});
			const run = async (steps: number) => {
				for (let step = 0; step < steps; step++) {
					await stepBatch(stages, batch, [16, 16, 16, 16]);
				}
			};
			await run(20);
			const before = process.memoryUsage().arrayBuffers;
			await run(60);
			const grown = process.memoryUsage().arrayBuffers - before;
			t.true(grown < 16 * 2 ** 20, `${grown} bytes`);
			await closeAll(stages);
		});
	}
}
