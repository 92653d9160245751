/** Bad models and bad input: a clear error, nothing changed, and the engine lives on. */
import {isFplError} from '../../../core/errors.js';
import {float32, int64, type Tensor} from '../../../core/tensor/tensor.js';
import type {Batch} from '../../../models/engines/engine.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import type {Suite} from '../engine.js';
import {batchFor, options, plain, sgd, tiny, twoByTwo, unchanged} from './examples.js';

export function faults({check}: Suite): void {
	check('an unknown operator is refused, naming it, its node and the model', async (t, engine) => {
		const node = {name: 'odd-one', op: 'Frobnicate', domain: '', inputs: ['y'], outputs: ['z'], attributes: {}};
		const model = tiny([node], 'z');
		for (const attempt of [
			() => engine.trainer(model, options(sgd(0.1), {loss: 'mse'})),
			() => engine.predictor(model),
		]) {
			const error = await t.throwsAsync(attempt());
			t.true(isFplError(error, 'MODEL_OP'), error?.message);
			for (const word of ['Frobnicate', 'odd-one', 'tiny']) {
				t.true(error?.message.includes(word), `${word} in «${error?.message}»`);
			}
		}
	});

	check('shapes that do not fit together are refused before training', async (t, engine) => {
		const node = {name: 'sum', op: 'Add', domain: '', inputs: ['y', 'spare'], outputs: ['z'], attributes: {}};
		const error = await t.throwsAsync(engine.trainer(tiny([node], 'z'), options(sgd(0.1), {loss: 'mse'})));
		t.true(isFplError(error, 'MODEL_SHAPE'), error?.message);
	});

	check('batches that do not fit the model are refused and change nothing', async (t, engine) => {
		const model = plain();
		const good = batchFor(model, 4);
		const input = good.inputs['input']!;
		const bad: Readonly<Record<string, Batch>> = {
			'no input': {...good, inputs: {}},
			'another shape': {...good, inputs: {input: float32([4, 1, 4, 16], new Float32Array(256))}},
			'another rank': {...good, inputs: {input: float32([4, 64], new Float32Array(256))}},
			'another type': {...good, inputs: {input: {...input, dtype: 'float64', data: new Float64Array(256)} as Tensor}},
			'no items': {inputs: {input: float32([0, 1, 8, 8], [])}, targets: int64([0], [])},
			'too few targets': {...good, targets: int64([3], [1, 2, 3])},
			'targets of another type': {...good, targets: float32([4], [1, 2, 3, 4])},
			'a class too high': {...good, targets: int64([4], [1, 2, 10, 3])},
			'a negative class': {...good, targets: int64([4], [1, 2, -1, 3])},
		};
		const trainer = await engine.trainer(model, options(sgd(0.1, 0.9)));
		const {loss} = await trainer.evaluate(good);
		for (const [what, batch] of Object.entries(bad)) {
			for (const call of ['step', 'gradient', 'evaluate'] as const) {
				const still = await unchanged(trainer, async () => {
					const error = await t.throwsAsync(trainer[call](batch), undefined, `${what}, ${call}`);
					t.true(isFplError(error, 'DATA_SHAPE'), `${what}, ${call}: ${error?.message}`);
				});
				t.true(still, what);
			}
		}
		t.is((await trainer.evaluate(good)).loss, loss);
		await trainer.close();
	});

	check('targets of mse must have the shape of the output', async (t, engine) => {
		const trainer = await engine.trainer(tiny(), options(sgd(0.1), {loss: 'mse'}));
		const inputs = {x: float32([1, 2], [1, 2])};
		for (const targets of [float32([2], [1, 2]), float32([2, 1], [1, 2]), int64([1, 2], [1, 2])]) {
			const error = await t.throwsAsync(trainer.gradient({inputs, targets}));
			t.true(isFplError(error, 'DATA_SHAPE'), error?.message);
		}
		await trainer.close();
	});

	check('vectors of another length are refused and change nothing', async (t, engine) => {
		const model = plain();
		const trainer = await engine.trainer(model, options(sgd(0.1, 0.9)));
		const right = new Float32Array(trainer.parameters.length);
		const wrong = new Float32Array(trainer.parameters.length + 1);
		const still = await unchanged(trainer, async () => {
			for (const attempt of [
				() => trainer.apply(wrong),
				() => trainer.load({parameters: wrong}),
				() => trainer.load({parameters: right, buffers: wrong}),
				() => trainer.load({parameters: right, slots: [wrong]}),
				() => trainer.load({parameters: right, slots: []}),
			]) {
				const error = await t.throwsAsync(attempt());
				t.true(isFplError(error, 'MODEL_SHAPE'), error?.message);
			}
		});
		t.true(still);
		await trainer.close();
	});

	check('token ids outside the vocabulary are refused', async (t, engine) => {
		const model = buildModel('tiny-transformer', {input: [4], vocabulary: 8, width: 0.25});
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		const batch = (ids: number[]): Batch => ({inputs: {tokens: int64([1, 4], ids)}, targets: int64([1], [0])});
		for (const ids of [
			[0, 1, 2, 8],
			[0, 1, 2, -9],
		]) {
			const error = await t.throwsAsync(trainer.gradient(batch(ids)));
			t.true(isFplError(error), error?.message);
		}
		t.true(Number.isFinite((await trainer.step(batch([0, 1, 2, 7]))).loss));
		await trainer.close();
	});

	check('a predictor refuses inputs that do not fit and goes on', async (t, engine) => {
		const predictor = await engine.predictor(twoByTwo());
		const a = float32([1, 2], [1, 2]);
		for (const inputs of [{a}, {a, b: float32([2, 2], [1, 2, 3, 4])}, {a, b: float32([1, 3], [1, 2, 3])}]) {
			const error = await t.throwsAsync(predictor.predict(inputs));
			t.true(isFplError(error, 'DATA_SHAPE'), error?.message);
		}
		t.deepEqual([...(await predictor.predict({a, b: a}))['sum']!.data], [2, 4]);
		await predictor.close();
	});

	check('a loss that is no number is an answer, not a hang', async (t, engine) => {
		const model = plain();
		const batch = batchFor(model, 4);
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		await trainer.load({parameters: new Float32Array(trainer.parameters.length).fill(Number.NaN)});
		t.true(Number.isNaN((await trainer.step(batch)).loss));
		await trainer.close();
	});
}
