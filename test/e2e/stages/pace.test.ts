/** Checkpoints of a run whose devices have slow links: the run is not held up by what only protects it. */
import test from 'ava';
import type {JobDocument} from '../../../core/plan/job.js';
import {shapeTransport} from '../../../core/wire/transports/shaped-transport.js';
import {on, play, stackedPlan} from '../../support/stages/a-scene.js';

const intervalMs = 50;
/** Bytes/s of the device with the larger stage, whose weights and momentum are about 330 kB. */
const up = 4e6;

test.serial('the longer a checkpoint takes, the longer the next one waits', async t => {
	const job: JobDocument = {
		version: 1,
		model: 'lenet5',
		data: {dataset: 'digits', limit: 1200, partition: {kind: 'iid'}},
		training: {optimizer: {kind: 'sgd', lr: 0.02, momentum: 0.9}, batch: 20, epochs: 1, seed: 3},
		devices: {wait: '30 s'},
		faults: {checkpointInterval: `${intervalMs} ms`},
	};
	const written: number[] = [];
	const {ledger} = await play(t, stackedPlan(on('cam-1'), on('fog-1')), {
		job,
		options: {
			wrap: (party, transport) =>
				party === 'fog-1'
					? shapeTransport(transport, {upBytesPerSecond: up, downBytesPerSecond: up, latencyMs: 0})
					: transport,
		},
		happens: update => {
			if (update.kind === 'checkpoint') {
				written.push(performance.now());
			}
		},
	});
	t.is(ledger.final.state, 'done', ledger.final.because);
	// The last one is that of the end, which waits for nothing.
	const apart = written.slice(1, -1).map((at, index) => at - written[index]!);
	const {bytesReceived} = ledger.devices.find(({device}) => device === 'coordinator')!;
	const leastMs = (1000 * bytesReceived) / written.length / up;
	t.log(`${written.length} checkpoints of ${leastMs.toFixed(0)} ms, ms apart: ${apart.map(Math.round).join(', ')}`);
	t.true(apart.length > 0);
	t.true(apart.every(gap => gap >= 10 * 0.8 * leastMs));
	t.true(leastMs > 2 * intervalMs);
});
