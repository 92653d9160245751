/**
 * Transport over MQTT 3.1.1 (mqtt.js). Sessions are clean: nothing is queued at the broker for those who are away, and
 * subscriptions are made again after every reconnection.
 */
import {ErrorWithSubackPacket, type ISubscriptionMap, type MqttClient} from 'mqtt';
import {type Clock, systemClock, withDeadline} from '../../clock.js';
import {FplError} from '../../errors.js';
import {type Logger, silentLogger} from '../../log.js';
import {maxMessageBytes} from '../bodies.js';
import type {
	MessageHandler,
	Payload,
	PublishOptions,
	SubscribeOptions,
	Subscription,
	Transport,
	TransportStatus,
} from '../transport.js';
import {checkPublish, closedError, inPieces, joined, offlineError, unacknowledgedError, whenOnline} from './common.js';
import type {MqttOptions} from './mqtt-options.js';
import {writePieces} from './pieces.js';
import {Slots} from './slots.js';
import {isFilter, type Subscriptions} from './subscriptions.js';

/** A publication that mqtt.js has not answered yet. */
interface Pending {
	readonly qos: 0 | 1;
	fail(error: FplError): void;
}

const politeMs = 2000;
/** SUBACK return code (MQTT 3.1.1, 3.9.3). */
const subscribeFailure = 0x80;

export class MqttTransport implements Transport {
	readonly maxPayloadBytes: number;
	readonly #client: MqttClient;
	readonly #clock: Clock;
	readonly #logger: Logger;
	readonly #ackDeadlineMs: number;
	/** Shared with the tap in front of mqtt.js, which takes messages to transient handlers out of the stream. */
	readonly #subscriptions: Subscriptions;
	readonly #slots: Slots;
	readonly #pending = new Set<Pending>();
	readonly #listeners = new Set<(status: TransportStatus) => void>();
	#status: TransportStatus = 'offline';

