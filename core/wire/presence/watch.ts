/** Watches who is there: births, deaths and the probing of doubtful births, on one transport. */
import {randomBytes} from 'node:crypto';
import {type Clock, systemClock} from '../../clock.js';
import {asFplError} from '../../errors.js';
import type {DeviceId} from '../../ids.js';
import {type Logger, silentLogger} from '../../log.js';
import {decode, encode} from '../message.js';
import type {Topics} from '../topics.js';
import type {Transport} from '../transport.js';
import {type Birth, emptyEntry, type LeaveReason, type RosterEntry, type RosterEvent, stepRoster} from './roster.js';

export interface WatchOptions {
	readonly transport: Transport;
	readonly topics: Topics;
	/** The watching party; devices answer to it. */
	readonly self: DeviceId;
	readonly onJoin: (birth: Birth) => void;
	/** The same session says something new about itself. */
	readonly onUpdate?: (birth: Birth) => void;
	readonly onLeave: (birth: Birth, reason: LeaveReason) => void;
	/** How long a device may take to answer one probe, and how often it is asked. */
	readonly probeMs?: number;
	readonly probes?: number;
	readonly clock?: Clock;
	readonly logger?: Logger;
}

export interface PresenceWatch {
	/** Devices that are there now. */
	present(): readonly Birth[];
	close(): Promise<void>;
}

/** Device ids come from the network: their number is bounded. */
const maxDevices = 10_000;

export async function watchPresence(options: WatchOptions): Promise<PresenceWatch> {
	const {transport, topics, self, clock = systemClock, logger = silentLogger} = options;
	const {probeMs = 1500, probes = 3} = options;
	const entries = new Map<DeviceId, RosterEntry>();
	const timers = new Map<DeviceId, () => void>();
	const prefix = randomBytes(6).toString('base64url');
	let count = 0;
	let closed = false;

	function stopTimer(device: DeviceId): void {
		timers.get(device)?.();
		timers.delete(device);
	}

	function probe(device: DeviceId): void {
		stopTimer(device);
		timers.set(
			device,
			clock.after(probeMs, () => step(device, {kind: 'timer'})),
		);
		const body = {kind: 'probe'} as const;
		const bytes = encode({
			id: `${prefix}.${++count}`,
			from: self,
			to: device,
			sentAtMs: clock.now(),
			inReplyTo: '',
			body,
		});
		transport
			.publish(topics.between('probe', self, device), bytes, {qos: 1})
			.catch((error: unknown) => logger.debug('a probe could not be sent', {device, error: asFplError(error).message}));
	}

	function step(device: DeviceId, event: RosterEvent): void {
		if (closed) {
			return;
		}
		const before = entries.get(device) ?? emptyEntry;
		if (before === emptyEntry && entries.size >= maxDevices) {
			logger.warn('too many devices, one is ignored', {device});
			return;
		}
		const [next, effects] = stepRoster(before, event, probes);
		entries.set(device, next);
		for (const effect of effects) {
			switch (effect.kind) {
				case 'join':
					logger.info('a device joined', {device, session: effect.birth.session});
					options.onJoin(effect.birth);
					break;
				case 'update':
					options.onUpdate?.(effect.birth);
					break;
				case 'leave':
					logger.info('a device left', {device, session: effect.birth.session, because: effect.reason.kind});
					options.onLeave(effect.birth, effect.reason);
					break;
				case 'ghost':
					logger.info('a birth without a device is ignored', {device, session: effect.birth.session});
					break;
				case 'probe':
					probe(device);
					break;
				case 'stopTimer':
					stopTimer(device);
					break;
				default:
					effect satisfies never;
			}
		}
	}

	function receive(topic: string, payload: Uint8Array, retained: boolean): void {
		const address = topics.parse(topic);
		if (payload.length === 0 || !address) {
			return;
		}
		let body: ReturnType<typeof decode>['body'];
		try {
			({body} = decode(payload));
		} catch (error) {
			logger.warn('a presence message was dropped', {topic, error: asFplError(error).message});
			return;
		}
		if (address.kind === 'birth' && body.kind === 'birth' && body.device === address.device) {
			step(address.device, {kind: 'birth', birth: body, retained});
		} else if (address.kind === 'death' && body.kind === 'death' && body.device === address.device) {
			step(address.device, {kind: 'death', session: body.session, because: body.because});
		} else if (address.kind === 'probe' && body.kind === 'probeReply' && body.device === address.from) {
			step(address.from, {kind: 'reply', session: body.session});
		}
	}

	const cancelStatus = transport.onStatus(status => {
		if (status === 'online') {
			for (const device of entries.keys()) {
				step(device, {kind: 'recheck'});
			}
		}
	});
	const subscriptions = [
		await transport.subscribe(topics.inbox('probe', self), receive),
		// Deaths first: a birth whose session is known to be over need not be probed.
		await transport.subscribe(topics.ofAll('death'), receive),
		await transport.subscribe(topics.ofAll('birth'), receive),
	];

	return {
		present: () => [...entries.values()].flatMap(({present, birth}) => (present && birth !== undefined ? [birth] : [])),
		async close() {
			if (closed) {
				return;
			}
			closed = true;
			cancelStatus();
			for (const device of [...timers.keys()]) {
				stopTimer(device);
			}
			await Promise.all(subscriptions.map(subscription => subscription.unsubscribe()));
		},
	};
}
