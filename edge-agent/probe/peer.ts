/**
 * Times the way to another agent: short questions that it answers, and a payload that it takes and throws away. Everything
 * passes the broker, so this is what a stage's values meet on their way to the next stage.
 */
import {randomBytes} from 'node:crypto';
import type {Clock} from '../../core/clock.js';
import type {DeviceId} from '../../core/ids.js';
import type {PeerLink} from '../../core/profile/profile.js';
import type {Messenger} from '../../core/wire/messenger.js';
import type {Acceptance, IncomingTransfer, TensorLink} from '../../core/wire/tensor-link.js';

const pings = 9;
const pingMs = 10_000;
/** A moment on Ethernet, some seconds on a slow radio. */
const payloadBytes = 1024 * 1024;
const stallMs = 20_000;
/** What an agent takes at most for another one's measurement. */
const mostBytes = 4 * 1024 * 1024;

const name = 'link-probe';

export interface PeerParts {
	readonly messenger: Messenger;
	readonly link: TensorLink;
	readonly clock: Clock;
	readonly signal?: AbortSignal;
}

/**
 * @throws FplError `WIRE_TIMEOUT` when the other agent does not answer, `AGENT_FAILED` when it has other work, `INTERRUPTED`.
 */
export async function measurePeer({messenger, link, clock, signal}: PeerParts, peer: DeviceId): Promise<PeerLink> {
	const options = {deadlineMs: pingMs, ...(signal && {signal})};
	const trips: number[] = [];
	for (let index = 0; index < pings; index++) {
		const began = clock.monotonic();
		await messenger.request(peer, {kind: 'ping'}, {expect: ['ack'], ...options});
		trips.push((clock.monotonic() - began) / 1000);
	}
	const trip = trips.toSorted((a, b) => a - b)[Math.floor(pings / 2)]!;
	const id = `${name}/${messenger.self}/${randomBytes(6).toString('hex')}`;
	const purpose = {kind: 'file', run: '', name, digest: ''} as const;
	const data = new Uint8Array(payloadBytes);
	const {seconds} = await link.send(peer, {id, purpose, data}, {stallMs, ...(signal && {signal})});
	// The last acknowledgment comes back after a trip of its own.
	return {peer, latencySeconds: trip / 2, bytesPerSecond: payloadBytes / Math.max(seconds - trip, seconds * 0.1, 1e-6)};
}

/** Whether a transfer is such a payload. */
export const isProbe = ({purpose}: IncomingTransfer): boolean => purpose.kind === 'file' && purpose.name === name;

/** Takes it and keeps nothing. @param busy with what: then nothing is measured, for neither would be right. */
export function acceptProbe({bytes}: IncomingTransfer, busy: string | undefined): Acceptance {
	if (busy !== undefined) {
		return {refuse: `it works for ${busy}; measure when it has no work`};
	}
	return bytes > mostBytes
		? {refuse: `expected at most ${mostBytes} bytes, got ${bytes}`}
		: {chunk: () => {}, done: () => {}, abort: () => {}};
}
