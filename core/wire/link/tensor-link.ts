/** The tensor link over a transport. Protocol: docs/protocol.md, «Transfers». */
import {randomBytes} from 'node:crypto';
import {type Clock, systemClock} from '../../clock.js';
import {asFplError, FplError} from '../../errors.js';
import type {DeviceId} from '../../ids.js';
import {type Logger, silentLogger} from '../../log.js';
import type {Body} from '../bodies.js';
import {decode, encode, type Message} from '../message.js';
import type {OutgoingTransfer, SendOptions, TensorLink, TransferStats} from '../tensor-link.js';
import type {Topics} from '../topics.js';
import type {Payload, Transport} from '../transport.js';
import {payloadBytes} from '../transports/common.js';
import {chunkEnvelope, chunkOverheadBytes, readChunk} from './chunk-codec.js';
import {defaultLimits, Incoming, type IncomingLimits} from './incoming.js';
import {Outgoing} from './outgoing.js';
import {defaultPacing, Pacing, type PacingOptions} from './pacing.js';

export interface TensorLinkOptions {
	readonly topics: Topics;
	/** Proposed to receivers; less where the transport allows less. */
	readonly chunkBytes?: number;
	readonly pacing?: Partial<PacingOptions>;
	readonly limits?: Partial<IncomingLimits>;
	readonly clock?: Clock;
	readonly logger?: Logger;
}

/** Fixed header and topic length field of an MQTT PUBLISH (3.3), for counting. */
const publishHeaderBytes = 6;
const defaultChunkBytes = 256 * 1024;
/** Senders whose names are kept at hand; the names come from the network. */
const maxPeers = 4096;

export interface CountedTensorLink extends TensorLink {
	/** Transfers under way now. */
	readonly active: {readonly outgoing: number; readonly incoming: number};
}

