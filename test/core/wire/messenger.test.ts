import test from 'ava';
import {ManualClock} from '../../../core/clock.js';
import {FplError, isFplError} from '../../../core/errors.js';
import {deviceId, runId} from '../../../core/ids.js';
import {recordingLogger} from '../../../core/log.js';
import {seededRandom} from '../../../core/random.js';
import {encode, type Message} from '../../../core/wire/message.js';
import {createMessenger, errorBody, peerError} from '../../../core/wire/messenger.js';
import {ReplyCache} from '../../../core/wire/replies.js';
import {createTopics} from '../../../core/wire/topics.js';
import {type Faults, MemoryBroker} from '../../../core/wire/transports/memory-broker.js';
import {sampleBodies, sampleMessage} from './samples.js';

const topics = createTopics();
const [alice, bob] = [deviceId('alice'), deviceId('bob')];
const run = runId('r');

async function pair({faults = {}, clock = new ManualClock()}: {faults?: Faults; clock?: ManualClock} = {}) {
	const broker = new MemoryBroker({clock, faults, random: seededRandom(5)});
	const [ta, tb] = [broker.attach(), broker.attach()];
	const logger = recordingLogger();
	const a = await createMessenger({transport: ta, self: alice, topics, clock, logger});
	const b = await createMessenger({transport: tb, self: bob, topics, clock, logger});
	return {broker, clock, a, b, ta, tb, logger};
}

test('a request gets the reply that was made for it', async t => {
	const {a, b} = await pair();
	b.serve(({from, body}) =>
		body.kind === 'watch' ? {kind: 'ready', run, attempt: body.fromSequence, items: from.length} : undefined,
	);
	const replies = await Promise.all(
		[1, 2, 3].map(fromSequence =>
			a.request(bob, {kind: 'watch', run, fromSequence}, {expect: ['ready'], deadlineMs: 1000}),
		),
	);
	t.deepEqual(
		replies.map(({body}) => body.attempt),
		[1, 2, 3],
	);
});

test('a request is carried out once, however often it and its reply are repeated or lost', async t => {
	// QoS 1 is never lost in the memory broker, so the loss is made by hand: the first two requests go nowhere.
	const {a, b, clock, tb} = await pair({faults: {duplication: 0.5, reordering: 0.5, reorderMs: 30}});
	let calls = 0;
	b.serve(() => {
		calls++;
		return {kind: 'ready', run, attempt: calls, items: 0};
	});
	tb.disconnect();
	const reply = a.request(bob, {kind: 'ping'}, {expect: ['ready'], deadlineMs: 60_000, retryMs: 100});
	await clock.advance(250);
	t.is(calls, 0);
	tb.reconnect();
	await clock.advance(5000);
	t.is((await reply).body.attempt, 1);
	t.is(calls, 1);
});

test('a slow handler is not started again by repetitions', async t => {
	const {a, b, clock} = await pair();
	let calls = 0;
	b.serve(async () => {
		calls++;
		await clock.sleep(10_000);
		return {kind: 'ack'};
	});
	const reply = a.request(bob, {kind: 'ping'}, {expect: ['ack'], deadlineMs: 60_000, retryMs: 100});
	await clock.advance(20_000);
	t.is((await reply).body.kind, 'ack');
	t.is(calls, 1);
});

test('a missing reply ends in a timeout that says what was waited for, and leaves nothing behind', async t => {
	const {a, clock} = await pair();
	const reply = a.request(bob, {kind: 'ping'}, {expect: ['ack', 'ready'], deadlineMs: 3000});
	const error = t.throwsAsync(reply);
	await clock.advance(3000);
	t.regex((await error)!.message, /ping to bob.*ack or ready in reply to \S+ within 3000 ms, got none/u);
	t.true(isFplError(await error, 'WIRE_TIMEOUT'));
});

