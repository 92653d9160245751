/** Opens a connection over MQTT, and keeps it: reconnection with exponential backoff and jitter. */
import {type IClientOptions, MqttClient} from 'mqtt';
import {systemClock} from '../../clock.js';
import {FplError} from '../../errors.js';
import {silentLogger} from '../../log.js';
import {seededRandom} from '../../random.js';
import {maxMessageBytes} from '../bodies.js';
import {tapped} from './frame-tap.js';
import {credentials, type MqttOptions, printableUrl, streamOpener} from './mqtt-options.js';
import {MqttTransport} from './mqtt-transport.js';
import {Subscriptions} from './subscriptions.js';

/** CONNACK return codes that trying again will not change (MQTT 3.1.1, 3.2.2.3). */
const refusals: Readonly<Record<number, string>> = {
	1: 'it does not speak MQTT 3.1.1',
	2: 'it does not accept the client id',
	4: 'bad user name or password',
	5: 'this client is not allowed to connect',
};

/** What the system says about hosts, in words. */
const unreachable: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'nothing listens there, or a firewall refuses',
	ENOTFOUND: 'there is no host of that name',
	EAI_AGAIN: 'the name service does not answer, so the host is not found',
	EHOSTUNREACH: 'there is no way to this host',
	ENETUNREACH: 'there is no way to its network',
	ETIMEDOUT: 'the host does not answer',
};

const codeOf = (error: Error): unknown => ('code' in error ? error.code : undefined);

function connectError(where: string, error: Error): FplError {
	const code = codeOf(error);
	const refusal = typeof code === 'number' ? refusals[code] : undefined;
	return refusal === undefined
		? new FplError(
				'BROKER_UNREACHABLE',
				{
					where,
					problem: unreachable[String(code)] ?? (error.message || String(code)),
					fix: 'Start one with «fpl broker», or give the address of yours with --broker mqtt://host:port.',
				},
				{cause: error},
			)
		: new FplError('BROKER_REFUSED', {where, problem: refusal}, {cause: error});
}

/**
 * Connects and waits until the broker has accepted.
 * @throws FplError `BROKER_UNREACHABLE` when the first attempt fails (unless `keepTrying`), `BROKER_REFUSED` when the
 * broker does not want this client, `CONFIG_VALUE` for a bad URL, `INTERRUPTED` when the signal aborts.
 */
export async function connectMqtt(options: MqttOptions): Promise<MqttTransport> {
	const {clock = systemClock, logger = silentLogger, signal} = options;
	const random = options.random ?? seededRandom(clock.now());
	const {first, longest} = options.backoffMs ?? {first: 500, longest: 30_000};
	const where = printableUrl(options.broker);
	const openStream = streamOpener(options);
	const subscriptions = new Subscriptions(logger);
	const tap = {
		wants: (topic: string) => subscriptions.transient(topic),
		onMessage: (topic: string, payload: Uint8Array) => subscriptions.dispatch(topic, payload, false),
		maxPayloadBytes: options.maxPayloadBytes ?? maxMessageBytes,
	};
	const interrupted = () => new FplError('INTERRUPTED', {where, problem: 'stopped while connecting'});
	if (signal?.aborted) {
		throw interrupted();
	}

	/** Doubling, with up to a half taken off at random so that a fleet does not come back all at once. */
	let failures = 0;
	const backoff = () => Math.max(1, Math.min(longest, first * 2 ** failures) * (1 - random.next() / 2));
	const will = () => {
		const made = options.will?.();
		return made && {...made, payload: Buffer.from(made.payload), qos: made.qos ?? 1, retain: made.retain ?? false};
	};
	const settings: IClientOptions = {
		clientId: options.clientId,
		protocolVersion: 4,
		clean: true,
		keepalive: options.keepaliveSeconds ?? 20,
		connectTimeout: options.connectTimeoutMs ?? 10_000,
		reconnectPeriod: backoff(),
		reconnectOnConnackError: true,
		resubscribe: true,
		queueQoSZero: false,
		...credentials(options),
	};
	const firstWill = will();
	if (firstWill) {
		settings.will = firstWill;
	}
	const client = new MqttClient(() => tapped(openStream, tap), settings);
	const transport = new MqttTransport(client, subscriptions, options);

	// mqtt.js reads both options again at each attempt.
	client.on('reconnect', () => {
		failures++;
		client.options.reconnectPeriod = backoff();
		const next = will();
		if (next) {
			client.options.will = next;
		}
	});
	client.on('connect', () => {
		failures = 0;
		client.options.reconnectPeriod = backoff();
		logger.info('connected to the broker', {broker: where});
	});

	return new Promise((resolve, reject) => {
		let lastError = new Error('the connection was closed');
		let settled = false;
		const giveUp = (error: FplError) => {
			if (!settled) {
				settled = true;
				signal?.removeEventListener('abort', abort);
				void transport.close();
				reject(error);
			}
		};
		const abort = () => giveUp(interrupted());
		signal?.addEventListener('abort', abort, {once: true});
		client.on('error', error => {
			lastError = error;
			logger.debug('connection error', {broker: where, error: error.message});
			if (connectError(where, error).code === 'BROKER_REFUSED') {
				giveUp(connectError(where, error));
			}
		});
		client.on('close', () => {
			if (!settled && !options.keepTrying) {
				giveUp(connectError(where, lastError));
			} else if (transport.status !== 'closed') {
				logger.warn('not connected to the broker, trying again', {
					broker: where,
					inMs: Math.round(client.options.reconnectPeriod ?? 0),
					because: lastError.message,
				});
			}
		});
		client.once('connect', () => {
			settled = true;
			signal?.removeEventListener('abort', abort);
			resolve(transport);
		});
	});
}