	/** Use `connectMqtt`, which waits for the connection. */
	constructor(client: MqttClient, subscriptions: Subscriptions, options: MqttOptions) {
		this.#client = client;
		this.#clock = options.clock ?? systemClock;
		this.#logger = options.logger ?? silentLogger;
		this.#ackDeadlineMs = options.ackDeadlineMs ?? 20_000;
		this.maxPayloadBytes = options.maxPayloadBytes ?? maxMessageBytes;
		this.#subscriptions = subscriptions;
		this.#slots = new Slots(options.maxInFlight ?? 64, options.maxWaiting ?? 10_000);
		client.on('connect', () => this.#change('online'));
		client.on('close', () => {
			// mqtt.js forgets the callbacks of QoS 0 messages that waited for the socket to drain.
			this.#fail(pending => pending.qos === 0, offlineError('connection'));
			if (this.#status === 'online') {
				this.#change('offline');
			}
		});
		client.on('message', (topic, payload, packet) => this.#subscriptions.dispatch(topic, payload, packet.retain));
	}

	get status(): TransportStatus {
		return this.#status;
	}

	async publish(topic: string, payload: Payload, {qos = 0, retain = false}: PublishOptions = {}): Promise<void> {
		checkPublish(this, topic, payload);
		this.#checkOpen(topic, qos);
		if (!this.#slots.tryTake()) {
			await this.#slots.take(topic);
		}
		try {
			if (qos === 1 && this.#status === 'offline') {
				await whenOnline(this, this.#clock, topic, this.#ackDeadlineMs);
			}
			this.#checkOpen(topic, qos);
			await this.#send(topic, payload, qos, retain);
		} finally {
			this.#slots.give();
		}
	}

	#checkOpen(topic: string, qos: 0 | 1): void {
		if (this.#status === 'closed') {
			throw closedError(topic);
		}
		if (qos === 0 && this.#status === 'offline') {
			throw offlineError(topic);
		}
	}

	#send(topic: string, payload: Payload, qos: 0 | 1, retain: boolean): Promise<void> {
		return new Promise((resolve, reject) => {
			let cancel = () => {};
			const pending: Pending = {
				qos,
				fail(error) {
					settle();
					reject(error);
				},
			};
			const settle = () => {
				cancel();
				this.#pending.delete(pending);
			};
			this.#pending.add(pending);
			const callback = (error?: Error) => {
				settle();
				if (error) {
					reject(new FplError('WIRE_CLOSED', {where: topic, problem: error.message}, {cause: error}));
				} else {
					resolve();
				}
			};
			if (inPieces(payload) && qos === 0 && this.#client.connected) {
				writePieces(this.#client.stream, topic, payload, retain, callback);
				return;
			}
			const whole = joined(payload);
			const buffer = Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength);
			if (qos === 1) {
				cancel = this.#clock.after(this.#ackDeadlineMs, () => {
					pending.fail(unacknowledgedError(topic, this.#ackDeadlineMs));
					this.#forget(callback);
				});
			}
			this.#client.publish(topic, buffer, {qos, retain}, callback);
		});
	}

	/** Makes mqtt.js stop repeating a message whose sender has given up. */
	#forget(callback: (error?: Error) => void): void {
		for (const [id, {cb}] of Object.entries(this.#client.outgoing)) {
			if (cb === callback) {
				this.#client.removeOutgoingMessage(Number(id));
			}
		}
	}

	async subscribe(
		filter: string,
		handler: MessageHandler,
		{transient = false}: SubscribeOptions = {},
	): Promise<Subscription> {
		if (this.#status === 'closed') {
			throw closedError(filter);
		}
		if (!isFilter(filter)) {
			throw new FplError('WIRE_INVALID', {where: filter, problem: 'this is no MQTT topic filter'});
		}
		this.#subscriptions.add(filter, handler, transient);
		try {
			await whenOnline(this, this.#clock, filter, this.#ackDeadlineMs);
			await this.#subscribe(filter);
		} catch (error) {
			this.#subscriptions.remove(filter, handler);
			throw error;
		}
		return {
			unsubscribe: async () => {
				if (this.#subscriptions.remove(filter, handler) && this.#status === 'online') {
					// A lost connection ends the subscription as well.
					await this.#client.unsubscribeAsync(filter).catch(() => undefined);
				}
			},
		};
	}

	/** The same filter again makes the broker send the retained messages again, for the new handler. */
	#subscribe(filter: string): Promise<void> {
		return new Promise((resolve, reject) => {
			const cancel = this.#clock.after(this.#ackDeadlineMs, () =>
				reject(unacknowledgedError(filter, this.#ackDeadlineMs)),
			);
			// Without `resubscribe` mqtt.js leaves out a filter that it has subscribed to before.
			const request: ISubscriptionMap = Object.assign({[filter]: {qos: 1 as const}}, {resubscribe: true});
			this.#client.subscribe(request, error => {
				cancel();
				if (error instanceof ErrorWithSubackPacket && error.packet?.granted?.includes(subscribeFailure)) {
					reject(new FplError('BROKER_REFUSED', {where: filter, problem: 'this client may not subscribe here'}));
				} else if (error && this.#status === 'offline') {
					// The connection broke meanwhile: mqtt.js subscribes again by itself when it is back.
					resolve();
				} else if (error) {
					reject(new FplError('WIRE_CLOSED', {where: filter, problem: error.message}, {cause: error}));
				} else {
					resolve();
				}
			});
		});
	}

	onStatus(listener: (status: TransportStatus) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	async close(): Promise<void> {
		if (this.#status === 'closed') {
			return;
		}
		const wasOnline = this.#status === 'online';
		this.#subscriptions.clear();
		this.#change('closed');
		this.#listeners.clear();
		this.#slots.refuse(closedError('connection'));
		if (wasOnline) {
			// Politely: what was published goes out before DISCONNECT. A broker that does not answer is not waited for.
			await withDeadline(this.#clock, politeMs, 'leaving the broker', this.#client.endAsync(false)).catch(() => {});
		}
		this.#client.end(true);
		this.#fail(() => true, closedError('connection'));
	}

	#fail(which: (pending: Pending) => boolean, error: FplError): void {
		for (const pending of [...this.#pending].filter(which)) {
			pending.fail(error);
		}
	}

	#change(status: TransportStatus): void {
		if (this.#status === status || this.#status === 'closed') {
			return;
		}
		this.#status = status;
		for (const listener of [...this.#listeners]) {
			try {
				listener(status);
			} catch (error) {
				this.#logger.error('a status listener failed', {error: String(error)});
			}
		}
	}
}
