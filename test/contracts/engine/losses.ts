/** Losses on numbers that can be worked out by hand: y = x · w with w = 1. */
import {isFplError} from '../../../core/errors.js';
import {float32, int64, type Shape, sizeOf} from '../../../core/tensor/tensor.js';
import type {Loss, Model} from '../../../models/graph.js';
import type {Suite} from '../engine.js';
import {options, sgd} from './examples.js';

/** @param item shape of one item, of the input and of the output. */
const scaled = (item: Shape, loss: Loss): Model => ({
	name: 'scaled',
	graph: {
		name: 'scaled',
		nodes: [{name: 'scale', op: 'Mul', domain: '', inputs: ['x', 'w'], outputs: ['y'], attributes: {}}],
		inputs: [{name: 'x', dtype: 'float32', shape: ['N', ...item]}],
		outputs: [{name: 'y', dtype: 'float32', shape: ['N', ...item]}],
		initializers: new Map([['w', float32([1, ...item], new Float32Array(sizeOf(item)).fill(1))]]),
		values: new Map(),
		opsets: {'': 17},
	},
	parameters: ['w'],
	buffers: [],
	loss,
});

const close = (a: number, b: number) => Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b));

export function losses({check}: Suite): void {
	check(
		'softmax cross-entropy of dense predictions is the mean over all places, hits are counted by place',
		async (t, engine) => {
			// Classes second: two items of three classes at two places.
			const x = [1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 3, 1];
			const trainer = await engine.trainer(scaled([3, 2], 'softmax-cross-entropy'), options(sgd(0.1)));
			const {loss, correct} = await trainer.gradient({
				inputs: {x: float32([2, 3, 2], x)},
				targets: int64([2, 2], [0, 1, 2, 0]),
			});
			const place = (logits: number[], target: number) =>
				Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0)) - logits[target]!;
			const expected = (place([1, 0, 0], 0) + place([0, 2, 0], 1) + place([0, 0, 3], 2) + place([0, 0, 1], 0)) / 4;
			t.true(close(loss, expected), `${loss}, expected ${expected}`);
			t.is(correct, 3);
			await trainer.close();
		},
	);

	check('bce with one logit per item counts hits, with several it does not', async (t, engine) => {
		const one = await engine.trainer(scaled([1], 'bce'), options(sgd(0.1), {loss: 'bce'}));
		const x = float32([4, 1], [2, -1, 0.5, -3]);
		const result = await one.evaluate({inputs: {x}, targets: float32([4, 1], [1, 1, 0, 0])});
		const each = (logit: number, target: number) => Math.log1p(Math.exp(logit)) - target * logit;
		t.true(close(result.loss, (each(2, 1) + each(-1, 1) + each(0.5, 0) + each(-3, 0)) / 4));
		t.is(result.correct, 2);
		const two = await engine.trainer(scaled([2], 'bce'), options(sgd(0.1), {loss: 'bce'}));
		t.is(
			(await two.evaluate({inputs: {x: float32([1, 2], [1, 2])}, targets: float32([1, 2], [0, 1])})).correct,
			undefined,
		);
		await Promise.all([one.close(), two.close()]);
	});

	check('losses of extreme logits neither overflow nor vanish', async (t, engine) => {
		const binary = await engine.trainer(scaled([1], 'bce'), options(sgd(0.1), {loss: 'bce'}));
		const sure = await binary.gradient({inputs: {x: float32([2, 1], [500, -500])}, targets: float32([2, 1], [0, 1])});
		t.true(close(sure.loss, 500));
		t.true(close(sure.gradient[0]!, 500));
		const softmax = await engine.trainer(scaled([2], 'softmax-cross-entropy'), options(sgd(0.1)));
		const wrong = await softmax.gradient({inputs: {x: float32([1, 2], [500, -500])}, targets: int64([1], [1])});
		t.true(close(wrong.loss, 1000));
		t.deepEqual([...wrong.gradient].map(Math.round), [500, 500]);
		await Promise.all([binary.close(), softmax.close()]);
	});

	check('softmax cross-entropy of a single logit is refused', async (t, engine) => {
		const error = await t.throwsAsync(engine.trainer(scaled([1], 'softmax-cross-entropy'), options(sgd(0.1))));
		t.true(isFplError(error, 'MODEL_SHAPE'), error?.message);
	});
}
