import test from 'ava';
import {systemClock} from '../../../core/clock.js';
import {deviceId} from '../../../core/ids.js';
import {createTensorLink} from '../../../core/wire/link/tensor-link.js';
import {createMessenger} from '../../../core/wire/messenger.js';
import type {IncomingTransfer} from '../../../core/wire/tensor-link.js';
import {createTopics} from '../../../core/wire/topics.js';
import {MemoryBroker} from '../../../core/wire/transports/memory-broker.js';
import {acceptProbe, isProbe, measurePeer} from '../../../edge-agent/probe/peer.js';

async function party(t: import('ava').ExecutionContext, broker: MemoryBroker, name: string) {
	const [self, topics] = [deviceId(name), createTopics('test')];
	const transport = broker.attach();
	const messenger = await createMessenger({transport, self, topics});
	const link = await createTensorLink(transport, self, {topics, clock: systemClock});
	t.teardown(async () => {
		await link.close();
		await messenger.close();
	});
	return {self, messenger, link, clock: systemClock};
}

/** As an agent answers. */
async function peer(t: import('ava').ExecutionContext, broker: MemoryBroker, busy?: string) {
	const other = await party(t, broker, 'fog-1');
	other.messenger.serve(({body}) => (body.kind === 'ping' ? {kind: 'ack'} : undefined));
	const seen: IncomingTransfer[] = [];
	other.link.onTransfer(transfer => {
		seen.push(transfer);
		return isProbe(transfer) ? acceptProbe(transfer, busy) : {refuse: 'not expected'};
	});
	return seen;
}

const alive = (t: import('ava').ExecutionContext) => {
	const timer = setInterval(() => {}, 1000);
	t.teardown(() => clearInterval(timer));
};

test('the way to another agent is timed by questions and a payload', async t => {
	alive(t);
	const broker = new MemoryBroker({faults: {delayMs: 10}});
	const seen = await peer(t, broker);
	const measured = await measurePeer(await party(t, broker, 'cam-1'), deviceId('fog-1'));
	t.is(measured.peer, 'fog-1');
	t.true(measured.latencySeconds >= 0.009 && measured.latencySeconds < 0.1, `${measured.latencySeconds}`);
	t.true(measured.bytesPerSecond > 1e5 && Number.isFinite(measured.bytesPerSecond), `${measured.bytesPerSecond}`);
	t.is(seen.length, 1);
});

test('an agent with work refuses to be measured, and says for whom it works', async t => {
	alive(t);
	const broker = new MemoryBroker();
	await peer(t, broker, 'lenet5-1');
	await t.throwsAsync(measurePeer(await party(t, broker, 'cam-1'), deviceId('fog-1')), {
		code: 'AGENT_FAILED',
		message: /works for lenet5-1/u,
	});
});

test('an agent that is not there is not waited for', async t => {
	alive(t);
	const hasty = {...systemClock, after: (ms: number, callback: () => void) => systemClock.after(ms / 100, callback)};
	const broker = new MemoryBroker();
	const [self, topics] = [deviceId('cam-1'), createTopics('test')];
	const transport = broker.attach();
	const messenger = await createMessenger({transport, self, topics, clock: hasty});
	const link = await createTensorLink(transport, self, {topics, clock: hasty});
	await t.throwsAsync(measurePeer({messenger, link, clock: hasty}, deviceId('fog-9')), {
		code: 'WIRE_TIMEOUT',
		message: /ping to fog-9/u,
	});
});

test('an agent takes no more than it must for a measurement', t => {
	const transfer = {purpose: {kind: 'file', run: '', name: 'link-probe', digest: ''}, bytes: 1e9} as never;
	t.true(isProbe(transfer));
	t.like(acceptProbe(transfer, undefined), {refuse: 'expected at most 4194304 bytes, got 1000000000'});
	t.false(isProbe({purpose: {kind: 'file', run: '', name: 'model.onnx', digest: ''}, bytes: 1} as never));
});
