/**
 * The two engines against each other: one runs gradient graphs that we make of rules, the other lets tfjs differentiate.
 * They share nothing but the model, so what they agree on is right.
 */
import test from 'ava';
import type {Engine, Trainer} from '../../../models/engines/engine.js';
import {onnxruntimeEngine} from '../../../models/engines/onnxruntime/engine.js';
import {tfjsEngine} from '../../../models/engines/tfjs/engine.js';
import type {Model} from '../../../models/graph.js';
import {adam, batchFor, dropping, normalised, options, part, plain, sgd} from '../../contracts/engine/examples.js';
import {tolerance} from '../../contracts/engine/golden.js';
import {goldenCase, goldenNames, worstBetween} from '../../support/graphs/golden.js';

let engines: readonly [Engine, Engine];

test.before(async () => {
	engines = [await onnxruntimeEngine({threads: 1}), await tfjsEngine({threads: 1})];
});
test.after.always(() => Promise.all((engines ?? []).map(engine => engine.close())));

async function both(model: Model, trainerOptions: ReturnType<typeof options>): Promise<[Trainer, Trainer]> {
	const [one, two] = engines;
	return [await one.trainer(model, trainerOptions), await two.trainer(model, trainerOptions)];
}

const relative = (a: number, b: number) => Math.abs(a - b) / Math.abs(b);

for (const name of goldenNames) {
	test.serial(`the engines agree on ${name}: loss, hits, every gradient, running statistics`, async t => {
		const {model, batch} = goldenCase(name);
		const pair = await both(model, options(sgd(0.1)));
		const [a, b] = await Promise.all(pair.map(trainer => trainer.gradient(batch)));
		t.true(relative(a!.loss, b!.loss) <= tolerance, `${a!.loss} and ${b!.loss}`);
		t.is(a!.correct, b!.correct);
		const worst = worstBetween(a!.gradient, b!.gradient, pair[0].parameters);
		t.true(worst.error <= tolerance, `gradient of ${worst.name}: ${worst.error}`);
		const [x, y] = await Promise.all(pair.map(trainer => trainer.save(['buffers'])));
		const moved = worstBetween(x!.buffers, y!.buffers, pair[0].buffers);
		t.true(moved.error <= tolerance, `running statistic ${moved.name}: ${moved.error}`);
		await Promise.all(pair.map(trainer => trainer.close()));
	});
}

test.serial('the engines drop the same elements', async t => {
	const model = dropping();
	const batch = batchFor(model, 4);
	const pair = await both(model, options(sgd(0.1, 0.9)));
	for (let update = 0; update < 3; update++) {
		const [a, b] = await Promise.all(pair.map(trainer => trainer.gradient(batch)));
		t.true(worstBetween(a!.gradient, b!.gradient, pair[0].parameters).error <= tolerance);
		await Promise.all(pair.map(trainer => trainer.step(batch)));
	}
	await Promise.all(pair.map(trainer => trainer.close()));
});

test.serial('a state moves from one engine to the other and training goes on alike', async t => {
	for (const [model, optimizer] of [
		[normalised(), sgd(0.01, 0.9)],
		// Adam makes whole steps of gradients that are next to nothing, so its model must have none that are zero.
		[plain(), adam],
	] as const) {
		const batch = batchFor(model, 8);
		const [one, two] = await both(model, options(optimizer, {clipNorm: 1}));
		await one.step(batch);
		await one.step(part(batch, 0, 5), 0.5);
		await two.load(await one.save());
		const [a, b] = [await one.step(batch, 0.5), await two.step(batch, 0.5)];
		t.true(relative(a.loss, b.loss) <= tolerance);
		const [x, y] = [await one.save(), await two.save()];
		t.true(worstBetween(x.parameters, y.parameters, one.parameters).error <= tolerance);
		t.true(worstBetween(x.slots[0]!, y.slots[0]!, one.parameters).error <= tolerance);
		t.is(y.updates, 3);
		await Promise.all([one.close(), two.close()]);
	}
});
