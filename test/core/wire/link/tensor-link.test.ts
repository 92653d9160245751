import {randomBytes} from 'node:crypto';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {ManualClock} from '../../../../core/clock.js';
import {isFplError} from '../../../../core/errors.js';
import {deviceId, runId} from '../../../../core/ids.js';
import {seededRandom} from '../../../../core/random.js';
import type {Body} from '../../../../core/wire/bodies.js';
import {crc32} from '../../../../core/wire/link/chunk-codec.js';
import {
	type CountedTensorLink,
	createTensorLink,
	type TensorLinkOptions,
} from '../../../../core/wire/link/tensor-link.js';
import {decode, encode} from '../../../../core/wire/message.js';
import type {
	Acceptance,
	IncomingTransfer,
	OutgoingTransfer,
	TransferPurpose,
} from '../../../../core/wire/tensor-link.js';
import {createTopics} from '../../../../core/wire/topics.js';
import {joined} from '../../../../core/wire/transports/common.js';
import {type Faults, MemoryBroker} from '../../../../core/wire/transports/memory-broker.js';
import {sampleBodies, sampleMessage} from '../samples.js';

const topics = createTopics();
const [alice, bob] = [deviceId('alice'), deviceId('bob')];
const run = runId('r');
const purpose: TransferPurpose = {kind: 'weights', run, round: 1};
const transferOf = (data: Uint8Array, id = 'w-1'): OutgoingTransfer => ({id, purpose, data});

/** Knows how many timers are running. */
class CountingClock extends ManualClock {
	running = 0;

	override after(ms: number, callback: () => void): () => void {
		let active = true;
		const end = () => {
			this.running -= active ? 1 : 0;
			active = false;
		};
		this.running++;
		const cancel = super.after(ms, () => {
			end();
			callback();
		});
		return () => {
			end();
			cancel();
		};
	}
}

interface Setup {
	readonly clock: CountingClock;
	readonly broker: MemoryBroker;
	readonly sender: CountedTensorLink;
	readonly receiver: CountedTensorLink;
	readonly ta: ReturnType<MemoryBroker['attach']>;
	readonly tb: ReturnType<MemoryBroker['attach']>;
}

async function setup(faults: Faults = {}, options: Partial<TensorLinkOptions> = {}, seed = 1): Promise<Setup> {
	const clock = new CountingClock();
	const broker = new MemoryBroker({clock, faults, random: seededRandom(seed)});
	const [ta, tb] = [broker.attach(), broker.attach()];
	const all = {topics, clock, chunkBytes: 1000, ...options};
	const sender = await createTensorLink(ta, alice, all);
	const receiver = await createTensorLink(tb, bob, all);
	return {clock, broker, sender, receiver, ta, tb};
}

/** Receives into memory and checks that every chunk comes once. */
function collector(t: ExecutionContext) {
	const state = {data: Buffer.alloc(0), done: 0, aborted: [] as string[], begun: [] as IncomingTransfer[]};
	const accept = (transfer: IncomingTransfer): Acceptance => {
		state.begun.push(transfer);
		state.data = Buffer.alloc(transfer.bytes);
		const seen = new Set<number>();
		return {
			chunk(sequence, offset, data) {
				t.false(seen.has(sequence), `chunk ${sequence} twice`);
				seen.add(sequence);
				t.is(offset, sequence * transfer.chunkBytes);
				state.data.set(data, offset);
			},
			done() {
				t.is(seen.size, transfer.chunks);
				state.done++;
			},
			abort: because => state.aborted.push(because),
		};
	};
	return {state, accept};
}

/** Turns the clock until the promise settles. */
async function settle<T>(clock: ManualClock, promise: Promise<T>, limitMs = 600_000): Promise<T> {
	let settled = false;
	const watched = promise.finally(() => {
		settled = true;
	});
	watched.catch(() => undefined);
	for (let time = 0; !settled && time < limitMs; time += 10) {
		await clock.advance(10);
	}
	return Promise.race([watched, Promise.reject(new Error('still not settled'))]);
}

const idle = {outgoing: 0, incoming: 0};

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
					await post({...step, purpose});
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
