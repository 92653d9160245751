import {randomBytes} from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import {ManualClock} from '../../../../core/clock.js';
import {isFplError} from '../../../../core/errors.js';
import {deviceId} from '../../../../core/ids.js';
import type {Body} from '../../../../core/wire/bodies.js';
import {crc32} from '../../../../core/wire/link/chunk-codec.js';
import {createTensorLink} from '../../../../core/wire/link/tensor-link.js';
import {decode, encode} from '../../../../core/wire/message.js';
import {joined} from '../../../../core/wire/transports/common.js';
import {MemoryBroker} from '../../../../core/wire/transports/memory-broker.js';
import {sampleBodies, sampleMessage} from '../samples.js';
import {alice, bob, collector, idle, purpose, settle, setup, topics, transferOf} from './pair.js';

test('a refusal reaches the sender with its reason', async t => {
	const {clock, sender, receiver} = await setup();
	receiver.onTransfer(() => ({refuse: 'an earlier attempt'}));
	const error = await t.throwsAsync(settle(clock, sender.send(bob, transferOf(randomBytes(10)), {stallMs: 5000})));
	t.true(isFplError(error, 'AGENT_FAILED'));
	t.regex(error!.message, /an earlier attempt/u);
	t.deepEqual([sender.active, receiver.active], [idle, idle]);
});

test('a sink that throws ends the transfer on both sides', async t => {
	for (const where of ['chunk', 'done'] as const) {
		const {clock, sender, receiver} = await setup();
		let aborted = '';
		const fail = (at: string) => {
			if (at === where) {
				throw new Error('disk full');
			}
		};
		receiver.onTransfer(() => ({
			chunk: () => fail('chunk'),
			done: () => fail('done'),
			abort: because => {
				aborted = because;
			},
		}));
		const error = await t.throwsAsync(settle(clock, sender.send(bob, transferOf(randomBytes(3000)), {stallMs: 5000})));
		t.regex(error!.message, /disk full/u);
		t.is(aborted, 'disk full');
		t.deepEqual([sender.active, receiver.active], [idle, idle]);
	}
});

test('a transfer whose sender vanished is aborted after its time', async t => {
	const {clock, sender, receiver, ta} = await setup({delayMs: 10}, {limits: {ttlMs: 8000}});
	const {state, accept} = collector(t);
	receiver.onTransfer(accept);
	const failed = t.throwsAsync(sender.send(bob, transferOf(randomBytes(500_000)), {stallMs: 2000}));
	await clock.advance(60);
	ta.kill();
	t.true(isFplError(await failed, 'WIRE_CLOSED'));
	t.is(receiver.active.incoming, 1);
	await clock.advance(11_000);
	t.is(receiver.active.incoming, 0);
	t.regex(state.aborted[0]!, /no new chunk for 8000 ms/u);
});

test('limits on size, chunks and number of transfers are kept', async t => {
	const limits = {maxBytes: 100_000, maxChunks: 50, maxTransfersPerSender: 2};
	const {clock, sender, receiver} = await setup({}, {limits});
	const {accept} = collector(t);
	receiver.onTransfer(accept);
	const reason = async (data: Uint8Array, id: string) =>
		(await t.throwsAsync(settle(clock, sender.send(bob, transferOf(data, id), {stallMs: 3000}))))?.message ?? '';
	t.regex(await reason(new Uint8Array(100_001), 'a'), /100001 bytes are more than 100000/u);
	t.regex(await reason(new Uint8Array(60_000), 'b'), /60 chunks are more than 50/u);
});

test('a hostile opening cannot make the receiver allocate', async t => {
	const {receiver, ta} = await setup();
	receiver.onTransfer(() => t.fail());
	const begin = {...sampleBodies.begin, bytes: 2 ** 40, chunkBytes: 1};
	await ta.publish(topics.between('tensor', alice, bob), encode({...sampleMessage(begin), from: alice, to: bob}));
	await new Promise(resolve => setImmediate(resolve));
	t.is(receiver.active.incoming, 0);
	t.pass();
});

