/** The embedded MQTT broker: aedes over TCP, with limits in front of it and rules of access. */
import type {EventEmitter} from 'node:events';
import net from 'node:net';
import {type Duplex, duplexPair} from 'node:stream';
import {Aedes, type AuthenticateError, type Client, type ConnectPacket} from 'aedes';
import {type Clock, systemClock, withDeadline} from '../core/clock.js';
import {FplError} from '../core/errors.js';
import type {DeviceId} from '../core/ids.js';
import {type Logger, silentLogger} from '../core/log.js';
import {maxMessageBytes} from '../core/wire/bodies.js';
import {createTopics, type Topics} from '../core/wire/topics.js';
import {type Credential, refuseConnection, refusePublish} from './access.js';
import {Express} from './express/express.js';
import {limitFrames} from './frame-limit.js';

export interface BrokerOptions {
	/** `mqtt://host:port`; port 0 picks a free one. */
	readonly listen: string;
	readonly topics?: Topics;
	readonly credentials?: readonly Credential[];
	/** Whether a coordinator may connect from another process; by default only from within. */
	readonly remoteCoordinator?: boolean;
	/** Largest MQTT frame, topic included. */
	readonly maxFrameBytes?: number;
	readonly maxClients?: number;
	/** How long a connection may take to present itself. */
	readonly handshakeMs?: number;
	/** How long a frame may take from its first byte to its last. */
	readonly frameMs?: number;
	/** How long a subscriber may refuse to read before it is cut: else it would stop the delivery to everybody. */
	readonly drainMs?: number;
	readonly clock?: Clock;
	readonly logger?: Logger;
}

export interface BrokerStats {
	/** Connected clients, those within the process included. */
	readonly clients: number;
	readonly messages: number;
	/** Bytes over TCP since the start. */
	readonly bytesIn: number;
	readonly bytesOut: number;
	/** Connections cut for breaking a limit or a rule. */
	readonly refused: number;
	readonly retainedTopics: number;
}

export interface Broker {
	/** Where it listens, with the actual port. */
	readonly url: string;
	readonly host: string;
	readonly port: number;
	/** Opens a stream to the broker within the process: the `broker` of `connectMqtt`. */
	readonly open: () => Duplex;
	stats(): BrokerStats;
	/** Cuts everybody off and frees the port, within a few seconds. Idempotent. */
	close(): Promise<void>;
}

const maxRetainedTopics = 10_000;
const maxFiltersPerClient = 1000;
const closeMs = 3000;

/** @throws FplError `CONFIG_VALUE` for an address that is none or not ours, `PORT_TAKEN`. */
async function listenOn(server: net.Server, address: string): Promise<{host: string; port: number}> {
	const url = URL.canParse(address) ? new URL(address) : undefined;
	if (url?.protocol !== 'mqtt:' || url.hostname === '') {
		throw new FplError('CONFIG_VALUE', {
			where: 'listen',
			expected: 'mqtt://host:port, for instance mqtt://0.0.0.0:1883',
			got: `«${address}»`,
		});
	}
	const host = url.hostname.replace(/^\[(.*)\]$/u, '$1');
	const wanted = url.port === '' ? 1883 : Number(url.port);
	await new Promise<void>((resolve, reject) => {
		server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, wanted)));
		server.listen({host, port: wanted}, resolve);
	});
	const bound = server.address();
	return {host, port: bound !== null && typeof bound === 'object' ? bound.port : wanted};
}

const listenProblems: Readonly<Record<string, string>> = {
	EACCES: 'listening on this port needs more rights; take one above 1023',
	EADDRNOTAVAIL: 'this machine does not have this address; 0.0.0.0 stands for all that it has',
	ENOTFOUND: 'there is no host of that name; 0.0.0.0 stands for all addresses of this machine',
};

function listenError(error: NodeJS.ErrnoException, host: string, port: number): FplError {
	if (error.code === 'EADDRINUSE') {
		return new FplError('PORT_TAKEN', {
			where: `${host}:${port}`,
			problem: 'another program listens there, perhaps another broker',
			fix: 'Stop it, or choose another port with --listen mqtt://host:port (port 0 picks a free one).',
		});
	}
	const problem = listenProblems[error.code ?? ''] ?? error.message;
	return new FplError('CONFIG_VALUE', {where: `listen, ${host}:${port}`, problem}, {cause: error});
}

