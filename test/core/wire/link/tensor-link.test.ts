import {randomBytes} from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import {isFplError} from '../../../../core/errors.js';
import {deviceId} from '../../../../core/ids.js';
import {createTensorLink} from '../../../../core/wire/link/tensor-link.js';
import type {Acceptance, IncomingTransfer} from '../../../../core/wire/tensor-link.js';

import {alice, bob, collector, idle, purpose, settle, setup, topics, transferOf} from './pair.js';

test('a tensor arrives intact, with its purpose, in as many chunks as it takes', async t => {
	const {clock, sender, receiver} = await setup();
	const {state, accept} = collector(t);
	receiver.onTransfer(accept);
	const data = randomBytes(25_500);
	const stats = await settle(clock, sender.send(bob, transferOf(data), {stallMs: 5000}));
	t.true(state.data.equals(data));
	t.is(state.done, 1);
	t.deepEqual(state.begun, [{id: 'w-1', from: alice, purpose, bytes: 25_500, chunkBytes: 1000, chunks: 26}]);
	t.is(stats.repeats, 0);
	t.is(stats.bytes, 25_500);
	t.true(stats.wireBytes > 25_500 && stats.wireBytes < 25_500 + 27 * 150, `${stats.wireBytes}`);
	t.is(sender.traffic.sent, stats.wireBytes);
	t.is(receiver.traffic.received, stats.wireBytes);
	t.deepEqual([sender.active, receiver.active], [idle, idle]);
});

test('transfers to one peer follow each other, and one that ends lets the next one begin', async t => {
	const {clock, sender, receiver} = await setup({delayMs: 20});
	const order: string[] = [];
	receiver.onTransfer(({id}) => ({
		chunk: () => order.push(id),
		done: () => order.push(`${id} done`),
		abort: () => order.push(`${id} aborted`),
	}));
	const stop = new AbortController();
	const options = {stallMs: 5000};
	const given = sender.send(bob, transferOf(randomBytes(90_000), 'given up'), {...options, signal: stop.signal});
	const rejected = t.throwsAsync(given, {code: 'INTERRUPTED'});
	const others = ['first', 'second', 'third'].map(id => sender.send(bob, transferOf(randomBytes(25_500), id), options));
	await clock.advance(100);
	t.deepEqual([...new Set(order)], ['given up'], 'those behind wait');
	stop.abort();
	await settle(clock, Promise.all([rejected, ...others]));
	const after = order.filter(id => !id.startsWith('given up'));
	const chunks = (id: string) => Array.from({length: 26}, () => id);
	const done = (id: string) => `${id} done`;
	t.deepEqual(
		after,
		['first', 'second', 'third'].flatMap(id => [...chunks(id), done(id)]),
	);
	t.deepEqual([sender.active, receiver.active], [idle, idle]);
});

test('a transfer that waits for its turn has not stalled, and one to another peer does not wait', async t => {
	const {clock, broker, sender, receiver} = await setup({delayMs: 20});
	const carol = deviceId('carol');
	const third = await createTensorLink(broker.attach(), carol, {topics, clock, chunkBytes: 1000});
	const sinks = {chunk: () => {}, done: () => {}, abort: () => {}};
	receiver.onTransfer(() => sinks);
	third.onTransfer(() => sinks);
	const first = sender.send(bob, transferOf(randomBytes(400_000), 'first'), {stallMs: 60_000});
	const second = sender.send(bob, transferOf(randomBytes(1000), 'second'), {stallMs: 50});
	const other = sender.send(carol, transferOf(randomBytes(1000), 'other'), {stallMs: 5000});
	const ended: string[] = [];
	for (const [name, promise] of Object.entries({first, second, other})) {
		void promise.then(() => ended.push(name));
	}
	await settle(clock, Promise.all([first, second, other]));
	t.is(ended[0], 'other');
	t.is(ended.length, 3);
});

