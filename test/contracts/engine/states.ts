/** What training changes, and what it leaves. */
import {float32} from '../../../core/tensor/tensor.js';
import {worstBetween} from '../../support/graphs/golden.js';
import type {Suite} from '../engine.js';
import {adam, batchFor, normalised, options, plain, same, sgd, tiny, unchanged} from './examples.js';

/** A fused step and its two halves may round differently; one update later that is still next to nothing. */
const stepTolerance = 1e-5;

export function states({check}: Suite): void {
	for (const [kind, optimizer] of [
		['sgd with momentum', sgd(0.1, 0.9)],
		['adam', adam],
	] as const) {
		check(`a step by ${kind} is a gradient and its application`, async (t, engine) => {
			const model = normalised();
			const batch = batchFor(model, 4);
			const one = await engine.trainer(model, options(optimizer));
			const two = await engine.trainer(model, options(optimizer));
			for (const lrScale of [1, 0.5]) {
				const stepped = await one.step(batch, lrScale);
				const {gradient, loss, correct} = await two.gradient(batch);
				await two.apply(gradient, lrScale);
				t.true(Math.abs(stepped.loss - loss) <= stepTolerance * loss);
				t.is(stepped.correct, correct);
			}
			const [a, b] = [await one.save(), await two.save()];
			t.is(a.updates, 2);
			t.is(b.updates, 2);
			t.true(worstBetween(a.parameters, b.parameters, one.parameters).error <= stepTolerance);
			t.true(worstBetween(a.buffers, b.buffers, one.buffers).error <= stepTolerance);
			t.is(a.slots.length, optimizer.kind === 'sgd' ? 1 : 2);
			await Promise.all([one.close(), two.close()]);
		});
	}

	check('lrScale multiplies the learning rate of one update', async (t, engine) => {
		const model = plain();
		const batch = batchFor(model, 4);
		const [half, whole] = [
			await engine.trainer(model, options(sgd(0.1))),
			await engine.trainer(model, options(sgd(0.05))),
		];
		await half.step(batch, 0.5);
		await whole.step(batch);
		const [a, b] = [await half.save(), await whole.save()];
		t.true(worstBetween(a.parameters, b.parameters, half.parameters).error <= 1e-6);
		await Promise.all([half.close(), whole.close()]);
	});

	check('parameters and buffers lie in the order of the model, at first with its values', async (t, engine) => {
		const model = normalised();
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		t.deepEqual(
			trainer.parameters.entries.map(({name}) => name),
			[...model.parameters],
		);
		t.deepEqual(
			trainer.buffers.entries.map(({name}) => name),
			[...model.buffers],
		);
		const {parameters, buffers, updates} = await trainer.save();
		t.is(updates, 0);
		for (const [layout, flat] of [
			[trainer.parameters, parameters],
			[trainer.buffers, buffers],
		] as const) {
			t.is(flat.length, layout.length);
			for (const {name, offset, length} of layout.entries) {
				const own = model.graph.initializers.get(name)!.data as Float32Array;
				t.true(same(flat.slice(offset, offset + length), own), name);
			}
		}
		await trainer.close();
	});

	check(
		'the gradient leaves the weights, the slots and the count, and moves the running statistics',
		async (t, engine) => {
			const model = normalised();
			const trainer = await engine.trainer(model, options(sgd(0.1, 0.9)));
			const before = await trainer.save();
			await trainer.gradient(batchFor(model, 4));
			const after = await trainer.save();
			t.true(same(before.parameters, after.parameters));
			t.true(same(before.slots[0]!, after.slots[0]!));
			t.is(after.updates, 0);
			t.false(same(before.buffers, after.buffers));
			await trainer.close();
		},
	);

	check('evaluating changes nothing, not even what comes later', async (t, engine) => {
		const model = normalised();
		const [one, two] = [
			await engine.trainer(model, options(sgd(0.1, 0.9))),
			await engine.trainer(model, options(sgd(0.1, 0.9))),
		];
		const batch = batchFor(model, 4);
		t.true(await unchanged(one, () => one.evaluate(batch)));
		for (const trainer of [one, two]) {
			await trainer.step(batch);
		}
		await one.evaluate(batchFor(model, 2));
		t.is((await one.step(batch)).loss, (await two.step(batch)).loss);
		await Promise.all([one.close(), two.close()]);
	});

	check('a saved state, loaded elsewhere, goes on in the same way', async (t, engine) => {
		const model = normalised();
		const [one, two] = [await engine.trainer(model, options(adam)), await engine.trainer(model, options(adam))];
		const batch = batchFor(model, 4);
		await one.step(batch);
		await one.step(batch);
		const state = await one.save();
		await two.load(state);
		t.true(same(state.parameters, (await two.save()).parameters));
		const [a, b] = [await one.step(batch), await two.step(batch)];
		t.is(a.loss, b.loss);
		const [x, y] = [await one.save(), await two.save()];
		t.true(same(x.parameters, y.parameters));
		t.true(same(x.buffers, y.buffers));
		t.true(x.slots.every((slot, index) => same(slot, y.slots[index]!)));
		t.is(y.updates, 3);
		await Promise.all([one.close(), two.close()]);
	});

	check('only the parts asked for are saved, and only the parts given are loaded', async (t, engine) => {
		const model = normalised();
		const trainer = await engine.trainer(model, options(sgd(0.1, 0.9)));
		await trainer.step(batchFor(model, 4));
		const all = await trainer.save();
		const weights = await trainer.save(['parameters']);
		t.true(same(weights.parameters, all.parameters));
		t.is(weights.buffers.length, 0);
		t.true(weights.slots.every(slot => slot.length === 0));
		t.is(weights.updates, 1);
		const zeros = new Float32Array(trainer.parameters.length);
		await trainer.load({parameters: zeros});
		const after = await trainer.save();
		t.true(same(after.parameters, zeros));
		t.true(same(after.buffers, all.buffers));
		t.true(same(after.slots[0]!, all.slots[0]!));
		t.is(after.updates, 1);
		await trainer.load({updates: 12});
		t.is((await trainer.save([])).updates, 12);
		await trainer.close();
	});

	check('what is handed over is copied both ways', async (t, engine) => {
		const model = plain();
		const batch = batchFor(model, 4);
		const trainer = await engine.trainer(model, options(sgd(0.1, 0.9)));
		const {gradient} = await trainer.gradient(batch);
		const kept = gradient.slice();
		const applying = trainer.apply(gradient);
		gradient.fill(Number.NaN);
		await applying;
		const state = await trainer.save();
		t.true(state.parameters.every(Number.isFinite));
		const parameters = state.parameters.slice();
		state.parameters.fill(Number.NaN);
		const {loss} = await trainer.evaluate(batch);
		t.true(Number.isFinite(loss));
		const loading = trainer.load({parameters});
		parameters.fill(Number.NaN);
		await loading;
		t.is((await trainer.evaluate(batch)).loss, loss);
		await trainer.gradient(batch);
		t.true(kept.every(Number.isFinite));
		await trainer.close();
	});

	check(
		'weights that are no parameters stay, and parameters that reach nothing have gradient zero',
		async (t, engine) => {
			const model = tiny();
			const batch = {inputs: {x: float32([1, 2], [1, 2])}, targets: float32([1, 2], [7, 8])};
			const trainer = await engine.trainer(model, options(sgd(0.1), {loss: 'mse'}));
			// y = [7, 10]; d mean((y − t)²) / dy = y − t = [0, 2].
			const {loss, gradient} = await trainer.gradient(batch);
			t.is(loss, 2);
			t.deepEqual([...gradient], [0, 2, 0, 4, 0, 0, 0]);
			const frozen = await engine.trainer({...model, parameters: ['spare']}, options(sgd(0.1), {loss: 'mse'}));
			t.is(frozen.parameters.length, 3);
			t.is((await frozen.step(batch)).loss, 2);
			t.is((await frozen.step(batch)).loss, 2);
			await Promise.all([trainer.close(), frozen.close()]);
		},
	);

	check('batch norms whose statistics are no buffers are frozen', async (t, engine) => {
		const model = {...normalised(), buffers: []};
		const batch = batchFor(model, 4);
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		t.is(trainer.buffers.length, 0);
		t.is((await trainer.gradient(batch)).loss, (await trainer.evaluate(batch)).loss);
		await trainer.close();
	});
}
