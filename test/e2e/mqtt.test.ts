/** What holds over the memory broker holds over real sockets. */
import {randomBytes} from 'node:crypto';
import test from 'ava';
import type {JobDocument} from '../../core/plan/job.js';
import {createTopics} from '../../core/wire/topics.js';
import {connectMqtt} from '../../core/wire/transports/mqtt-connect.js';
import {startBroker} from '../../fog-broker/broker.js';
import {fileCheckpoints} from '../../fog-broker/server/checkpoints.js';
import {aFleet} from '../support/a-fleet.js';
import {federatedAveraging, globalBatches, oneMachine, relativeError} from '../support/one-machine.js';

const devices = ['dev-1', 'dev-2', 'dev-3'];
const topics = createTopics('test');

const job: JobDocument = {
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit: 320},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 32, epochs: 2, seed: 3},
	devices: {only: devices, minimum: 3, wait: '30 s'},
};

for (const scheme of ['d-sgd', 'fedavg'] as const) {
	test.serial(`${scheme} through an MQTT broker on a socket computes what one machine would, to 1e-5`, async t => {
		const broker = await startBroker({listen: 'mqtt://127.0.0.1:0', topics});
		t.teardown(() => broker.close());
		const fleet = await aFleet(t, {
			attach: (party, will) =>
				connectMqtt({
					// The coordinator is in the broker's process, everybody else comes over the socket.
					broker: party === 'coordinator' ? broker.open : broker.url,
					clientId: topics.clientId(party, randomBytes(4).toString('hex')),
					...(will ? {will} : {}),
				}),
		});
		await fleet.coordinator();
		await Promise.all(devices.map(name => fleet.device(name)));
		const run = await fleet.submit({...job, scheme: {kind: scheme}});
		const ledger = await fleet.finish(run);
		t.is(ledger.final.state, 'done', ledger.final.because);
		const {checkpoint} = await fileCheckpoints(fleet.store.checkpoints(run)).latest();
		const machine = await oneMachine(fleet.engine, await fleet.store.file(run, 'model.onnx'), job, 3);
		const expected =
			scheme === 'd-sgd' ? await globalBatches(machine, [1, 1, 1]) : await federatedAveraging(machine, 2, 1);
		const error = relativeError(checkpoint!.state.parameters, expected.parameters);
		t.log(`${ledger.rounds.length} rounds, relative error ${error.toExponential(2)}`);
		t.true(error <= 1e-5, `${error}`);
		t.true(broker.stats().bytesIn > 1e6);
	});
}
