/** Control messages between parties: sending, requests with replies, and answering each request once. */
import {randomBytes} from 'node:crypto';
import {type Clock, systemClock} from '../clock.js';
import {asFplError, type ErrorCode, type ErrorFacts, errorTable, FplError} from '../errors.js';
import type {DeviceId} from '../ids.js';
import {type Logger, silentLogger} from '../log.js';
import type {Body, BodyOf, Kind} from './bodies.js';
import {decode, encode, type Message} from './message.js';
import {ReplyCache} from './replies.js';
import type {Topics} from './topics.js';
import type {PublishOptions, Transport} from './transport.js';
import {type Matcher, Waiter} from './waiter.js';

export interface RequestOptions<K extends Kind> {
	/** Kinds of reply that are wanted. Any other rejects: `refused` and `failed` with the error they carry. */
	readonly expect: readonly K[];
	readonly deadlineMs: number;
	/** First wait before the request is repeated, with the same id; doubled each time. */
	readonly retryMs?: number;
	readonly signal?: AbortSignal;
}

/** Answers a request with a body, or with nothing. An FplError that it throws is answered as `refused`. */
export type Handler = (message: Message) => Body | undefined | Promise<Body | undefined>;

export interface Messenger {
	readonly self: DeviceId;
	/** Sends at QoS 1; returns the message's id. @throws FplError as `Transport.publish`, `WIRE_INVALID`. */
	send(to: DeviceId, body: Body, inReplyTo?: string): Promise<string>;
	/** Publishes a message for whoever listens on a topic. */
	publish(topic: string, body: Body, options?: PublishOptions): Promise<void>;
	/** @throws FplError `WIRE_TIMEOUT` naming what was waited for, `INTERRUPTED`, `WIRE_CLOSED`, or the peer's error. */
	request<K extends Kind>(to: DeviceId, body: Body, options: RequestOptions<K>): Promise<Message<BodyOf<K>>>;
	/** Waits for a message that is no reply to a request; it is then not given to the handler. */
	waitFor(matcher: Matcher, deadlineMs: number, signal?: AbortSignal): Promise<Message>;
	/** One handler per messenger; a second call replaces the first. Requests are answered once per message id. */
	serve(handler: Handler): void;
	close(): Promise<void>;
}

export interface MessengerOptions {
	readonly transport: Transport;
	readonly self: DeviceId;
	readonly topics: Topics;
	readonly clock?: Clock;
	readonly logger?: Logger;
}

/** Handlers running at once; further requests are dropped and come again by their senders' retries. */
const maxServing = 1000;

/** The facts of an error as they travel in `refused` and `failed`. */
export const errorBody = (error: unknown): BodyOf<'refused'> => {
	const {code, facts} = asFplError(error);
	return {kind: 'refused', code, facts: JSON.stringify(facts)};
};

const isCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code);

/** The error that a peer reported. Unknown codes, from another version perhaps, become `AGENT_FAILED`. */
export function peerError(from: string, {code, facts}: {readonly code: string; readonly facts: string}): FplError {
	let parsed: unknown;
	try {
		parsed = JSON.parse(facts);
	} catch {
		parsed = {};
	}
	const given = Object.entries(typeof parsed === 'object' && parsed !== null ? parsed : {});
	const known: ErrorFacts = Object.fromEntries(
		given.filter(
			([key, value]) => ['where', 'problem', 'expected', 'got', 'fix'].includes(key) && typeof value === 'string',
		),
	);
	return isCode(code)
		? new FplError(code, known)
		: new FplError('AGENT_FAILED', {where: from, problem: `${code} ${known.problem ?? ''}`.trim()});
}

