/** What every Transport promises; each transport's test says how to make one. */
import type {ExecutionContext, TestFn} from 'ava';
import {isFplError} from '../../core/errors.js';
import type {MessageHandler, Transport, TransportStatus, Will} from '../../core/wire/transport.js';

/** A broker with a way to connect to it and to spoil the connection. */
export interface TransportBench {
	connect(name: string, will?: () => Will): Promise<TransportHandle>;
	close(): Promise<void>;
}

export interface TransportHandle {
	readonly transport: Transport;
	/** Ends it without a word: the broker must publish the will. */
	kill(): void;
	/** Breaks the connection; the transport must come back by itself or through `reconnect`. */
	breakLink(): void;
	reconnect(): void;
}

/** Waits long, for machines that are busy; nothing that is as it should be takes a tenth of it. */
export async function until(what: string, condition: () => boolean, ms = 60_000): Promise<void> {
	const end = Date.now() + ms;
	while (!condition()) {
		if (Date.now() > end) {
			throw new Error(`waited ${ms} ms in vain for: ${what}`);
		}
		await new Promise(resolve => setTimeout(resolve, 5));
	}
}

const text = (payload: Uint8Array) => Buffer.from(payload).toString();
const bytes = (words: string) => Buffer.from(words);

/** Records «topic payload», with a star for retained ones. */
function recorder(): {readonly lines: string[]; readonly handler: MessageHandler} {
	const lines: string[] = [];
	return {
		lines,
		handler: (topic, payload, retained) => lines.push(`${topic} ${text(payload)}${retained ? '*' : ''}`),
	};
}

