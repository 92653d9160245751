/** Data that lie on the devices already: each has its own, and all of it counts. */
import test from 'ava';
import {aFleet} from '../../support/a-fleet.js';

for (const scheme of ['auto', 'd-sgd'] as const) {
	test.serial(`with data on every device as many steps are predicted as are made (${scheme})`, async t => {
		const fleet = await aFleet(t);
		await fleet.coordinator();
		await fleet.device('cam-1');
		await fleet.device('cam-2');
		const run = await fleet.submit({
			version: 1,
			model: 'lenet5',
			data: {dataset: 'digits', limit: 120, partition: {kind: 'local'}},
			training: {batch: 24, epochs: 2},
			scheme: {kind: scheme},
			// How fast a busy machine is, and what of it a plan takes for granted, is not the question.
			planning: {replanFactor: 100},
			devices: {only: ['cam-1', 'cam-2'], wait: '20 s'},
		});
		const ledger = await fleet.finish(run);
		t.is(ledger.final.state, 'done', ledger.final.because);
		// Two devices with 120 items each.
		t.is(ledger.rounds.length, 20);
		const prediction = await fleet.store.prediction(run);
		t.is(prediction?.steps, 20);
		t.is(
			prediction?.ledger.devices.reduce((sum, {items}) => sum + items, 0),
			ledger.devices.reduce((sum, {items}) => sum + items, 0),
		);
	});
}
