/** Boundary tensors that come early, late, twice, damaged, or not at all. */
import test from 'ava';
import {ManualClock} from '../../../core/clock.js';
import {FplError} from '../../../core/errors.js';
import {deviceId} from '../../../core/ids.js';
import type {Acceptance, ChunkSink, IncomingTransfer} from '../../../core/wire/tensor-link.js';
import {Mailbox} from '../../../edge-agent/stages/mailbox.js';

function aMailbox(maxBytes = 100) {
	const clock = new ManualClock();
	const mailbox = new Mailbox<string>({
		clock,
		maxBytes,
		open: bytes => {
			const text = Buffer.from(bytes).toString();
			if (text.startsWith('?')) {
				throw new FplError('WIRE_INVALID', {where: text});
			}
			return text;
		},
	});
	return {clock, mailbox, never: new AbortController().signal};
}

const transferOf = (bytes: number): IncomingTransfer => ({
	id: 'some/transfer',
	from: deviceId('cam-1'),
	purpose: {kind: 'boundary', run: 'r', attempt: 1, step: 0, key: 'k', digest: 'd'},
	bytes,
	chunkBytes: 64,
	chunks: 1,
});

const isSink = (acceptance: Acceptance): acceptance is ChunkSink => acceptance !== 'already' && 'chunk' in acceptance;

/** A letter comes, unless it is refused; answers what it was told. */
function deliver(mailbox: Mailbox<string>, step: number, key: string, text: string): Acceptance {
	const acceptance = mailbox.accept(transferOf(text.length), step, key);
	if (isSink(acceptance)) {
		acceptance.chunk(0, 0, Buffer.from(text));
		acceptance.done();
	}
	return acceptance;
}

const refusal = (acceptance: Acceptance): string =>
	acceptance !== 'already' && 'refuse' in acceptance ? acceptance.refuse : 'taken';

test('a letter waits for the pass that takes it, and a pass for its letter', async t => {
	const {mailbox, never} = aMailbox();
	deliver(mailbox, 0, 'early', 'first');
	t.is((await mailbox.take(0, 'early', 1000, never)).content, 'first');
	const waiting = mailbox.take(0, 'late', 1000, never);
	deliver(mailbox, 0, 'late', 'second');
	t.is((await waiting).content, 'second');
	t.is(mailbox.bytes, 0);
});

test('a letter that comes twice while it waits is kept once', t => {
	const {mailbox} = aMailbox();
	deliver(mailbox, 0, 'k', 'text');
	t.is(deliver(mailbox, 0, 'k', 'text'), 'already');
	t.is(mailbox.bytes, 4);
});

test('letters of steps that are over or far ahead are refused, and those of the next step are kept', async t => {
	const {mailbox, never} = aMailbox();
	mailbox.begin(5);
	t.regex(refusal(deliver(mailbox, 4, 'k', 'old')), /step 4 is over/u);
	t.regex(refusal(deliver(mailbox, 7, 'k', 'new')), /step 7 is too early/u);
	t.is(refusal(deliver(mailbox, 6, 'k', 'next')), 'taken');
	mailbox.begin(6);
	t.is((await mailbox.take(6, 'k', 1000, never)).content, 'next');
});

test('no more bytes wait than allowed, those that are arriving included', t => {
	const {mailbox} = aMailbox(10);
	const first = mailbox.accept(transferOf(6), 0, 'a');
	t.true(isSink(first));
	t.regex(refusal(mailbox.accept(transferOf(6), 0, 'b')), /expected at most 10 B waiting, got 12 B/u);
	if (isSink(first)) {
		first.abort('the sender gave up');
	}
	t.is(mailbox.bytes, 0);
	t.true(isSink(mailbox.accept(transferOf(6), 0, 'b')));
});

test('a letter that cannot be read fails the pass that wants it, whether it comes before or after', async t => {
	const {mailbox, never} = aMailbox();
	deliver(mailbox, 0, 'early', '?1');
	await t.throwsAsync(mailbox.take(0, 'early', 1000, never), {code: 'WIRE_INVALID', message: /\?1/u});
	const waiting = mailbox.take(0, 'late', 1000, never);
	deliver(mailbox, 0, 'late', '?2');
	await t.throwsAsync(waiting, {code: 'WIRE_INVALID', message: /\?2/u});
});

test('a pass waits no longer than its deadline, and not at all once it is interrupted or the box is closed', async t => {
	const {mailbox, clock, never} = aMailbox();
	const late = mailbox.take(0, 'a', 1000, never);
	clock.advance(1000);
	await t.throwsAsync(late, {code: 'WIRE_TIMEOUT'});
	const abort = new AbortController();
	const interrupted = mailbox.take(0, 'a', 1000, abort.signal);
	abort.abort();
	await t.throwsAsync(interrupted, {code: 'INTERRUPTED'});
	const closed = mailbox.take(0, 'a', 1000, never);
	mailbox.close();
	await t.throwsAsync(closed, {code: 'INTERRUPTED'});
	t.regex(refusal(deliver(mailbox, 0, 'a', 'x')), /over/u);
});
