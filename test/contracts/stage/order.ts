/** Calls out of turn and tensors that do not fit: a clear error, nothing changed, and the stage goes on. */
import type {ExecutionContext} from 'ava';
import {type ErrorCode, isFplError} from '../../../core/errors.js';
import {float32, int64, type Tensor, zeros} from '../../../core/tensor/tensor.js';
import type {Stage, StageSettings, Tensors} from '../../../models/engines/stage.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {batchFor, dropping, normalised, same, sgd} from '../engine/examples.js';
import type {StageSuite} from '../stage.js';
import {closeAll, makeStages, rangesAt} from './drive.js';

const settings: StageSettings = {
	loss: 'softmax-cross-entropy',
	optimizer: sgd(0.1, 0.9),
	seed: 7,
	stash: 'keep',
};
const where = {offset: 0, total: 4};

async function refused(t: ExecutionContext, code: ErrorCode, calls: Readonly<Record<string, () => Promise<unknown>>>) {
	for (const [what, call] of Object.entries(calls)) {
		const error = await t.throwsAsync(call(), undefined, what);
		t.true(isFplError(error, code), `${what}: ${error?.message}`);
	}
}

/** State and accumulated gradient, bit for bit. */
async function snapshot(stage: Stage): Promise<readonly Float32Array[]> {
	const {parameters, buffers, slots} = await stage.save();
	return [parameters, buffers, ...slots, (await stage.gradient()).gradient];
}

const equal = (a: readonly Float32Array[], b: readonly Float32Array[]) =>
	a.every((flat, index) => same(flat, b[index]!));

const reshaped = (t: Tensor, shape: readonly number[]): Tensor => ({...t, shape}) as Tensor;