test('nothing at all can be sent too', async t => {
	const {clock, sender, receiver} = await setup();
	const {state, accept} = collector(t);
	receiver.onTransfer(accept);
	await settle(clock, sender.send(bob, transferOf(new Uint8Array(0)), {stallMs: 5000}));
	t.is(state.done, 1);
});

test('tensors arrive intact over a network that loses, doubles, reorders and delays', async t => {
	await fc.assert(
		fc.asyncProperty(
			fc.record({
				loss: fc.double({min: 0, max: 0.3, noNaN: true}),
				duplication: fc.double({min: 0, max: 0.3, noNaN: true}),
				reordering: fc.double({min: 0, max: 0.5, noNaN: true}),
				reorderMs: fc.nat(300),
				delayMs: fc.nat(100),
			}),
			fc.nat(40_000),
			fc.nat(),
			async (faults, size, seed) => {
				const {clock, sender, receiver} = await setup(faults, {}, seed);
				const {state, accept} = collector(t);
				receiver.onTransfer(accept);
				const data = randomBytes(size);
				await settle(clock, sender.send(bob, transferOf(data), {stallMs: 120_000}));
				t.true(state.data.equals(data));
				t.is(state.done, 1);
				t.deepEqual([sender.active, receiver.active], [idle, idle]);
				// What is still under way arrives, and then nothing is left running.
				await clock.advance(2000);
				t.is(clock.running, 0);
			},
		),
		{numRuns: 25},
	);
});

test('many transfers in both directions at once do not mix', async t => {
	const {clock, sender, receiver} = await setup({loss: 0.05, reordering: 0.2});
	const arrived = new Map<string, Buffer>();
	const accept = (transfer: IncomingTransfer): Acceptance => {
		const data = Buffer.alloc(transfer.bytes);
		return {
			chunk: (_, offset, bytes) => data.set(bytes, offset),
			done: () => arrived.set(`${transfer.from} ${transfer.id}`, data),
			abort: because => t.fail(because),
		};
	};
	sender.onTransfer(accept);
	receiver.onTransfer(accept);
	const blobs = Array.from({length: 8}, (_, index) => randomBytes(3000 + index * 1000));
	const sends = blobs.flatMap((data, index) => [
		sender.send(bob, transferOf(data, `t${index}`), {stallMs: 60_000}),
		receiver.send(alice, transferOf(data, `t${index}`), {stallMs: 60_000}),
	]);
	await settle(clock, Promise.all(sends));
	for (const [index, data] of blobs.entries()) {
		t.true(arrived.get(`alice t${index}`)?.equals(data));
		t.true(arrived.get(`bob t${index}`)?.equals(data));
	}
});

test('a transfer goes on where it was after the connection of either side broke', async t => {
	for (const which of ['ta', 'tb'] as const) {
		const all = await setup({delayMs: 20}, {pacing: {maxWindow: 4, firstWindow: 4}});
		const {clock, sender, receiver} = all;
		const {state, accept} = collector(t);
		receiver.onTransfer(accept);
		const data = randomBytes(60_000);
		const sent = sender.send(bob, transferOf(data), {stallMs: 60_000});
		await clock.advance(400);
		t.is(state.done, 0);
		all[which].disconnect();
		await clock.advance(5000);
		all[which].reconnect();
		const stats = await settle(clock, sent);
		t.true(state.data.equals(data));
		t.is(state.begun.length, 1, 'the receiver kept what it had');
		t.true(stats.repeats <= 16, `${which}: ${stats.repeats} repeats`);
	}
});

