/** What comes late, twice, or from an earlier attempt changes nothing. */
import test from 'ava';
import type {JobDocument} from '../../core/plan/job.js';
import {seededRandom} from '../../core/random.js';
import {decode, encode} from '../../core/wire/message.js';
import type {Transport} from '../../core/wire/transport.js';
import {joined} from '../../core/wire/transports/common.js';
import {fileCheckpoints} from '../../fog-broker/server/checkpoints.js';
import {aFleet} from '../support/a-fleet.js';
import {delegate} from '../support/delegate.js';
import {globalBatches, oneMachine, relativeError} from '../support/one-machine.js';

const devices = ['dev-1', 'dev-2'];

const job: JobDocument = {
	version: 1,
	model: 'mlp',
	data: {dataset: 'digits', limit: 240},
	scheme: {kind: 'd-sgd'},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 24, epochs: 4, seed: 5},
	devices: {only: devices, minimum: 2, wait: '20 s'},
	faults: {checkpointInterval: '0 s'},
};

interface Sent {
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly qos: 0 | 1;
}

/**
 * Now and then a party sends something that it has sent before, as if it had been held up somewhere. What belongs to an earlier
 * attempt, and contributions, get new names, so that only what they say tells that they are stale.
 */
function echoing(transport: Transport, seed: number, share: number) {
	const random = seededRandom(seed);
	const sent: Sent[] = [];
	const counts = {echoes: 0, stale: 0};
	const again = ({topic, payload, qos}: Sent, newest: number) => {
		const {body, ...envelope} = decode(payload);
		const attempt = 'attempt' in body ? body.attempt : newest;
		counts.echoes += 1;
		const suffix = `.${counts.echoes}`;
		if (attempt < newest) {
			counts.stale += 1;
			transport.publish(topic, encode({...envelope, id: `echo.${seed}${suffix}`, body}), {qos}).catch(() => {});
		} else if (body.kind === 'begin' && body.purpose.kind === 'contribution') {
			const renamed = {...body, transfer: `${body.transfer}${suffix}`};
			transport.publish(topic, encode({...envelope, body: renamed}), {qos}).catch(() => {});
		} else {
			transport.publish(topic, payload, {qos}).catch(() => {});
		}
	};
	let newest = 0;
	const wrapped = delegate(transport, {
		publish(topic, payload, options) {
			if (/\/(control|tensor)\//u.test(topic) && !topic.endsWith('/client-1')) {
				const whole = joined(payload);
				const {body} = decode(whole);
				newest = Math.max(newest, 'attempt' in body ? body.attempt : 0);
				// Who was set free by a message of yesterday is a case of its own, below.
				if (body.kind !== 'release') {
					sent.push({topic, payload: whole, qos: options?.qos ?? 0});
				}
				if (random.next() < share) {
					again(sent[random.integer(sent.length)]!, newest);
				}
			}
			return transport.publish(topic, payload, options);
		},
	});
	return {wrapped, counts};
}

test.serial('messages and contributions of earlier rounds and attempts, sent again, change no weight', async t => {
	const echoes: Array<{echoes: number; stale: number}> = [];
	const fleet = await aFleet(t, {
		wrap(party, transport) {
			if (party === 'client-1') {
				return transport;
			}
			const {wrapped, counts} = echoing(transport, echoes.length + 1, 0.3);
			echoes.push(counts);
			return wrapped;
		},
	});
	const stop = await fleet.coordinator();
	await Promise.all(devices.map(name => fleet.device(name)));
	const run = await fleet.submit(job);
	let restarted: Promise<unknown> | undefined;
	for await (const update of (await fleet.client()).follow(run)) {
		if (update.kind === 'checkpoint' && update.round >= 12) {
			restarted ??= stop().then(() => fleet.coordinator());
		}
	}
	await restarted;
	const ledger = await fleet.store.ledger(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.is((await fleet.store.get(run)).attempt, 2);
	const total = echoes.reduce((sum, {echoes: count}) => sum + count, 0);
	const stale = echoes.reduce((sum, counts) => sum + counts.stale, 0);
	t.log(`${total} echoes, ${stale} of an earlier attempt`);
	t.true(total > 100 && stale > 0);
	t.deepEqual(
		ledger.rounds.map(({round}) => round),
		[...Array(40).keys()],
	);
	t.deepEqual(
		ledger.rounds.filter(round => round.devices.length < 2),
		[],
	);
	const {checkpoint} = await fileCheckpoints(fleet.store.checkpoints(run)).latest();
	const machine = await oneMachine(fleet.engine, await fleet.store.file(run, 'model.onnx'), job, 2);
	const expected = await globalBatches(machine, [1, 1]);
	const error = relativeError(checkpoint!.state.parameters, expected.parameters);
	t.true(error <= 1e-5, `${error}`);
});

test.serial('a device that was set free by a message held up from an earlier attempt is taken on again', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(devices.map(name => fleet.device(name)));
	const run = await fleet.submit(job);
	const stranger = fleet.broker.attach();
	t.teardown(() => stranger.close());
	let freed = false;
	let missed = false;
	for await (const update of (await fleet.client()).follow(run)) {
		if (update.kind === 'round') {
			missed ||= update.record.devices.length === 1;
			// The run lasts until it is asked again.
			fleet.brake.stepMs = freed && !(missed && update.record.devices.length === 2) ? 1000 : 0;
		}
		if (update.kind === 'round' && update.record.round > 10 && !freed) {
			freed = true;
			const body = {kind: 'release', run, because: 'held up'} as const;
			const message = {id: 'late.1', from: 'coordinator', to: 'dev-2', sentAtMs: 0, inReplyTo: '', body} as never;
			await stranger.publish('test/control/coordinator/dev-2', encode(message), {qos: 1});
		}
	}
	const ledger = await fleet.store.ledger(run);
	t.true(freed);
	t.is(ledger.final.state, 'done', ledger.final.because);
	const alone = ledger.rounds.filter(({devices: counted}) => counted.length === 1);
	t.true(alone.length > 0);
	t.log(`${alone.length} rounds without it`);
	t.true(alone.length < 15, 'it is asked again soon');
	t.deepEqual(ledger.rounds.at(-1)!.devices, devices);
});