export function order({check}: StageSuite): void {
	for (const stash of ['keep', 'recompute'] as const) {
		check(`boundary tensors that do not fit are refused and change nothing (${stash})`, async (t, engine) => {
			const model = normalised();
			const {inputs, targets} = batchFor(model, 4);
			const ranges = rangesAt([6], unitsOf(model).units.length);
			const [first, last] = (await makeStages(engine, model, {...settings, stash, ranges})) as [Stage, Stage];
			const {values} = await first.forward(0, inputs, where);
			const [[name, value]] = Object.entries(values) as [[string, Tensor]];
			const gradient = zeros('float32', value.shape);
			const before = [await snapshot(first), await snapshot(last)];
			const [input, image] = Object.entries(inputs)[0]!;
			const wrong = (good: Tensor): Readonly<Record<string, Tensors>> => ({
				nothing: {},
				'another name': {other: good},
				'one too many': {[name]: good, other: good},
				'fewer items': {
					[name]: float32([3, ...value.shape.slice(1)], good.data.slice((good.data.length / 4) | 0) as never),
				},
				'another shape': {[name]: reshaped(good, [...value.shape].reverse())},
				'another rank': {[name]: reshaped(good, [good.data.length])},
				'another type': {[name]: {...good, dtype: 'int32', data: new Int32Array(good.data.length)} as Tensor},
				'too few elements': {[name]: {...good, data: good.data.subarray(1)} as Tensor},
			});
			for (const [what, tensors] of Object.entries(wrong(gradient))) {
				await refused(t, 'DATA_SHAPE', {[`backward with ${what}`]: () => first.backward(0, tensors)});
			}
			for (const [what, tensors] of Object.entries(wrong(value))) {
				const calls: Record<string, () => Promise<unknown>> = {
					[`learn with ${what}`]: () => last.learn(0, tensors, targets, where),
					[`forward with ${what}`]: () => last.forward(0, tensors, {offset: 0, total: 2}),
					[`evaluate with ${what}`]: () => last.evaluate(tensors, targets),
				};
				if (what !== 'fewer items') {
					calls[`predict with ${what}`] = () => last.predict(tensors);
				}
				await refused(t, 'DATA_SHAPE', calls);
			}
			await refused(t, 'DATA_SHAPE', {
				'data of another shape': () => first.forward(1, {[input]: reshaped(image, [4, 16, 16, 3])}, where),
				'no items': () => first.forward(1, {[input]: float32([0, 3, 16, 16], [])}, where),
				'items outside of the batch': () => first.forward(1, inputs, {offset: 1, total: 4}),
				'a negative place': () => first.forward(1, inputs, {offset: -1, total: 4}),
				'a place that is no number': () => first.forward(1, inputs, {offset: Number.NaN, total: 4}),
				'classes that do not exist': () => last.learn(0, values, int64([4], [0, 1, 2, 99]), where),
				'too few targets': () => last.learn(0, values, int64([3], [0, 1, 2]), where),
			});
			t.true(equal(before[0]!, await snapshot(first)) && equal(before[1]!, await snapshot(last)));
			// The right ones still work.
			const {gradients} = await last.learn(0, values, targets, where);
			await first.backward(0, gradients);
			await Promise.all([first, last].map(stage => stage.apply({scale: 0.25, lrScale: 1})));
			await closeAll([first, last]);
		});
	}

	check('calls out of turn are refused and change nothing', async (t, engine) => {
		const model = dropping();
		const {inputs, targets} = batchFor(model, 4);
		const ranges = rangesAt([4], unitsOf(model).units.length);
		const [first, last] = (await makeStages(engine, model, {...settings, ranges})) as [Stage, Stage];
		t.deepEqual([first.last, last.last], [false, true]);
		await refused(t, 'ENGINE_CALL', {
			'backward without forward': () => first.backward(0, {}),
			'an update without a gradient': () => first.apply({scale: 1, lrScale: 1}),
			'learning in the middle': () => first.learn(0, inputs, targets, where),
			'evaluating in the middle': () => first.evaluate(inputs, targets),
			'a negative number': () => first.forward(-1, inputs, where),
			'a number that is none': () => first.forward(0.5, inputs, where),
		});
		const {values} = await first.forward(0, inputs, where);
		const before = await snapshot(first);
		await refused(t, 'ENGINE_CALL', {
			'forward twice': () => first.forward(0, inputs, where),
			'backward of another': () => first.backward(1, {}),
			'an update in between': () => first.apply({gradient: before[0]!, scale: 1, lrScale: 1}),
			'new weights in between': () => first.load({parameters: before[0]!}),
		});
		t.true(equal(before, await snapshot(first)));
		const {gradients} = await last.learn(0, values, targets, where);
		await first.backward(0, gradients);
		const accumulated = await snapshot(first);
		await refused(t, 'ENGINE_CALL', {
			'backward twice': () => first.backward(0, gradients),
			'forward of what is done': () => first.forward(0, inputs, where),
			'learning twice': () => last.learn(0, values, targets, where),
		});
		t.true(equal(accumulated, await snapshot(first)));
		await refused(t, 'MODEL_SHAPE', {
			'a short gradient': () => first.apply({gradient: new Float32Array(3), scale: 1, lrScale: 1}),
			'weights of another length': () => first.load({parameters: new Float32Array(3)}),
		});
		t.true(equal(accumulated, await snapshot(first)));
		await first.apply({scale: 0.25, lrScale: 1});
		await refused(t, 'ENGINE_CALL', {'a second update': () => first.apply({scale: 0.25, lrScale: 1})});
		t.is((await first.gradient()).squaredNorm, 0);
		t.is(await first.squaredNorm(), 0);
		// After an update the numbers are free.
		await first.forward(0, inputs, where);
		await closeAll([first, last]);
	});

	check('a step that is abandoned leaves no gradient, and can be repeated', async (t, engine) => {
		const model = dropping();
		const batch = batchFor(model, 4);
		const ranges = rangesAt([4], unitsOf(model).units.length);
		const [first, last] = (await makeStages(engine, model, {...settings, ranges})) as [Stage, Stage];
		const once = async () => {
			const {values} = await first.forward(0, batch.inputs, where);
			const {gradients} = await last.learn(0, values, batch.targets, where);
			await first.forward(1, batch.inputs, where);
			await first.backward(0, gradients);
			return await snapshot(first);
		};
		const expected = await once();
		await Promise.all([first.discard(), last.discard()]);
		t.is(await first.squaredNorm(), 0);
		t.true(equal(expected, await once()));
		await closeAll([first, last]);
	});

	check('what waits for backward is bounded', async (t, engine) => {
		const model = dropping();
		const {inputs} = batchFor(model, 4);
		const ranges = rangesAt([4], unitsOf(model).units.length);
		const [first] = await makeStages(engine, model, {...settings, ranges, stashBytes: 10_000});
		const waiting: number[] = [];
		for (let micro = 0; micro < 20; micro++) {
			try {
				await first!.forward(micro, inputs, where);
				waiting.push(micro);
			} catch (error) {
				t.true(isFplError(error, 'ENGINE_CALL'));
				t.regex(String(error), /at most 10000 bytes/u);
			}
		}
		t.true(waiting.length >= 1 && waiting.length < 20, `${waiting.length}`);
		await first!.discard();
		await first!.forward(0, inputs, where);
		await refused(t, 'CONFIG_VALUE', {
			'a limit of nothing': () => engine.stage(model, {...settings, ranges, index: 0, stashBytes: 0}),
		});
		await first!.close();
	});

	check('a stage that is no part of the model is refused', async (t, engine) => {
		const model = dropping();
		await refused(t, 'MODEL_CUT', {
			'units that are missing': () => engine.stage(model, {...settings, ranges: [[0, 1]], index: 0}),
			'an index that is none': () =>
				engine.stage(model, {...settings, ranges: rangesAt([2], unitsOf(model).units.length), index: 2}),
		});
	});

	check('after close every call on a stage rejects', async (t, engine) => {
		const model = dropping();
		const {inputs, targets} = batchFor(model, 4);
		const ranges = rangesAt([], unitsOf(model).units.length);
		const [stage] = (await makeStages(engine, model, {...settings, ranges})) as [Stage];
		const under = stage.forward(0, inputs, where);
		await stage.close();
		await under;
		await refused(t, 'WIRE_CLOSED', {
			forward: () => stage.forward(1, inputs, where),
			backward: () => stage.backward(0, {}),
			learn: () => stage.learn(1, inputs, targets, where),
			gradient: () => stage.gradient(),
			squaredNorm: () => stage.squaredNorm(),
			discard: () => stage.discard(),
			apply: () => stage.apply({scale: 1, lrScale: 1}),
			predict: () => stage.predict(inputs),
			evaluate: () => stage.evaluate(inputs, targets),
			save: () => stage.save(),
			load: () => stage.load({}),
		});
		await stage.close();
	});
}
