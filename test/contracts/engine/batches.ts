/** Batches of different sizes, order of calls, and the caller's event loop. */

import {float32, toNumbers} from '../../../core/tensor/tensor.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {worstBetween} from '../../support/graphs/golden.js';
import type {Suite} from '../engine.js';
import {batchFor, options, part, plain, same, sgd, twoByTwo} from './examples.js';

export function batches({check}: Suite): void {
	check('the gradient is that of the mean loss, for batches of any size', async (t, engine) => {
		const model = plain();
		const batch = batchFor(model, 5);
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		const whole = await trainer.gradient(batch);
		const first = await trainer.gradient(part(batch, 0, 3));
		const rest = await trainer.gradient(part(batch, 3, 5));
		const mean = (a: number, b: number) => (3 * a + 2 * b) / 5;
		t.true(Math.abs(whole.loss - mean(first.loss, rest.loss)) <= 1e-6 * whole.loss);
		t.is(whole.correct, first.correct! + rest.correct!);
		const merged = first.gradient.map((value, index) => mean(value, rest.gradient[index]!));
		t.true(worstBetween(merged, whole.gradient, trainer.parameters).error <= 1e-5);
		const single = await trainer.gradient(part(batch, 0, 1));
		t.true(Number.isFinite(single.loss));
		// The size met first works as before.
		t.true(same((await trainer.gradient(batch)).gradient, whole.gradient));
		await trainer.close();
	});

	check('calls on one trainer run in the order they were made', async (t, engine) => {
		const model = plain();
		const batch = batchFor(model, 4);
		const one = await engine.trainer(model, options(sgd(0.1, 0.9)));
		const [, middle, second, , reloaded] = await Promise.all([
			one.step(batch),
			one.save(),
			one.step(batch),
			one.load({parameters: new Float32Array(one.parameters.length)}),
			one.evaluate(batch),
		]);
		const two = await engine.trainer(model, options(sgd(0.1, 0.9)));
		await two.step(batch);
		t.true(same(middle.parameters, (await two.save()).parameters));
		t.is(middle.updates, 1);
		t.is(second.loss, (await two.step(batch)).loss);
		// With all weights zero every class is as likely.
		t.true(Math.abs(reloaded.loss - Math.log(10)) < 1e-5);
		await Promise.all([one.close(), two.close()]);
	});

	check('trainers of one engine do not disturb each other', async (t, engine) => {
		const model = plain();
		const batch = batchFor(model, 4);
		const alone = await engine.trainer(model, options(sgd(0.1, 0.9)));
		const expected = [await alone.step(batch), await alone.step(batch)].map(({loss}) => loss);
		const pair = await Promise.all([1, 2].map(() => engine.trainer(model, options(sgd(0.1, 0.9)))));
		const losses = await Promise.all(
			pair.map(async trainer => [await trainer.step(batch), await trainer.step(batch)].map(({loss}) => loss)),
		);
		t.deepEqual(losses, [expected, expected]);
		await Promise.all([alone, ...pair].map(trainer => trainer.close()));
	});

	check('the caller keeps its event loop while the engine computes', async (t, engine) => {
		const model = buildModel('resnet18', {input: [3, 32, 32], width: 0.5});
		const batch = batchFor(model, 8);
		const trainer = await engine.trainer(model, options(sgd(0.01)));
		await trainer.step(batch);
		let ticks = 0;
		const timer = setInterval(() => ticks++, 2);
		let computed = 0;
		let steps = 0;
		for (; computed < 200; steps++) {
			computed += (await trainer.step(batch)).computeMs;
		}
		clearInterval(timer);
		// An engine in this thread would leave a tick or two between two steps; a busy machine still has some more.
		t.true(ticks > 3 * steps + 3, `${ticks} ticks in ${steps} steps of ${Math.round(computed)} ms`);
		await trainer.close();
	});

	check('a predictor takes several inputs and gives all outputs, for any batch', async (t, engine) => {
		const predictor = await engine.predictor(twoByTwo());
		for (const items of [1, 3]) {
			const a = float32(
				[items, 2],
				Array.from({length: items * 2}, (_, index) => (index % 2 === 0 ? -index - 1 : index)),
			);
			const b = float32([items, 2], new Float32Array(items * 2).fill(1));
			const {sum, scaled, best} = await predictor.predict({a, b});
			t.deepEqual(
				toNumbers(sum!),
				toNumbers(a).map(value => value + 1),
			);
			t.deepEqual(
				toNumbers(scaled!),
				toNumbers(a).map(value => (value < 0 ? value / 2 : value)),
			);
			t.is(best!.dtype, 'int64');
			t.deepEqual(toNumbers(best!), new Array(items).fill(1));
		}
		await predictor.close();
	});

	check('results say how long the engine computed, and the engine says what it is', async (t, engine) => {
		const model = plain();
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		const {computeMs} = await trainer.step(batchFor(model, 4));
		t.true(computeMs > 0 && computeMs < 10_000);
		t.regex(engine.description, /\d+\.\d+\.\d+.*\d+ thread/);
		await trainer.close();
	});
}