/**
 * Starts the broker.
 * @throws FplError `PORT_TAKEN`, `CONFIG_VALUE`.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
	const {clock = systemClock, topics = createTopics()} = options;
	const logger = options.logger ?? silentLogger;
	const maxFrameBytes = options.maxFrameBytes ?? maxMessageBytes + 1024;
	const limits = {maxFrameBytes, maxConnectBytes: Math.min(maxFrameBytes, 64 * 1024)};
	const rules = {
		topics,
		remoteCoordinator: options.remoteCoordinator ?? false,
		...(options.credentials && {credentials: options.credentials}),
	};
	const inside = new WeakSet<object>();
	const parties = new WeakMap<object, DeviceId | undefined>();
	const filters = new WeakMap<object, Set<string>>();
	const retained = new Set<string>();
	const counters = {messages: 0, bytesIn: 0, bytesOut: 0, refused: 0};

	const refuse = (who: string, because: string) => {
		counters.refused++;
		logger.warn('refused by the broker', {client: who, because});
	};

	const drainMs = options.drainMs ?? 20_000;
	const express = new Express({
		topics,
		clock,
		drainMs,
		onMessage: () => {
			counters.messages++;
		},
		onStuck: client => refuse(client.id, 'it does not read what it gets'),
	});
	const aedes = await Aedes.createBroker({
		concurrency: 100,
		heartbeatInterval: 30_000,
		connectTimeout: options.handshakeMs ?? 10_000,
		drainTimeout: drainMs,
		maxTopicLevels: 16,
		queueLimit: 42,
		maxInflightInbound: 100,
		preConnect(_client: Client, packet: ConnectPacket, done: (error: Error | null, success: boolean) => void) {
			// A session that outlives its connection would pile up messages here for somebody who never comes back.
			packet.clean = true;
			done(null, true);
		},
		authenticate(client, username, password, done) {
			const refusal = refuseConnection(rules, {
				clientId: client.id,
				username,
				password,
				inside: inside.has(client.conn),
			});
			if (refusal) {
				refuse(client.id, refusal.because);
				const error: Error & {returnCode?: number} = new Error(refusal.because);
				error.returnCode = refusal.code;
				done(error as AuthenticateError, false);
				return;
			}
			const party = topics.partyOf(client.id);
			parties.set(client, party);
			express.admit(client, party);
			done(null, true);
		},
		authorizePublish(client, packet, done) {
			if (client === null) {
				done(null);
				return;
			}
			const {topic, payload, retain} = packet;
			let because = refusePublish(topics, parties.get(client), {topic, retain, bytes: payload.length});
			if (retain && because === undefined) {
				if (payload.length === 0) {
					retained.delete(topic);
				} else if (retained.size < maxRetainedTopics || retained.has(topic)) {
					retained.add(topic);
				} else {
					because = `more than ${maxRetainedTopics} retained messages`;
				}
			}
			if (because === undefined) {
				done(null);
				return;
			}
			refuse(client.id, `${topic.slice(0, 200)}: ${because}`);
			// MQTT 3.1.1 has no answer that says no (3.3.5): the connection is closed.
			done(new Error(because));
		},
		authorizeSubscribe(client, subscription, done) {
			const own = filters.get(client) ?? new Set<string>();
			filters.set(client, own);
			const allowed =
				topics.maySubscribe(parties.get(client), subscription.topic) &&
				(own.has(subscription.topic) || own.size < maxFiltersPerClient);
			if (allowed) {
				own.add(subscription.topic);
				express.routes.add(client, subscription.topic);
			} else {
				refuse(client.id, `may not subscribe to ${subscription.topic.slice(0, 200)}`);
			}
			done(null, allowed ? subscription : null);
		},
		published(_packet, _client, done) {
			counters.messages++;
			done(null);
		},
	});
	aedes.on('unsubscribe', (removed, client) => {
		for (const filter of removed) {
			filters.get(client)?.delete(filter);
			express.routes.remove(client, filter);
		}
	});
	aedes.on('clientDisconnect', client => express.routes.drop(client));
	const clientError = (client: Client, error: Error) =>
		logger.debug('client error', {client: client.id ?? '(unknown)', error: error.message});
	aedes.on('clientError', clientError);
	aedes.on('connectionError', clientError);
	const emitter: EventEmitter = aedes;
	emitter.on('error', error => logger.error('broker error', {error: String(error)}));

	const sockets = new Map<net.Socket, {readonly owesSince: number | undefined}>();
	const server = net.createServer({noDelay: true}, socket => {
		const peer = `${socket.remoteAddress}:${socket.remotePort}`;
		const limited = limitFrames(
			socket,
			limits,
			() => clock.monotonic(),
			what => refuse(peer, what),
		);
		express.attach(socket);
		sockets.set(socket, limited);
		socket.once('close', () => {
			sockets.delete(socket);
			counters.bytesIn += socket.bytesRead;
			counters.bytesOut += socket.bytesWritten;
		});
		aedes.handle(socket);
	});
	server.maxConnections = options.maxClients ?? 1000;
	const frameMs = options.frameMs ?? 120_000;
	const sweep = setInterval(
		() => {
			for (const [socket, {owesSince}] of sockets) {
				if (owesSince !== undefined && clock.monotonic() - owesSince > frameMs) {
					refuse(`${socket.remoteAddress}:${socket.remotePort}`, 'a frame did not come to its end in time');
					socket.destroy();
				}
			}
		},
		Math.min(5000, frameMs / 2),
	);
	sweep.unref();

	let place: {host: string; port: number};
	try {
		place = await listenOn(server, options.listen);
	} catch (error) {
		clearInterval(sweep);
		aedes.close();
		throw error;
	}
	const {host, port} = place;
	const url = `mqtt://${host.includes(':') ? `[${host}]` : host}:${port}`;
	logger.info('the broker listens', {url});

	let closing: Promise<void> | undefined;
	async function close(): Promise<void> {
		clearInterval(sweep);
		const stopped = new Promise<void>(resolve => server.close(() => resolve()));
		const ended = new Promise<void>(resolve => aedes.close(() => resolve()));
		await withDeadline(clock, closeMs, 'closing the broker', ended).catch(() => undefined);
		for (const socket of sockets.keys()) {
			socket.destroy();
		}
		await withDeadline(clock, closeMs, 'closing the broker', stopped).catch(() => undefined);
	}

	return {
		url,
		host,
		port,
		open() {
			const [ours, theirs] = duplexPair();
			// A pair does not know that its other end is gone; sockets do.
			ours.once('close', () => theirs.destroy());
			theirs.once('close', () => ours.destroy());
			inside.add(theirs);
			express.attach(theirs);
			aedes.handle(theirs);
			return ours;
		},
		stats() {
			let {bytesIn, bytesOut} = counters;
			for (const socket of sockets.keys()) {
				bytesIn += socket.bytesRead;
				bytesOut += socket.bytesWritten;
			}
			return {
				clients: aedes.connectedClients,
				messages: counters.messages,
				bytesIn,
				bytesOut,
				refused: counters.refused,
				retainedTopics: retained.size,
			};
		},
		close() {
			closing ??= close();
			return closing;
		},
	};
}
