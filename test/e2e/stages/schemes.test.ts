/** Every scheme that a job can name, from the job to the trained model, without a plan by hand. */
import test from 'ava';
import type {JobDocument} from '../../../core/plan/job.js';
import {schemeKinds} from '../../../core/plan/scheme-options.js';
import {aFleet} from '../../support/a-fleet.js';

test('a job that names a scheme trains by it, whichever it is', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const names = ['cam-1', 'cam-2', 'cam-3'];
	await Promise.all(names.map(name => fleet.device(name)));
	const losses = new Map<string, number>();
	for (const kind of schemeKinds) {
		const job: JobDocument = {
			version: 1,
			model: 'lenet5',
			data: {dataset: 'digits', limit: 96, partition: {kind: 'iid'}},
			training: {optimizer: {kind: 'sgd', lr: 0.02, momentum: 0.9}, batch: 32, epochs: 4, seed: 3},
			scheme: {kind},
			devices: {only: names, wait: '20 s'},
		};
		const {final, rounds, scheme, seconds} = await fleet.finish(await fleet.submit(job));
		t.is(final.state, 'done', `${kind}: ${final.because}`);
		const [first, last] = [rounds[0]!.loss, rounds.at(-1)!.loss];
		t.log(`${scheme}: loss ${first.toFixed(3)} → ${last.toFixed(3)} in ${seconds.toFixed(1)} s`);
		t.true(last < first, kind);
		losses.set(kind, last);
	}
	// One computation, cut in different ways over the same devices.
	for (const [one, other] of [
		['model-split', 'centralised'],
		['pipeline', 'model-split'],
		['fpl-stacked', 'parallel-split'],
		['u-shaped', 'parallel-split'],
	] as const) {
		t.true(Math.abs(losses.get(one)! - losses.get(other)!) < 1e-4, `${one} and ${other}`);
	}
});
