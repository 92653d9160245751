import {monitorEventLoopDelay} from 'node:perf_hooks';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {openDataset} from '../../../models/datasets/open.js';

const places = {environment: {}};

test.serial('drawing thousands of items leaves the event loop free', async t => {
	const delay = monitorEventLoopDelay({resolution: 5});
	for (const kind of ['digits', 'vibration', 'tokens'] as const) {
		delay.enable();
		const {train} = await openDataset({kind, seed: 77, train: 6000, test: 1000}, places);
		delay.disable();
		t.is(train.items, 6000);
		t.log(`${kind}: longest ${(delay.max / 1e6).toFixed(1)} ms`);
		// Drawn in this thread it would be a second; on a busy machine the loop waits for its turn.
		t.true(delay.max / 1e6 < 250, `${kind}: ${delay.max / 1e6} ms`);
		delay.reset();
		await sleep(10);
	}
});

test.serial('who asks at the same time, or while the data are held, gets the same data', async t => {
	const spec = {kind: 'digits', seed: 5, train: 40, test: 10} as const;
	const [a, b] = await Promise.all([openDataset(spec, places), openDataset(spec, places)]);
	t.is(a.train, b.train);
	t.is((await openDataset(spec, places)).test, a.test);
	const other = await openDataset({...spec, seed: 6}, places);
	t.not(other.train, a.train);
	t.notDeepEqual(other.train.batch([0, 1]).inputs, a.train.batch([0, 1]).inputs);
});