/** Subscribes to the party's transfers. @throws FplError as `Transport.subscribe`. */
export async function createTensorLink(
	transport: Transport,
	self: DeviceId,
	options: TensorLinkOptions,
): Promise<CountedTensorLink> {
	const {topics, clock = systemClock, logger = silentLogger} = options;
	const chunkBytes = Math.min(options.chunkBytes ?? defaultChunkBytes, transport.maxPayloadBytes - chunkOverheadBytes);
	if (chunkBytes < 1) {
		throw new FplError('WIRE_TOO_LARGE', {where: 'tensor link', problem: 'the transport has no room for chunks'});
	}
	const pacingOptions = {...defaultPacing, ...options.pacing};
	/** The latest experience with each party. */
	const pacings = new Map<DeviceId, Pacing>();
	const outgoing = new Map<string, {readonly sender: Outgoing; readonly result: Promise<TransferStats>}>();
	/**
	 * Transfers to one peer follow each other: one that the peer can use now is worth more than two that are half there. In the
	 * order in which they began; those behind the first wait while it has chunks to send.
	 */
	const lines = new Map<DeviceId, Outgoing[]>();
	const traffic = {sent: 0, received: 0};
	const prefix = randomBytes(6).toString('base64url');
	let messages = 0;
	let closed = false;

	async function publish(to: DeviceId, bytes: Payload): Promise<number> {
		const topic = topics.between('tensor', self, to);
		const size = payloadBytes(bytes) + topic.length + publishHeaderBytes;
		await transport.publish(topic, bytes);
		traffic.sent += size;
		return size;
	}

	const post = async (to: DeviceId, body: Body): Promise<number> =>
		publish(to, encode({id: `${prefix}.${++messages}`, from: self, to, sentAtMs: clock.now(), inReplyTo: '', body}));
	const postLater = (to: DeviceId, body: Body): void => {
		post(to, body).catch((error: unknown) =>
			logger.debug('a transfer message could not be sent', {to, kind: body.kind, error: asFplError(error).message}),
		);
	};

	const incoming = new Incoming({
		clock,
		logger,
		limits: {...defaultLimits, ...options.limits},
		acknowledge: postLater,
	});

	/** Senders by their topic, with what their chunks begin with. */
	const peers = new Map<string, {readonly from: DeviceId; readonly envelope: Buffer}>();
	function peerOf(topic: string) {
		const known = peers.get(topic);
		const address = known ? undefined : topics.parse(topic);
		if (address?.kind !== 'tensor') {
			return known;
		}
		if (peers.size >= maxPeers) {
			peers.clear();
		}
		const peer = {from: address.from, envelope: chunkEnvelope(address.from, address.to)};
		peers.set(topic, peer);
		return peer;
	}

	function receive(topic: string, payload: Uint8Array): void {
		traffic.received += payload.length + topic.length + publishHeaderBytes;
		const peer = peerOf(topic);
		const chunk = peer && readChunk(payload, peer.envelope);
		if (chunk) {
			incoming.chunk(peer.from, chunk);
			return;
		}
		let message: Message;
		try {
			message = decode(payload);
		} catch (error) {
			logger.warn('a transfer message was dropped', {topic, error: asFplError(error).message});
			return;
		}
		const {from, body} = message;
		if (topic !== topics.between('tensor', from, self)) {
			logger.warn('a transfer message was dropped: its envelope names others than its topic', {topic, from});
			return;
		}
		switch (body.kind) {
			case 'begin':
				incoming.begin(from, body);
				break;
			case 'chunk':
				incoming.chunk(from, body);
				break;
			case 'cancel':
				incoming.cancel(from, body);
				break;
			case 'chunkAck':
				outgoing.get(`${from}/${body.transfer}`)?.sender.acknowledged(body);
				break;
			default:
				logger.warn('a message of this kind has no place among transfers', {topic, kind: body.kind});
		}
	}

	async function run(to: DeviceId, transfer: OutgoingTransfer, sender: Outgoing): Promise<TransferStats> {
		try {
			return await sender.run();
		} catch (error) {
			if (transport.status === 'online') {
				postLater(to, {kind: 'cancel', transfer: transfer.id, because: asFplError(error).code});
			}
			throw error;
		} finally {
			outgoing.delete(`${to}/${transfer.id}`);
			leave(to, sender);
		}
	}

	function leave(to: DeviceId, sender: Outgoing): void {
		const rest = (lines.get(to) ?? []).filter(other => other !== sender);
		if (rest.length > 0) {
			lines.set(to, rest);
		} else {
			lines.delete(to);
		}
		passOn(to);
	}

	/** The first transfer that waits for its turn may send. */
	function passOn(to: DeviceId): void {
		lines
			.get(to)
			?.find(({isSending}) => isSending)
			?.frontReached();
	}

	const cancelStatus = transport.onStatus(() => {
		for (const {sender} of outgoing.values()) {
			sender.statusChanged();
		}
	});
	const subscription = await transport.subscribe(topics.inbox('tensor', self), receive, {transient: true});

	return {
		traffic,
		get active() {
			return {outgoing: outgoing.size, incoming: incoming.size};
		},
		send(to: DeviceId, transfer: OutgoingTransfer, sendOptions: SendOptions): Promise<TransferStats> {
			const key = `${to}/${transfer.id}`;
			const under = outgoing.get(key);
			if (under) {
				return under.result;
			}
			if (closed) {
				return Promise.reject(new FplError('WIRE_CLOSED', {where: `transfer ${transfer.id} to ${to}`}));
			}
			const pacing = new Pacing(pacingOptions, pacings.get(to));
			if (pacings.size >= maxPeers) {
				pacings.clear();
			}
			pacings.set(to, pacing);
			const context = {
				clock,
				self,
				to,
				chunkBytes,
				pacing,
				status: () => transport.status,
				publish: (bytes: Payload) => publish(to, bytes),
				post: (body: Body) => post(to, body),
				sent: () => traffic.sent,
				isBehind: () => lines.get(to)?.find(({isSending}) => isSending) !== sender,
				passOn: () => passOn(to),
			};
			const sender = new Outgoing(context, transfer, sendOptions);
			lines.set(to, [...(lines.get(to) ?? []), sender]);
			const result = run(to, transfer, sender);
			outgoing.set(key, {sender, result});
			return result;
		},
		onTransfer: handler => incoming.setHandler(handler),
		async close() {
			if (closed) {
				return;
			}
			closed = true;
			cancelStatus();
			incoming.close();
			for (const {sender} of outgoing.values()) {
				sender.fail(new FplError('WIRE_CLOSED', {where: 'tensor link', problem: 'the link was closed'}));
			}
			await subscription.unsubscribe();
		},
	};
}
