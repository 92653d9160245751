/** Stages one after the other compute what the whole model does. */
import type {ExecutionContext} from 'ava';
import {seededRandom} from '../../../core/random.js';
import type {Engine, StepResult} from '../../../models/engines/engine.js';
import type {Stage, StageSettings} from '../../../models/engines/stage.js';
import type {Layout} from '../../../models/graph.js';
import {type CutOptions, unitsOf} from '../../../models/inspect/cuts.js';
import {options, sgd} from '../engine/examples.js';
import type {StageSuite} from '../stage.js';
import {buffersOf, closeAll, gradientOf, itemsOf, learnBatch, makeStages, predictWith, rangesAt} from './drive.js';
import {exportedSubjects, type Subject, zooSubjects} from './subjects.js';

const tolerance = 1e-5;

const settings: StageSettings = {loss: 'softmax-cross-entropy', optimizer: sgd(0.1), seed: 7, stash: 'keep'};

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** |a − b| / |b|, of the whole vector and of each tensor; tensors that are small beside the rest are measured against it. */
export function distance(a: Float32Array, b: Float32Array, {entries}: Layout): number {
	const whole = norm(b);
	const difference = a.map((value, index) => value - b[index]!);
	const each = entries.map(({offset, length}) => {
		const size = Math.max(norm(b.subarray(offset, offset + length)), 0.01 * whole);
		return norm(difference.subarray(offset, offset + length)) / size;
	});
	return whole === 0 ? norm(difference) : Math.max(norm(difference) / whole, ...each);
}

interface Reference {
	readonly result: StepResult & {readonly gradient: Float32Array};
	readonly buffers: Float32Array;
	readonly evaluated: StepResult;
	readonly predicted: readonly (readonly [string, Float32Array])[];
	readonly layouts: {readonly parameters: Layout; readonly buffers: Layout};
}

async function referenceOf(engine: Engine, {model, batch}: Subject): Promise<Reference> {
	const trainer = await engine.trainer(model, options(sgd(0.1)));
	const predictor = await engine.predictor(model);
	const predicted = await predictor.predict(batch.inputs);
	const evaluated = await trainer.evaluate(batch);
	const result = await trainer.gradient(batch);
	const {buffers} = await trainer.save(['buffers']);
	const {parameters, buffers: layout} = trainer;
	await closeAll([trainer, predictor]);
	return {
		result,
		buffers,
		evaluated,
		predicted: Object.entries(predicted).map(([name, {data}]) => [name, data as Float32Array]),
		layouts: {parameters, buffers: layout},
	};
}

async function compareInference(t: ExecutionContext, stages: readonly Stage[], {batch}: Subject, reference: Reference) {
	const outputs = await predictWith(stages, batch.inputs);
	for (const [name, expected] of reference.predicted) {
		const got = outputs[name]!.data as Float32Array;
		t.true(norm(got.map((value, index) => value - expected[index]!)) <= tolerance * norm(expected), `output ${name}`);
	}
}

interface Trial {
	readonly starts: readonly number[];
	readonly cuts: CutOptions;
	readonly stash: 'keep' | 'recompute';
	readonly sizes?: readonly number[];
}

async function compare(t: ExecutionContext, engine: Engine, subject: Subject, reference: Reference, trial: Trial) {
	const {starts, cuts, stash, sizes} = trial;
	const {model, batch} = subject;
	const what = `${JSON.stringify(trial)}`;
	const ranges = rangesAt(starts, unitsOf(model, cuts).units.length);
	const stages = await makeStages(engine, model, {...settings, ranges, cuts, stash});
	await compareInference(t, stages, subject, reference);
	const {loss, correct} = await learnBatch(stages, batch, sizes);
	t.true(
		Math.abs(loss - reference.result.loss) <= tolerance * Math.abs(reference.result.loss),
		`${what}: loss ${loss}`,
	);
	t.is(correct, reference.result.correct ?? 0, what);
	const {parameters, buffers} = reference.layouts;
	const sum = await gradientOf(stages, parameters);
	const mean = sum.map(value => value / itemsOf(batch));
	const error = distance(mean, reference.result.gradient, parameters);
	t.true(error <= tolerance, `${what}: gradients are off by ${error}`);
	const squares = await Promise.all(stages.map(stage => stage.squaredNorm()));
	const together = squares.reduce((total, square) => total + square, 0);
	t.true(Math.abs(Math.sqrt(together) - norm(sum)) <= tolerance * norm(sum), `${what}: norm`);
	if (sizes === undefined || sizes.length === 1) {
		const moved = distance(await buffersOf(stages, buffers), reference.buffers, buffers);
		t.true(moved <= tolerance, `${what}: running statistics are off by ${moved}`);
	}
	await closeAll(stages);
}

/** Every single cut where there are few, then cuts into three and four, with up to three values over each. */
function trialsOf({model, batch, large}: Subject, slow: boolean): readonly Trial[] {
	const random = seededRandom(11);
	const items = itemsOf(batch);
	const divided = model.buffers.length > 0 ? undefined : items >= 6 ? [3, 1, items - 4] : [1, items - 1];
	const micro = (index: number) => (divided !== undefined && index % 2 === 0 ? {sizes: divided} : {});
	const stash = (index: number) => (index % 4 < 2 ? 'keep' : 'recompute') as Trial['stash'];
	const count = unitsOf(model).units.length;
	const every = Array.from({length: count - 1}, (_, index) => index + 1);
	const most = large ? 1 : slow ? 3 : count > 13 ? 5 : 12;
	const singles = every.filter((_, index) => every.length <= most || index % Math.ceil(every.length / most) === 0);
	const trials: Trial[] = singles.map((start, index) => ({
		starts: [start],
		cuts: {},
		stash: stash(index),
		...micro(index),
	}));
	const kinds =
		slow || large
			? ([[3, 3]] as const)
			: ([
					[1, 3],
					[2, 3],
					[3, 4],
				] as const);
	for (const [maxCrossing, parts] of kinds) {
		const cuts = {maxCrossing};
		const units = unitsOf(model, cuts).units.length;
		const starts = new Set(Array.from({length: parts - 1}, () => 1 + random.integer(units - 1)));
		for (const way of slow || large ? (['recompute'] as const) : (['keep', 'recompute'] as const)) {
			trials.push({starts: [...starts].sort((a, b) => a - b), cuts, stash: way, ...micro(trials.length)});
		}
	}
	return trials;
}

const register =
	(subjects: () => readonly Subject[]) =>
	({check, slow}: StageSuite): void => {
		for (const subject of subjects()) {
			check(
				`${subject.name}, cut anywhere, has the gradients, statistics and outputs of the whole`,
				async (t, engine) => {
					const reference = await referenceOf(engine, subject);
					for (const trial of trialsOf(subject, slow)) {
						await compare(t, engine, subject, reference, trial);
					}
				},
			);
		}
	};

export const zooEquality = register(zooSubjects);
export const exportedEquality = register(exportedSubjects);
