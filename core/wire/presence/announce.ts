/** An agent's presence: takes the device's name on a transport, keeps it over reconnections, gives it back. */
import {randomBytes} from 'node:crypto';
import {type Clock, systemClock} from '../../clock.js';
import {asFplError, FplError} from '../../errors.js';
import type {DeviceId} from '../../ids.js';
import {type Logger, silentLogger} from '../../log.js';
import type {Body, BodyOf} from '../bodies.js';
import {decode, encode, protocolVersion} from '../message.js';
import type {Topics} from '../topics.js';
import type {Subscription, Transport, Will} from '../transport.js';
import {
	type AnnouncerEffect,
	type AnnouncerEvent,
	type AnnouncerTimes,
	type Claim,
	initialAnnouncer,
	stepAnnouncer,
} from './announcer.js';

/** What a birth says beyond who it is. */
export type BirthFacts = Omit<
	BodyOf<'birth'>,
	'kind' | 'device' | 'installation' | 'incarnation' | 'session' | 'protocol'
>;

export interface PresenceOptions {
	readonly topics: Topics;
	readonly device: DeviceId;
	/** A key made once per installation and kept on disk. */
	readonly installation: string;
	/** Counts the starts of this installation, or milliseconds since 1970 at the start: it only has to grow. */
	readonly incarnation: number;
	/** Asked whenever the birth is published. */
	readonly facts: () => BirthFacts;
	readonly times?: Partial<AnnouncerTimes>;
	readonly clock?: Clock;
	readonly logger?: Logger;
}

export interface Presence {
	/** Hand this to the transport: it makes a new session for every connection. */
	readonly will: () => Will;
	/**
	 * Resolves when the device's name is ours.
	 * @throws FplError `ID_TAKEN` when another installation answers under this id, `WIRE_CLOSED`.
	 */
	announce(transport: Transport): Promise<void>;
	/** Publishes the birth again, since its facts have changed. Nothing happens while not announced. */
	update(): void;
	/** Called when the name is lost after it was ours; returns its cancellation. */
	onTaken(listener: (error: FplError) => void): () => void;
	/** Says goodbye and stops. Close the transport afterwards. */
	leave(because: string): Promise<void>;
}

const defaultTimes: AnnouncerTimes = {settleMs: 700, probeMs: 1000, probes: 3};

const takenError = (device: DeviceId, by: Claim, sameInstallation: boolean): FplError =>
	new FplError(
		'ID_TAKEN',
		sameInstallation
			? {
					where: String(device),
					problem: `the agent of this installation was started once more (start ${by.incarnation})`,
					fix: 'Let only one of them run.',
				}
			: {
					where: String(device),
					problem: `installation ${by.installation} is connected under this id and answers`,
					fix: 'Give this device another id, or stop the other agent first.',
				},
	);

