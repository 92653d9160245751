/** Dropout: masks from seed, update and node, the same on every engine. */
import type {Suite} from '../engine.js';
import {batchFor, dropping, options, same, sgd} from './examples.js';

export function dropout({check}: Suite): void {
	check('dropout depends on the seed and the update, and on nothing else', async (t, engine) => {
		const model = dropping();
		const batch = batchFor(model, 4);
		const [one, again, other] = [
			await engine.trainer(model, options(sgd(0.1), {seed: 1})),
			await engine.trainer(model, options(sgd(0.1), {seed: 1})),
			await engine.trainer(model, options(sgd(0.1), {seed: 2})),
		];
		const first = await one.gradient(batch);
		t.true(same(first.gradient, (await one.gradient(batch)).gradient), 'the same update has the same masks');
		t.true(same(first.gradient, (await again.gradient(batch)).gradient), 'the same seed has the same masks');
		t.false(same(first.gradient, (await other.gradient(batch)).gradient), 'another seed has others');
		await again.load({updates: 1});
		t.false(same(first.gradient, (await again.gradient(batch)).gradient), 'another update has others');
		await one.load({updates: 1});
		t.true(same((await one.gradient(batch)).gradient, (await again.gradient(batch)).gradient));
		await Promise.all([one, again, other].map(trainer => trainer.close()));
	});

	check('a step uses the masks of its update', async (t, engine) => {
		const model = dropping();
		const batch = batchFor(model, 4);
		const [one, two] = [await engine.trainer(model, options(sgd(0))), await engine.trainer(model, options(sgd(0)))];
		const losses: number[] = [];
		for (let update = 0; update < 3; update++) {
			await two.load({updates: update});
			const {loss} = await one.step(batch);
			losses.push(loss);
			t.true(Math.abs(loss - (await two.gradient(batch)).loss) <= 1e-5 * loss);
		}
		t.is(new Set(losses).size, 3);
		await Promise.all([one.close(), two.close()]);
	});

	check('inference drops nothing', async (t, engine) => {
		const model = dropping();
		const batch = batchFor(model, 4);
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		const {loss} = await trainer.evaluate(batch);
		await trainer.load({updates: 5});
		t.is((await trainer.evaluate(batch)).loss, loss);
		t.not((await trainer.gradient(batch)).loss, loss);
		const predictor = await engine.predictor(model);
		const [a, b] = [await predictor.predict(batch.inputs), await predictor.predict(batch.inputs)];
		t.deepEqual(a, b);
		await Promise.all([trainer.close(), predictor.close()]);
	});
}