test('whatever a hostile sender does, sinks see each chunk once, within bounds, and nothing stays for ever', async t => {
	const id = fc.constantFrom('a', 'b', 'c');
	const small = fc.nat(6);
	const action = fc.oneof(
		fc.record({
			kind: fc.constant('begin' as const),
			transfer: id,
			bytes: fc.nat(60),
			inline: fc.nat(40),
			chunkBytes: fc.integer({min: 1, max: 12}),
		}),
		fc.record({
			kind: fc.constant('chunk' as const),
			transfer: id,
			sequence: small,
			size: fc.nat(12),
			damaged: fc.boolean(),
			ask: fc.boolean(),
		}),
		fc.record({kind: fc.constant('cancel' as const), transfer: id}),
		fc.record({kind: fc.constant('wait' as const), ms: fc.nat(3000)}),
	);
	await fc.assert(
		fc.asyncProperty(fc.array(action, {maxLength: 60}), async actions => {
			const {clock, receiver, ta} = await setup({}, {limits: {ttlMs: 4000, maxTransfersPerSender: 2}});
			let open = 0;
			receiver.onTransfer(({bytes, chunkBytes}) => {
				const seen = new Set<number>();
				open++;
				let over = false;
				const end = () => {
					t.false(over);
					over = true;
					open--;
				};
				return {
					chunk(sequence, offset, data) {
						t.false(over || seen.has(sequence));
						seen.add(sequence);
						t.is(data.length, Math.min(chunkBytes, bytes - offset));
						t.true(offset + data.length <= bytes);
					},
					done: end,
					abort: end,
				};
			});
			const post = (body: Body) =>
				ta.publish(topics.between('tensor', alice, bob), encode({...sampleMessage(body), from: alice, to: bob}));
			for (const step of actions) {
				if (step.kind === 'wait') {
					await clock.advance(step.ms);
				} else if (step.kind === 'begin') {
					const data = Buffer.alloc(step.inline, 1);
					await post({...step, purpose, crc: crc32(data), data});
				} else if (step.kind === 'chunk') {
					const data = Buffer.alloc(step.size, 1);
					await post({...step, crc: (crc32(data) ^ (step.damaged ? 1 : 0)) >>> 0, data});
				} else {
					await post({...step, because: 'so'});
				}
				t.true(receiver.active.incoming <= 2);
				t.is(receiver.active.incoming, open);
			}
			await clock.advance(10_000);
			t.is(open, 0);
			t.is(clock.running, 0);
		}),
		{numRuns: 200},
	);
});

test('the receiver may ask for smaller chunks, and never gets larger ones', async t => {
	const {clock, broker, sender} = await setup();
	const small = await createTensorLink(broker.attach(), deviceId('carol'), {
		topics,
		clock,
		limits: {maxChunkBytes: 300},
	});
	const {state, accept} = collector(t);
	small.onTransfer(accept);
	const data = randomBytes(2000);
	await settle(clock, sender.send(deviceId('carol'), transferOf(data), {stallMs: 5000}));
	t.is(state.begun[0]?.chunkBytes, 300);
	t.true(state.data.equals(data));
});

test('chunks never exceed what the transport can carry', async t => {
	const clock = new ManualClock();
	const broker = new MemoryBroker({clock, maxPayloadBytes: 4096});
	const sender = await createTensorLink(broker.attach(), alice, {topics, clock, chunkBytes: 65_536});
	const receiver = await createTensorLink(broker.attach(), bob, {topics, clock});
	const {state, accept} = collector(t);
	receiver.onTransfer(accept);
	const data = randomBytes(20_000);
	await settle(clock, sender.send(bob, transferOf(data), {stallMs: 5000}));
	t.true(state.data.equals(data));
});

test('a damaged chunk is not delivered', async t => {
	const {clock, broker, sender, receiver, ta} = await setup();
	const {state, accept} = collector(t);
	receiver.onTransfer(accept);
	// Everything arrives twice: first damaged, then whole.
	const publish = ta.publish.bind(ta);
	ta.publish = async (topic, payload, options) => {
		const damaged = joined(payload).slice();
		if (decode(damaged).body.kind === 'chunk') {
			damaged[damaged.length - 1]! ^= 0x10;
			await publish(topic, damaged, options);
		}
		await publish(topic, payload, options);
	};
	const data = randomBytes(5000);
	await settle(clock, sender.send(bob, transferOf(data), {stallMs: 5000}));
	t.true(state.data.equals(data));
	t.true(broker.running);
});
