/** The end: everything rejects, nothing hangs. */
import type {ExecutionContext} from 'ava';
import {systemClock, withDeadline} from '../../../core/clock.js';
import {isFplError} from '../../../core/errors.js';
import type {Suite} from '../engine.js';
import {batchFor, options, plain, sgd} from './examples.js';

const deadlineMs = 10_000;
const soon = <T>(promise: Promise<T>): Promise<T> => withDeadline(systemClock, deadlineMs, 'the engine', promise);

async function rejects(t: ExecutionContext, calls: ReadonlyArray<() => Promise<unknown>>): Promise<void> {
	for (const call of calls) {
		const error = await t.throwsAsync(soon(call()));
		t.true(isFplError(error, 'WIRE_CLOSED'), error?.message);
	}
}

export function closing({check, alone}: Suite): void {
	check('after close every call on a trainer rejects, and closing again does nothing', async (t, engine) => {
		const model = plain();
		const batch = batchFor(model, 4);
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		await trainer.close();
		await rejects(t, [
			() => trainer.step(batch),
			() => trainer.gradient(batch),
			() => trainer.evaluate(batch),
			() => trainer.apply(new Float32Array(trainer.parameters.length)),
			() => trainer.save(),
			() => trainer.load({updates: 1}),
		]);
		await soon(trainer.close());
		const predictor = await engine.predictor(model);
		await predictor.close();
		await rejects(t, [() => predictor.predict(batch.inputs)]);
		await soon(predictor.close());
	});

	check('calls under way when a trainer closes end or reject', async (t, engine) => {
		const model = plain();
		const batch = batchFor(model, 4);
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		const calls = Array.from({length: 5}, () => trainer.step(batch));
		const closed = trainer.close();
		const results = await soon(Promise.allSettled(calls));
		await soon(closed);
		for (const result of results) {
			t.true(result.status === 'fulfilled' || isFplError(result.reason, 'WIRE_CLOSED'));
		}
	});

	alone('closing an engine closes what it made; calls under way end or reject', async (t, start) => {
		const engine = await start();
		const model = plain();
		const batch = batchFor(model, 4);
		const trainer = await engine.trainer(model, options(sgd(0.1)));
		const predictor = await engine.predictor(model);
		const calls = [
			...Array.from({length: 20}, () => trainer.step(batch)),
			...Array.from({length: 5}, () => predictor.predict(batch.inputs)),
			engine.trainer(model, options(sgd(0.1))),
		];
		const closed = engine.close();
		const results = await soon(Promise.allSettled(calls));
		await soon(closed);
		for (const result of results) {
			t.true(result.status === 'fulfilled' || isFplError(result.reason, 'WIRE_CLOSED'));
		}
		await rejects(t, [
			() => trainer.step(batch),
			() => trainer.save(),
			() => predictor.predict(batch.inputs),
			() => engine.trainer(model, options(sgd(0.1))),
			() => engine.predictor(model),
		]);
		await soon(trainer.close());
		await soon(predictor.close());
		await soon(engine.close());
	});

	alone('engines live side by side', async (t, start) => {
		const [one, two] = [await start(), await start()];
		const model = plain();
		const batch = batchFor(model, 4);
		const first = await one.trainer(model, options(sgd(0.1)));
		const second = await two.trainer(model, options(sgd(0.1)));
		const expected = await first.step(batch);
		await one.close();
		t.is((await second.step(batch)).loss, expected.loss);
		await two.close();
	});
}