test('an error in the handler reaches the requester with its code and facts', async t => {
	const {a, b} = await pair();
	b.serve(() => {
		throw new FplError('RUN_UNKNOWN', {where: 'run r', fix: 'List the runs.'});
	});
	const error = await t.throwsAsync(a.request(bob, {kind: 'stop', run}, {expect: ['ack'], deadlineMs: 1000}));
	t.true(isFplError(error, 'RUN_UNKNOWN'));
	t.true(isFplError(error) && error.facts.fix === 'List the runs.');
});

test('a peer error of an unknown code or with broken facts is still an error', t => {
	t.is(peerError('bob', {code: 'FUTURE_CODE', facts: '{"problem":"x"}'}).code, 'AGENT_FAILED');
	t.is(peerError('bob', {code: 'toString', facts: 'null'}).code, 'AGENT_FAILED');
	t.is(peerError('bob', {code: 'RUN_FAILED', facts: '{bad'}).code, 'RUN_FAILED');
	t.is(errorBody(new Error('x')).code, 'INTERNAL');
});

test('a reply of another kind than expected is refused', async t => {
	const {a, b} = await pair();
	b.serve(() => ({kind: 'ack'}));
	const error = await t.throwsAsync(a.request(bob, {kind: 'ping'}, {expect: ['ready'], deadlineMs: 1000}));
	t.true(isFplError(error, 'WIRE_INVALID'));
});

test('a request can be interrupted, and closing ends all of them', async t => {
	const {a} = await pair();
	const controller = new AbortController();
	const interrupted = a.request(bob, {kind: 'ping'}, {expect: ['ack'], deadlineMs: 9000, signal: controller.signal});
	controller.abort();
	t.true(isFplError(await t.throwsAsync(interrupted), 'INTERRUPTED'));
	const closed = t.throwsAsync(a.request(bob, {kind: 'ping'}, {expect: ['ack'], deadlineMs: 9000}));
	await a.close();
	t.true(isFplError(await closed, 'WIRE_CLOSED'));
	t.true(
		isFplError(await t.throwsAsync(a.request(bob, {kind: 'ping'}, {expect: ['ack'], deadlineMs: 9})), 'WIRE_CLOSED'),
	);
});

test('waiting for a message by its looks takes it away from the handler', async t => {
	const {a, b} = await pair();
	const served: string[] = [];
	b.serve(({body}) => {
		served.push(body.kind);
		return undefined;
	});
	const where = {text: 'items are 7', holds: ({body}: Message) => body.kind === 'ready' && body.items === 7};
	const waiting = b.waitFor({from: alice, kinds: ['ready'], where}, 1000);
	await a.send(bob, {kind: 'ready', run, attempt: 0, items: 6});
	await a.send(bob, {kind: 'ready', run, attempt: 0, items: 7});
	const {body} = await waiting;
	t.is(body.kind === 'ready' && body.items, 7);
	t.deepEqual(served, ['ready']);
});

test('garbage and messages with a false sender are dropped with a warning', async t => {
	const {b, ta, logger} = await pair();
	let served = 0;
	b.serve(() => {
		served++;
		return undefined;
	});
	await ta.publish(topics.between('control', alice, bob), Buffer.from('garbage'));
	await ta.publish(topics.between('control', alice, bob), encode({...sampleMessage(sampleBodies.ping), to: bob}));
	await new Promise(resolve => setImmediate(resolve));
	t.is(served, 0);
	t.is(logger.lines.filter(({severity, text}) => severity === 'warn' && text.includes('dropped')).length, 2);
});

test('the memory of answers is bounded and keeps what is under way', t => {
	const cache = new ReplyCache({maxEntries: 10, maxBytes: 1000});
	cache.set('first', 'pending');
	for (let index = 0; index < 100; index++) {
		cache.set(`${index}`, new Uint8Array(50));
	}
	t.is(cache.get('first'), 'pending');
	t.is(cache.get('0'), undefined);
	t.truthy(cache.get('99'));
	const heavy = new ReplyCache({maxBytes: 1000});
	for (let index = 0; index < 100; index++) {
		heavy.set(`${index}`, new Uint8Array(400));
	}
	t.deepEqual([heavy.get('97'), heavy.get('98') === undefined], [undefined, false]);
});
