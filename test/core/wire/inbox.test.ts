import test from 'ava';
import {ManualClock} from '../../../core/clock.js';
import {deviceId, runId} from '../../../core/ids.js';
import {Inbox} from '../../../core/wire/inbox.js';
import type {ChunkSink, IncomingTransfer} from '../../../core/wire/tensor-link.js';

const aTransfer = (id: string, bytes = 4): IncomingTransfer => ({
	id,
	from: deviceId('coordinator'),
	purpose: {kind: 'weights', run: runId('r'), round: 0},
	bytes,
	chunkBytes: 4096,
	chunks: 1,
});

const deliver = (inbox: Inbox, id: string) => {
	const sink = inbox.accept(aTransfer(id)) as ChunkSink;
	sink.chunk(0, 0, Uint8Array.from([1, 2, 3, 4]));
	sink.done();
};

test('a payload is handed out once, whether it came before or after it was asked for', async t => {
	const inbox = new Inbox({clock: new ManualClock(), maxBytes: 100, maxKept: 2});
	deliver(inbox, 'early');
	t.deepEqual([...(await inbox.take('early', 10)).data], [1, 2, 3, 4]);
	const waiting = inbox.take('late', 10);
	deliver(inbox, 'late');
	t.deepEqual([...(await waiting).data], [1, 2, 3, 4]);
});

test('waiting ends at the deadline or when it is called off', async t => {
	const clock = new ManualClock();
	const inbox = new Inbox({clock, maxBytes: 100, maxKept: 2});
	const late = t.throwsAsync(inbox.take('never', 10), {code: 'WIRE_TIMEOUT'});
	await clock.advance(11);
	await late;
	const abort = new AbortController();
	const off = t.throwsAsync(inbox.take('never', 10, abort.signal), {code: 'INTERRUPTED'});
	abort.abort();
	await off;
});

test('too large a payload is refused before memory is taken, and forgotten ones do not pile up', async t => {
	const clock = new ManualClock();
	const inbox = new Inbox({clock, maxBytes: 100, maxKept: 2});
	t.deepEqual(Object.keys(inbox.accept(aTransfer('huge', 1e12))), ['refuse']);
	for (const id of ['a', 'b', 'c']) {
		deliver(inbox, id);
	}
	const forgotten = t.throwsAsync(inbox.take('a', 5), {code: 'WIRE_TIMEOUT'});
	await clock.advance(6);
	await forgotten;
	t.is(inbox.accept(aTransfer('c')), 'already');
});