export function createPresence(options: PresenceOptions): Presence {
	const {topics, device, installation, incarnation, facts, clock = systemClock, logger = silentLogger} = options;
	const times = {...defaultTimes, ...options.times};
	const nonce = randomBytes(6).toString('base64url');
	const ownSessions = new Set<string>();
	const listeners = new Set<(error: FplError) => void>();
	const subscriptions: Subscription[] = [];
	let sessions = 0;
	let messages = 0;
	let session = '';
	let state = initialAnnouncer;
	let transport: Transport | undefined;
	let cancelTimer = () => {};
	let cancelStatus = () => {};
	let settle: {readonly resolve: () => void; readonly reject: (error: FplError) => void} | undefined;
	/** Publications one after the other, so that a death is never overtaken by the birth before it. */
	let outgoing: Promise<void> = Promise.resolve();

	function newSession(): string {
		session = `${nonce}.${++sessions}`;
		ownSessions.add(session);
		if (ownSessions.size > 64) {
			ownSessions.delete([...ownSessions][0]!);
		}
		return session;
	}

	const pack = (to: DeviceId | '', body: Body, inReplyTo = '') =>
		encode({id: `${nonce}.${++messages}`, from: device, to, sentAtMs: clock.now(), inReplyTo, body});
	const death = (of: string, because: string) => pack('', {kind: 'death', device, session: of, because});

	function publish(topic: string, payload: Uint8Array, retain: boolean): void {
		outgoing = outgoing
			.then(() => transport?.publish(topic, payload, {qos: 1, retain}))
			.catch((error: unknown) =>
				logger.debug('presence could not be published', {topic, error: asFplError(error).message}),
			);
	}

	function perform(effect: AnnouncerEffect): void {
		switch (effect.kind) {
			case 'timer':
				cancelTimer();
				cancelTimer = clock.after(effect.ms, () => step({kind: 'timer'}));
				break;
			case 'publishBirth':
				publish(
					topics.of(device, 'birth'),
					pack('', {kind: 'birth', device, protocol: protocolVersion, ...facts(), ...effect.self}),
					true,
				);
				break;
			case 'publishDeath':
				publish(topics.of(device, 'death'), death(effect.session, effect.because), true);
				break;
			case 'probe':
				publish(topics.between('probe', device, device), pack(device, {kind: 'probe'}), false);
				break;
			case 'reply': {
				const to = effect.to as DeviceId;
				const body = {kind: 'probeReply', device, ...effect.self} as const;
				publish(topics.between('probe', device, to), pack(to, body, effect.id), false);
				break;
			}
			case 'announced':
				settle?.resolve();
				settle = undefined;
				break;
			case 'taken': {
				const error = takenError(device, effect.by, effect.sameInstallation);
				if (settle) {
					settle.reject(error);
					settle = undefined;
				} else {
					for (const listener of listeners) {
						listener(error);
					}
				}
				break;
			}
			default:
				effect satisfies never;
		}
	}

	function step(event: AnnouncerEvent): void {
		const before = state.kind;
		const [next, effects] = stepAnnouncer(state, event, times, ownSessions);
		state = next;
		if (next.kind !== before) {
			cancelTimer();
			logger.debug('presence', {state: next.kind, on: event.kind});
		}
		effects.forEach(perform);
	}

	function onDeviceTopic(topic: string, payload: Uint8Array): void {
		const kind = topics.parse(topic)?.kind;
		if (payload.length === 0) {
			if (kind === 'birth') {
				step({kind: 'erased'});
			}
			return;
		}
		const body = read(topic, payload)?.body;
		if (body?.kind === 'birth' && body.device === device) {
			step({kind: 'birth', claim: body});
		} else if (body?.kind === 'death' && body.device === device) {
			step({kind: 'death', session: body.session});
		}
	}

	function onProbe(topic: string, payload: Uint8Array): void {
		const message = read(topic, payload);
		if (message?.body.kind === 'probe') {
			step({kind: 'probe', from: message.from, id: message.id});
		} else if (message?.body.kind === 'probeReply' && message.from === device) {
			step({kind: 'reply', claim: message.body});
		}
	}

	function read(topic: string, payload: Uint8Array) {
		try {
			return decode(payload);
		} catch (error) {
			logger.warn('a presence message was dropped', {topic, error: asFplError(error).message});
			return undefined;
		}
	}

	const online = () => step({kind: 'online', self: {installation, incarnation, session: session || newSession()}});

	async function stop(): Promise<void> {
		cancelTimer();
		cancelStatus();
		await Promise.all(subscriptions.splice(0).map(subscription => subscription.unsubscribe()));
	}

	return {
		will: () => ({
			topic: topics.of(device, 'death'),
			payload: death(newSession(), 'connection lost'),
			qos: 1,
			retain: true,
		}),
		async announce(given) {
			transport = given;
			const announced = new Promise<void>((resolve, reject) => {
				settle = {resolve, reject};
			});
			// A refusal may come while the subscriptions are still being made.
			announced.catch(() => undefined);
			cancelStatus = given.onStatus(status => {
				if (status === 'online') {
					online();
				} else {
					step({kind: 'offline'});
				}
				if (status === 'closed') {
					settle?.reject(new FplError('WIRE_CLOSED', {where: String(device), problem: 'closed while joining'}));
				}
			});
			try {
				subscriptions.push(await given.subscribe(topics.inbox('probe', device), onProbe));
				subscriptions.push(await given.subscribe(topics.of(device, 'death'), onDeviceTopic));
				subscriptions.push(await given.subscribe(topics.of(device, 'birth'), onDeviceTopic));
				if (state.kind === 'offline' && given.status === 'online') {
					online();
				}
				await announced;
			} catch (error) {
				await stop();
				throw error;
			}
		},
		update: () => step({kind: 'update'}),
		onTaken(listener) {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		async leave(because) {
			step({kind: 'leave', because});
			await outgoing;
			await stop();
		},
	};
}