export function transportContract(test: TestFn, name: string, open: () => Promise<TransportBench>): void {
	const titled = (title: string, body: (t: ExecutionContext, bench: TransportBench) => Promise<void>) =>
		test(`${name}: ${title}`, async t => {
			t.timeout(150_000);
			const bench = await open();
			try {
				await body(t, bench);
			} finally {
				await bench.close();
			}
		});

	titled('a message reaches those whose filter matches, the sender included', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const {transport: b} = await bench.connect('b');
		const [own, plus, hash, other] = [recorder(), recorder(), recorder(), recorder()];
		await a.subscribe('x/y/z', own.handler);
		await b.subscribe('x/+/z', plus.handler);
		await b.subscribe('x/#', hash.handler);
		await b.subscribe('x/y', other.handler);
		await a.publish('x/y/z', bytes('one'), {qos: 1});
		await until('all three', () => own.lines.length > 0 && plus.lines.length > 0 && hash.lines.length > 0);
		t.deepEqual([own.lines, plus.lines, hash.lines, other.lines], [['x/y/z one'], ['x/y/z one'], ['x/y/z one'], []]);
	});

	titled('messages of one publisher on one topic come in order, each once', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const {transport: b} = await bench.connect('b');
		const seen = recorder();
		await b.subscribe('x', seen.handler);
		await Promise.all(Array.from({length: 200}, (_, index) => a.publish('x', bytes(`${index}`))));
		await until('200 messages', () => seen.lines.length >= 200);
		t.deepEqual(
			seen.lines,
			Array.from({length: 200}, (_, index) => `x ${index}`),
		);
	});

	titled('a retained message reaches later subscribers until it is erased', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const {transport: b} = await bench.connect('b');
		const [echo, first, second, late] = [recorder(), recorder(), recorder(), recorder()];
		await a.subscribe('birth', echo.handler);
		await a.publish('birth', bytes('here'), {qos: 1, retain: true});
		// The broker may acknowledge before it publishes: the echo says that it has.
		await until('the echo', () => echo.lines.length > 0);
		t.deepEqual(echo.lines, ['birth here']);
		await b.subscribe('birth', first.handler);
		await until('the retained message', () => first.lines.length > 0);
		t.deepEqual(first.lines, ['birth here*']);
		// A second handler for the same filter gets it as well.
		await b.subscribe('birth', second.handler);
		await until('the retained message again', () => second.lines.length > 0);
		t.is(second.lines[0], 'birth here*');
		await a.publish('birth', new Uint8Array(0), {qos: 1, retain: true});
		await until('the erasure', () => second.lines.includes('birth '));
		const {transport: c} = await bench.connect('c');
		await c.subscribe('birth', late.handler);
		await c.subscribe('marker', late.handler);
		await c.publish('marker', bytes('end'), {qos: 1});
		await until('the marker', () => late.lines.length > 0);
		t.deepEqual(late.lines, ['marker end']);
	});

	titled('no message comes after the subscription has ended', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const [seen, marker] = [recorder(), recorder()];
		const subscription = await a.subscribe('x', seen.handler);
		await a.subscribe('y', marker.handler);
		await subscription.unsubscribe();
		await a.publish('x', bytes('late'), {qos: 1});
		await a.publish('y', bytes('end'), {qos: 1});
		await until('the marker', () => marker.lines.length > 0);
		t.deepEqual(seen.lines, []);
	});

	titled('an exception in a handler does not stop the delivery', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const seen = recorder();
		await a.subscribe('x', () => {
			throw new Error('on purpose');
		});
		await a.subscribe('x', seen.handler);
		await a.publish('x', bytes('1'), {qos: 1});
		await a.publish('x', bytes('2'), {qos: 1});
		await until('both', () => seen.lines.length === 2);
		t.deepEqual(seen.lines, ['x 1', 'x 2']);
	});

	titled('the will is published after a crash and not after a polite end', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const seen = recorder();
		await a.subscribe('gone/+', seen.handler);
		const will = (who: string) => () => ({topic: `gone/${who}`, payload: bytes(who), qos: 1 as const, retain: true});
		const polite = await bench.connect('polite', will('polite'));
		const crashing = await bench.connect('crashing', will('crashing'));
		await polite.transport.close();
		crashing.kill();
		await until('the will', () => seen.lines.length > 0);
		t.deepEqual(seen.lines, ['gone/crashing crashing']);
		const late = recorder();
		await a.subscribe('gone/crashing', late.handler);
		await until('the retained will', () => late.lines.length > 0);
		t.is(late.lines[0], 'gone/crashing crashing*');
	});

	titled('after a broken link subscriptions work again and the will is a new one', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const wills = recorder();
		await a.subscribe('will', wills.handler);
		let session = 0;
		const handle = await bench.connect('b', () => ({topic: 'will', payload: bytes(`session ${++session}`), qos: 1}));
		const b = handle.transport;
		const statuses: TransportStatus[] = [];
		b.onStatus(status => statuses.push(status));
		const seen = recorder();
		await b.subscribe('x', seen.handler);
		handle.breakLink();
		await until('offline', () => statuses.includes('offline'));
		handle.reconnect();
		await until('online', () => b.status === 'online');
		await until('the first will', () => wills.lines.length === 1);
		await until('a message after reconnecting', () => {
			void a.publish('x', bytes('again'));
			return seen.lines.length > 0;
		});
		handle.kill();
		await until('the second will', () => wills.lines.length === 2);
		t.deepEqual(wills.lines, ['will session 1', 'will session 2']);
		t.deepEqual(statuses.slice(0, 2), ['offline', 'online']);
	});

	titled('offline, QoS 0 fails at once and QoS 1 waits for the link', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const handle = await bench.connect('b');
		const seen = recorder();
		await a.subscribe('x', seen.handler);
		handle.breakLink();
		await until('offline', () => handle.transport.status === 'offline');
		const error = await t.throwsAsync(handle.transport.publish('x', bytes('zero')));
		t.true(isFplError(error, 'WIRE_CLOSED'));
		const sent = handle.transport.publish('x', bytes('one'), {qos: 1});
		handle.reconnect();
		await sent;
		await until('the message', () => seen.lines.length > 0);
		t.deepEqual(seen.lines, ['x one']);
	});

	titled('too large a payload and a topic with wildcards are refused', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const large = await t.throwsAsync(a.publish('x', new Uint8Array(a.maxPayloadBytes + 1)));
		t.true(isFplError(large, 'WIRE_TOO_LARGE'));
		for (const topic of ['x/+', '#', '']) {
			t.true(isFplError(await t.throwsAsync(a.publish(topic, bytes('x'))), 'WIRE_INVALID'));
		}
		for (const filter of ['x#', 'a/#/b', 'a+', '']) {
			t.true(isFplError(await t.throwsAsync(a.subscribe(filter, () => {})), 'WIRE_INVALID'), filter);
		}
	});

	titled('the largest payload arrives intact', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const payload = Buffer.alloc(a.maxPayloadBytes, 'pattern ');
		let received: Uint8Array | undefined;
		await a.subscribe('x', (_, data) => {
			received = Uint8Array.from(data);
		});
		await a.publish('x', payload);
		await until('the message', () => received !== undefined);
		t.true(payload.equals(received!));
	});

	titled('a payload in pieces arrives as one message, in its place among others', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const {transport: b} = await bench.connect('b');
		const seen = recorder();
		await b.subscribe('x/pieces', seen.handler);
		const large = 'y'.repeat(100_000);
		await Promise.all([
			a.publish('x/pieces', bytes('before')),
			a.publish('x/pieces', [bytes('one '), bytes('two '), bytes(large)]),
			a.publish('x/pieces', bytes('after')),
		]);
		await until('all three', () => seen.lines.length === 3);
		await a.publish('x/pieces', [bytes('q'), bytes('1')], {qos: 1});
		await until('the fourth', () => seen.lines.length === 4);
		t.deepEqual(
			seen.lines.map(line => line.replace(large, 'large')),
			['x/pieces before', 'x/pieces one two large', 'x/pieces after', 'x/pieces q1'],
		);
		const pieces = [new Uint8Array(a.maxPayloadBytes), bytes('x')];
		t.true(isFplError(await t.throwsAsync(a.publish('x/pieces', pieces)), 'WIRE_TOO_LARGE'));
	});

	titled(
		'handlers that give payloads back after their call get all of them, alone and beside others',
		async (t, bench) => {
			const {transport: a} = await bench.connect('a');
			const {transport: b} = await bench.connect('b');
			const seen = {alone: [] as string[], beside: [] as string[], plain: [] as string[]};
			const note = (list: string[]): MessageHandler => {
				return (_, payload) => list.push(`${payload.length} ${payload[0]} ${payload.at(-1)}`);
			};
			await b.subscribe('alone/+', note(seen.alone), {transient: true});
			await b.subscribe('shared', note(seen.beside), {transient: true});
			await b.subscribe('shared', note(seen.plain));
			const sizes = [10, 300_000, 1, a.maxPayloadBytes, 70_000];
			for (const [index, size] of sizes.entries()) {
				await a.publish('alone/x', new Uint8Array(size).fill(index));
				await a.publish('shared', new Uint8Array(size).fill(index));
			}
			await until('all of them', () => Object.values(seen).every(list => list.length === sizes.length), 10_000);
			const expected = sizes.map((size, index) => `${size} ${index} ${index}`);
			t.deepEqual(seen, {alone: expected, beside: expected, plain: expected});
		},
	);

	titled('a closed transport refuses everything, and closing twice is fine', async (t, bench) => {
		const {transport: a} = await bench.connect('a');
		const statuses: TransportStatus[] = [];
		a.onStatus(status => statuses.push(status));
		await a.close();
		await a.close();
		t.deepEqual(statuses, ['closed']);
		t.is(a.status, 'closed');
		t.true(isFplError(await t.throwsAsync(a.publish('x', bytes('1'))), 'WIRE_CLOSED'));
		t.true(isFplError(await t.throwsAsync(a.publish('x', bytes('1'), {qos: 1})), 'WIRE_CLOSED'));
		t.true(isFplError(await t.throwsAsync(a.subscribe('x', () => {})), 'WIRE_CLOSED'));
	});
}
