import test from 'ava';
import {systemClock} from '../../../core/clock.js';
import {deviceId} from '../../../core/ids.js';
import {createTopics} from '../../../core/wire/topics.js';
import {MemoryBroker} from '../../../core/wire/transports/memory-broker.js';
import {measureLink} from '../../../edge-agent/probe/link.js';

test('a link that delays by 20 ms is measured so', async t => {
	const alive = setInterval(() => {}, 1000);
	t.teardown(() => clearInterval(alive));
	const broker = new MemoryBroker({faults: {delayMs: 20}});
	const link = await measureLink(broker.attach(), createTopics('test'), deviceId('dev'), systemClock);
	t.true(link.latencySeconds >= 0.01 && link.latencySeconds < 0.05, `${link.latencySeconds}`);
	t.true(link.upBytesPerSecond > 0 && Number.isFinite(link.upBytesPerSecond));
});

test('a link without an echo is not waited for', async t => {
	const broker = new MemoryBroker({faults: {loss: 1}});
	const alive = setInterval(() => {}, 1000);
	t.teardown(() => clearInterval(alive));
	const hasty = {...systemClock, after: (ms: number, callback: () => void) => systemClock.after(ms / 200, callback)};
	await t.throwsAsync(measureLink(broker.attach(), createTopics('test'), deviceId('dev'), hasty), {
		code: 'WIRE_TIMEOUT',
	});
});