/** Subscribes to the party's inbox. @throws FplError as `Transport.subscribe`. */
export async function createMessenger(options: MessengerOptions): Promise<Messenger> {
	const {transport, self, topics, clock = systemClock, logger = silentLogger} = options;
	const waiter = new Waiter(clock);
	const replies = new ReplyCache();
	const prefix = randomBytes(6).toString('base64url');
	const closing = new AbortController();
	/** Ends the repetitions of requests under way. A signal made with AbortSignal.any would stay with `closing` for ever. */
	const repeating = new Set<AbortController>();
	let count = 0;
	let serving = 0;
	let handler: Handler | undefined;

	const compose = (to: DeviceId | '', body: Body, inReplyTo = ''): Message => ({
		id: `${prefix}.${++count}`,
		from: self,
		to,
		sentAtMs: clock.now(),
		inReplyTo,
		body,
	});
	const post = (to: DeviceId, bytes: Uint8Array) =>
		transport.publish(topics.between('control', self, to), bytes, {qos: 1});
	const closed = () => new FplError('WIRE_CLOSED', {where: String(self), problem: 'the messenger was closed'});

	async function answer(message: Message, current: Handler): Promise<void> {
		const key = `${message.from}/${message.id}`;
		const before = replies.get(key);
		if (before === 'pending' || before === 'none') {
			return;
		}
		if (before !== undefined) {
			await post(message.from, before);
			return;
		}
		if (serving >= maxServing) {
			logger.warn('too many requests at once, one is dropped', {from: message.from, kind: message.body.kind});
			return;
		}
		replies.set(key, 'pending');
		serving++;
		try {
			const body = await Promise.resolve(message).then(current).catch(errorBodyLogged);
			const bytes = body && encode(compose(message.from, body, message.id));
			replies.set(key, bytes ?? 'none');
			if (bytes) {
				await post(message.from, bytes);
			}
		} catch (error) {
			// The answer could not be made or sent: the repetition of the request must find the field clear.
			if (replies.get(key) === 'pending') {
				replies.delete(key);
			}
			throw error;
		} finally {
			serving--;
		}
	}

	function errorBodyLogged(error: unknown): Body {
		logger.warn('a request is refused', {error: error instanceof Error ? error.message : String(error)});
		return errorBody(error);
	}

	function receive(topic: string, payload: Uint8Array): void {
		let message: Message;
		try {
			message = decode(payload);
		} catch (error) {
			logger.warn('a message was dropped', {topic, error: asFplError(error).message});
			return;
		}
		const address = topics.parse(topic);
		if (address?.kind !== 'control' || address.from !== message.from || address.to !== message.to) {
			logger.warn('a message was dropped: its envelope names others than its topic', {topic, from: message.from});
			return;
		}
		if (waiter.offer(message)) {
			return;
		}
		if (message.inReplyTo !== '' || !handler) {
			logger.debug('nobody waits for this message', {from: message.from, kind: message.body.kind});
			return;
		}
		answer(message, handler).catch((error: unknown) => {
			if (!closing.signal.aborted) {
				logger.warn('an answer could not be sent', {to: message.from, error: asFplError(error).message});
			}
		});
	}

	const subscription = await transport.subscribe(topics.inbox('control', self), receive);

	/** Publishes again and again until the reply has come; failures to publish are waited out. */
	async function repeat(to: DeviceId, bytes: Uint8Array, firstMs: number, signal: AbortSignal): Promise<void> {
		for (let wait = firstMs; !signal.aborted; wait = Math.min(wait * 2, 30_000)) {
			post(to, bytes).catch((error: unknown) =>
				logger.debug('a request could not be published', {to, error: asFplError(error).message}),
			);
			await clock.sleep(wait, signal);
		}
	}

	return {
		self,
		async send(to, body, inReplyTo = '') {
			const message = compose(to, body, inReplyTo);
			await post(to, encode(message));
			return message.id;
		},
		publish: (topic, body, publishOptions) => transport.publish(topic, encode(compose('', body)), publishOptions),
		async request<K extends Kind>(to: DeviceId, body: Body, {expect, deadlineMs, retryMs, signal}: RequestOptions<K>) {
			if (closing.signal.aborted) {
				throw closed();
			}
			const message = compose(to, body);
			const bytes = encode(message);
			const stop = new AbortController();
			repeating.add(stop);
			const wanted: readonly Kind[] = expect;
			const reply = waiter.wait({inReplyTo: message.id, from: to}, deadlineMs, signal).catch((error: unknown) => {
				throw asFplError(error).code === 'WIRE_TIMEOUT'
					? timeout(to, body.kind, wanted, message.id, deadlineMs)
					: error;
			});
			void repeat(to, bytes, retryMs ?? Math.min(2000, deadlineMs / 3), stop.signal);
			try {
				const {body: answered, ...envelope} = await reply;
				if (wanted.includes(answered.kind)) {
					return {...envelope, body: answered as BodyOf<K>};
				}
				throw answered.kind === 'refused' || answered.kind === 'failed'
					? peerError(to, answered)
					: new FplError('WIRE_INVALID', {where: to, expected: wanted.join(' or '), got: answered.kind});
			} finally {
				repeating.delete(stop);
				// With a reason of our own no exception is made, whose stack costs more than the rest.
				stop.abort('answered');
			}
		},
		waitFor: (matcher, deadlineMs, signal) => waiter.wait(matcher, deadlineMs, signal),
		serve(next) {
			handler = next;
		},
		async close() {
			if (closing.signal.aborted) {
				return;
			}
			closing.abort();
			for (const stop of repeating) {
				stop.abort('closed');
			}
			waiter.refuse(closed());
			await subscription.unsubscribe();
		},
	};
}

const timeout = (to: DeviceId, asked: Kind, wanted: readonly Kind[], id: string, deadlineMs: number) =>
	new FplError('WIRE_TIMEOUT', {
		where: `${asked} to ${to}`,
		expected: `${wanted.join(' or ')} in reply to ${id} within ${deadlineMs} ms`,
		got: 'none',
	});
