/** What a connection over MQTT can be told, and the sockets below it. */
import net from 'node:net';
import type {Duplex} from 'node:stream';
import tls from 'node:tls';
import type {Clock} from '../../clock.js';
import {FplError} from '../../errors.js';
import type {Logger} from '../../log.js';
import type {Random} from '../../random.js';
import type {Will} from '../transport.js';
import type {StreamOpener} from './frame-tap.js';

export interface TlsOptions {
	/** PEM texts. */
	readonly ca?: string | Buffer;
	readonly key?: string | Buffer;
	readonly cert?: string | Buffer;
	/** False accepts any certificate: for tests only. */
	readonly rejectUnauthorized?: boolean;
}

export interface MqttOptions {
	/** `mqtt://host:port`, `mqtts://host:port`, or a way to open a stream to a broker in the same process. */
	readonly broker: string | (() => Duplex);
	/** At most one connection per id: a second one throws the first out. */
	readonly clientId: string;
	readonly username?: string;
	readonly password?: string;
	readonly tls?: TlsOptions;
	/** Asked for before every connection, so that each session can have its own. */
	readonly will?: () => Will;
	/** Keep trying when the first connection fails, instead of throwing. */
	readonly keepTrying?: boolean;
	/** Ends the attempts to connect. */
	readonly signal?: AbortSignal;
	readonly keepaliveSeconds?: number;
	readonly connectTimeoutMs?: number;
	/** First and longest wait before reconnecting; doubled each time, then a random part of up to a half is taken off. */
	readonly backoffMs?: {readonly first: number; readonly longest: number};
	/** How long a QoS 1 message may stay unacknowledged, waiting for a connection included. */
	readonly ackDeadlineMs?: number;
	readonly maxPayloadBytes?: number;
	/** Messages handed to the socket at once, and those that wait for their turn. */
	readonly maxInFlight?: number;
	readonly maxWaiting?: number;
	readonly clock?: Clock;
	readonly random?: Random;
	readonly logger?: Logger;
}

/** A broker's address as it may be printed: without the password. */
export function printableUrl(broker: MqttOptions['broker']): string {
	if (typeof broker !== 'string') {
		return 'the broker in this process';
	}
	const url = URL.canParse(broker) ? new URL(broker) : undefined;
	if (url?.password) {
		url.password = '***';
	}
	return url?.href ?? broker;
}

const defaultPorts: Readonly<Record<string, number>> = {'mqtt:': 1883, 'tcp:': 1883, 'mqtts:': 8883, 'ssl:': 8883};

/**
 * A function that opens a socket for each attempt. Nagle's algorithm is off: it would hold back our small messages.
 * @throws FplError `CONFIG_VALUE` when the URL is none that is understood.
 */
export function streamOpener({broker, tls: tlsOptions}: MqttOptions): StreamOpener {
	if (typeof broker !== 'string') {
		return () => ({stream: broker(), reuses: false});
	}
	const url = URL.canParse(broker) ? new URL(broker) : undefined;
	const defaultPort = url && defaultPorts[url.protocol];
	if (!url?.hostname || defaultPort === undefined) {
		throw new FplError('CONFIG_VALUE', {
			where: 'broker',
			expected: 'mqtt://host:port or mqtts://host:port',
			got: `«${printableUrl(broker)}»`,
		});
	}
	// Brackets belong to the URL, not to the address.
	const host = url.hostname.replace(/^\[(.*)\]$/u, '$1');
	const port = url.port === '' ? defaultPort : Number(url.port);
	if (defaultPort === 1883) {
		return read => ({stream: net.connect({host, port, noDelay: true, onread: read}), reuses: true});
	}
	return () => {
		const {rejectUnauthorized = true, ...pem} = tlsOptions ?? {};
		const servername = net.isIP(host) === 0 ? {servername: host} : {};
		const socket = tls.connect({host, port, rejectUnauthorized, ...servername, ...pem});
		socket.setNoDelay(true);
		return {stream: socket, reuses: false};
	};
}

/** User name and password: the options' before the URL's. */
export function credentials({broker, username, password}: MqttOptions): {username?: string; password?: string} {
	const url = typeof broker === 'string' && URL.canParse(broker) ? new URL(broker) : undefined;
	const name = username ?? (url?.username ? decodeURIComponent(url.username) : undefined);
	const word = password ?? (url?.password ? decodeURIComponent(url.password) : undefined);
	return {...(name !== undefined && {username: name}), ...(word !== undefined && {password: word})};
}
