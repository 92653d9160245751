/** Devices that share a joined model compute what one machine would. */
import test from 'ava';
import {junctionKinds} from '../../../core/plan/plan.js';
import {seededRandom} from '../../../core/random.js';
import {int64, sizeOf, tensor} from '../../../core/tensor/tensor.js';
import type {Batch, Engine} from '../../../models/engines/engine.js';
import {onnxruntimeEngine} from '../../../models/engines/onnxruntime/engine.js';
import type {Model} from '../../../models/graph.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {type JoinedModel, joinBranches} from '../../../models/junction/join.js';
import {type JunctionKind, ofBranch} from '../../../models/junction/kinds.js';
import {segmentsOfPlan} from '../../../models/junction/segments.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {sgd} from '../../contracts/engine/examples.js';
import {closeAll, gradientOf, learnBatch, parametersOf, stepBatch} from '../../contracts/stage/drive.js';
import {norm} from '../../support/graphs/run-program.js';

let engine: Engine;
test.before(async () => {
	engine = await onnxruntimeEngine({threads: 1});
});
test.after.always(() => engine?.close());

const branches = ['a', 'b', 'c'];
const settings = {loss: 'softmax-cross-entropy', optimizer: sgd(0.05, 0.9), seed: 3, stash: 'keep'} as const;

interface Case {
	readonly model: Model;
	readonly item: readonly number[];
	/** Where stages begin, the junction's in the middle. */
	readonly starts: readonly [number, number, number];
	readonly kinds: readonly JunctionKind[];
}

const at = (model: Model, label: string) => unitsOf(model).units.findIndex(unit => unit.label === label);
const lenet = buildModel('lenet5', {seed: 3, input: [1, 16, 16], width: 0.5});
const sensors = buildModel('sensor-cnn', {seed: 3, input: [1, 32], width: 0.25});
const dropping = buildModel('mlp', {seed: 3, input: [6], hidden: [12, 8], dropout: 0.3});
const resnet = buildModel('resnet18', {seed: 3, input: [3, 16, 16], width: 0.0625});

const cases: Readonly<Record<string, Case>> = {
	lenet5: {model: lenet, item: [1, 16, 16], starts: [2, at(lenet, 'conv2'), at(lenet, 'fc2')], kinds: junctionKinds},
	'sensor-cnn': {model: sensors, item: [1, 32], starts: [1, at(sensors, 'conv3'), 9], kinds: junctionKinds},
	'an mlp with dropout': {
		model: dropping,
		item: [6],
		starts: [1, at(dropping, 'fc2'), 4],
		kinds: ['scalar', 'dense', 'concat'],
	},
	'resnet18 with batch norms': {model: resnet, item: [3, 16, 16], starts: [1, 4, 8], kinds: ['conv1x1', 'per-unit']},
};

function batches(model: JoinedModel, item: readonly number[], count: number): readonly Batch[] {
	const random = seededRandom(6);
	const shape = [8, ...item];
	return Array.from({length: count}, () => ({
		inputs: Object.fromEntries(
			model.join.branches.map(branch => {
				const data = Float32Array.from({length: sizeOf(shape)}, () => random.next() * 2 - 1);
				return [ofBranch('input', branch), tensor('float32', shape, data)];
			}),
		),
		targets: int64(
			[8],
			Array.from({length: 8}, () => random.integer(5)),
		),
	}));
}

for (const [title, {model, item, starts, kinds}] of Object.entries(cases)) {
	for (const kind of kinds) {
		test.serial(
			`branches, junction and trunk of ${title}, joined by ${kind}, train like one model on one machine`,
			async t => {
				const joined = joinBranches(model, {cut: starts[1], branches, junction: kind});
				const last = unitsOf(model).units.length - 1;
				const bounds = [0, ...starts, last + 1];
				const ranges = bounds.slice(1).map((end, index) => [bounds[index]!, end - 1] as const);
				const segments = segmentsOfPlan(joined, {ranges});
				const stages = await Promise.all(
					segments.map(({segment}, index) =>
						engine.stage(joined, {segment, last: index === segments.length - 1, ...settings}),
					),
				);
				const whole = await engine.trainer(joined, settings);
				// Batch norms see other statistics in micro-batches.
				const sizes = joined.buffers.length > 0 ? [8] : [3, 5];
				const [first, ...rest] = batches(joined, item, 20) as [Batch, ...Batch[]];
				const {loss} = await learnBatch(stages, first, sizes);
				const expected = await whole.gradient(first);
				t.true(Math.abs(loss - expected.loss) < 1e-5);
				// Stages give the gradient of the sum over the items.
				const gradient = (await gradientOf(stages, whole.parameters)).map(value => value / 8);
				t.true(norm(gradient, expected.gradient) <= 1e-5 * norm(expected.gradient));
				await Promise.all(stages.map(stage => stage.discard()));
				for (const batch of rest) {
					await stepBatch(stages, batch, sizes);
					await whole.step(batch);
				}
				const {parameters} = await whole.save(['parameters']);
				const got = await parametersOf(stages, whole.parameters);
				t.true(norm(got, parameters) <= 1e-4 * norm(parameters), `${norm(got, parameters) / norm(parameters)}`);
				await closeAll([...stages, whole]);
			},
		);
	}
}