test('a receiver that was restarted in between gets everything again', async t => {
	const {clock, broker, sender, receiver, tb} = await setup({delayMs: 20}, {pacing: {maxWindow: 4, firstWindow: 4}});
	const first = collector(t);
	receiver.onTransfer(first.accept);
	const data = randomBytes(40_000);
	const sent = sender.send(bob, transferOf(data), {stallMs: 60_000});
	await clock.advance(300);
	tb.kill();
	await clock.advance(1000);
	const reborn = await createTensorLink(broker.attach(), bob, {topics, clock});
	const second = collector(t);
	reborn.onTransfer(second.accept);
	await settle(clock, sent);
	t.true(second.state.data.equals(data));
	t.is(second.state.begun[0]?.chunkBytes, 1000);
});

test('a repeated transfer is answered at once and not delivered again', async t => {
	const {clock, sender, receiver} = await setup();
	const {state, accept} = collector(t);
	receiver.onTransfer(accept);
	const data = randomBytes(5000);
	await settle(clock, sender.send(bob, transferOf(data), {stallMs: 5000}));
	// The first chunks are sent without waiting for an answer, but no more.
	const again = await settle(clock, sender.send(bob, transferOf(data), {stallMs: 5000}));
	t.is(state.done, 1);
	t.true(again.wireBytes < 4700, `${again.wireBytes}`);
	receiver.onTransfer(() => 'already');
	const known = await settle(clock, sender.send(bob, transferOf(randomBytes(50_000), 'other'), {stallMs: 5000}));
	t.true(known.wireBytes < 4700, `${known.wireBytes}`);
});

test('the same transfer asked for twice at the same time is one transfer', async t => {
	const {clock, sender, receiver} = await setup();
	const {state, accept} = collector(t);
	receiver.onTransfer(accept);
	const data = randomBytes(5000);
	const [one, two] = [1, 2].map(() => sender.send(bob, transferOf(data), {stallMs: 5000}));
	t.is(await settle(clock, one!), await settle(clock, two!));
	t.is(state.begun.length, 1);
});

test('without a receiver the sender gives up after the stall time, not before', async t => {
	const {clock, sender, tb} = await setup();
	tb.kill();
	const failed = t.throwsAsync(sender.send(bob, transferOf(randomBytes(10)), {stallMs: 3000}));
	await clock.advance(2900);
	t.is(sender.active.outgoing, 1);
	await clock.advance(200);
	t.true(isFplError(await failed, 'WIRE_TIMEOUT'));
	t.is(sender.active.outgoing, 0);
	t.is(clock.running, 0);
});

test('an interrupted transfer is cancelled at the receiver', async t => {
	const {clock, sender, receiver} = await setup({delayMs: 10}, {pacing: {maxWindow: 2, firstWindow: 2}});
	const {state, accept} = collector(t);
	receiver.onTransfer(accept);
	const controller = new AbortController();
	const options = {stallMs: 5000, signal: controller.signal};
	const failed = t.throwsAsync(sender.send(bob, transferOf(randomBytes(50_000)), options));
	await clock.advance(100);
	controller.abort();
	t.true(isFplError(await failed, 'INTERRUPTED'));
	await clock.advance(50);
	t.is(state.aborted.length, 1);
	t.deepEqual([sender.active, receiver.active], [idle, idle]);
	const early = sender.send(bob, transferOf(randomBytes(5), 'x'), {stallMs: 5000, signal: AbortSignal.abort()});
	t.true(isFplError(await t.throwsAsync(early), 'INTERRUPTED'));
});

test('closing the link ends what is under way', async t => {
	const {clock, sender, receiver} = await setup({delayMs: 10});
	const {state, accept} = collector(t);
	receiver.onTransfer(accept);
	const failed = t.throwsAsync(sender.send(bob, transferOf(randomBytes(500_000)), {stallMs: 9000}));
	await clock.advance(50);
	await receiver.close();
	t.is(state.aborted.length, 1);
	await sender.close();
	t.true(isFplError(await failed, 'WIRE_CLOSED'));
	t.true(isFplError(await t.throwsAsync(sender.send(bob, transferOf(randomBytes(5)), {stallMs: 9})), 'WIRE_CLOSED'));
});
