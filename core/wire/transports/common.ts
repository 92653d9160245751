/** What every transport refuses in the same words, and waiting for a connection. */
import type {Clock} from '../../clock.js';
import {FplError} from '../../errors.js';
import type {Payload, Transport} from '../transport.js';

/** Whether a payload comes in pieces. */
export const inPieces = (payload: Payload): payload is readonly Uint8Array[] => Array.isArray(payload);

export const payloadBytes = (payload: Payload): number =>
	inPieces(payload) ? payload.reduce((sum, part) => sum + part.length, 0) : payload.length;

/** A payload in one piece. */
export const joined = (payload: Payload): Uint8Array => (inPieces(payload) ? Buffer.concat(payload) : payload);

export const closedError = (topic: string): FplError =>
	new FplError('WIRE_CLOSED', {where: topic, problem: 'this transport was closed'});

export const offlineError = (topic: string): FplError =>
	new FplError('WIRE_CLOSED', {where: topic, problem: 'the connection to the broker is down'});

/** @throws FplError `WIRE_TOO_LARGE`, `WIRE_INVALID` for a topic with wildcards or none at all. */
export function checkPublish({maxPayloadBytes}: Transport, topic: string, payload: Payload): void {
	if (topic === '' || /[+#\0]/u.test(topic)) {
		throw new FplError('WIRE_INVALID', {where: `«${topic.slice(0, 80)}»`, problem: 'one cannot publish to this topic'});
	}
	const size = payloadBytes(payload);
	if (size > maxPayloadBytes) {
		throw new FplError('WIRE_TOO_LARGE', {
			where: topic,
			expected: `at most ${maxPayloadBytes} bytes`,
			got: `${size}`,
		});
	}
}

export const unacknowledgedError = (topic: string, deadlineMs: number): FplError =>
	new FplError('WIRE_TIMEOUT', {
		where: topic,
		expected: `an acknowledgment from the broker within ${deadlineMs} ms`,
		got: 'none',
	});

/**
 * Resolves once the transport is online.
 * @throws FplError `WIRE_CLOSED` when it is closed meanwhile, `WIRE_TIMEOUT` after `deadlineMs`.
 */
export async function whenOnline(transport: Transport, clock: Clock, topic: string, deadlineMs: number): Promise<void> {
	if (transport.status === 'online') {
		return;
	}
	if (transport.status === 'closed') {
		throw closedError(topic);
	}
	await new Promise<void>((resolve, reject) => {
		const cancelTimer = clock.after(deadlineMs, () => {
			cancelListener();
			reject(unacknowledgedError(topic, deadlineMs));
		});
		const cancelListener = transport.onStatus(status => {
			if (status !== 'offline') {
				cancelTimer();
				cancelListener();
				status === 'online' ? resolve() : reject(closedError(topic));
			}
		});
	});
}
