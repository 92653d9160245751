/** A transport made as slow as an emulated device's link: rate and latency per direction, between device and broker. */
import {type Clock, systemClock} from '../../clock.js';
import {FplError} from '../../errors.js';
import {type Logger, silentLogger} from '../../log.js';
import type {MessageHandler, Payload, PublishOptions, Subscription, Transport, TransportStatus} from '../transport.js';
import {checkPublish, closedError, offlineError, payloadBytes} from './common.js';
import {DelayLine} from './delay-line.js';

export interface LinkShape {
	/** From the device to the broker. */
	readonly upBytesPerSecond: number;
	readonly downBytesPerSecond: number;
	/** One way. */
	readonly latencyMs: number;
}

export interface ShapedTransport extends Transport {
	/** Bytes of messages, topics and MQTT headers, and how long either direction was busy. */
	readonly usage: {
		readonly bytesUp: number;
		readonly bytesDown: number;
		readonly busySecondsUp: number;
		readonly busySecondsDown: number;
		/** Messages dropped because too much was waiting to come down. */
		readonly dropped: number;
	};
}

/** Fixed header and topic length of an MQTT PUBLISH, about. */
const headerBytes = 6;
/** What may wait in one direction. Senders wait for room anyway; what comes down is dropped beyond, as routers do. */
const maxQueuedBytes = 256 * 1024 * 1024;

/** Wraps a transport; close the wrapper, not what is inside. */
export function shapeTransport(
	inner: Transport,
	shape: LinkShape,
	{clock = systemClock, logger = silentLogger}: {readonly clock?: Clock; readonly logger?: Logger} = {},
): ShapedTransport {
	const up = new DelayLine(clock, shape.upBytesPerSecond, shape.latencyMs, maxQueuedBytes);
	const down = new DelayLine(clock, shape.downBytesPerSecond, shape.latencyMs, maxQueuedBytes);
	const usage = {bytesUp: 0, bytesDown: 0, dropped: 0};
	/** Everybody who waits for a message to leave, so that none waits for ever when the connection breaks. */
	const waiting = new Set<(error: FplError) => void>();
	/** The message that came down last: several handlers may get it, the link carries it once. */
	let last: {readonly payload: Uint8Array; readonly handlers: Array<() => void>} | undefined;

	const breakOff = (error: FplError) => {
		up.clear();
		down.clear();
		last = undefined;
		for (const fail of [...waiting]) {
			fail(error);
		}
	};
	inner.onStatus(status => {
		if (status !== 'online') {
			breakOff(status === 'closed' ? closedError('connection') : offlineError('connection'));
		}
	});

	async function publish(topic: string, payload: Payload, options: PublishOptions = {}): Promise<void> {
		checkPublish(inner, topic, payload);
		if (inner.status === 'closed') {
			throw closedError(topic);
		}
		if (inner.status === 'offline') {
			// QoS 1 waits inside for the connection, and is not slowed down: it is small.
			await inner.publish(topic, payload, options);
			return;
		}
		const bytes = payloadBytes(payload) + topic.length + headerBytes;
		usage.bytesUp += bytes;
		await new Promise<void>((resolve, reject) => {
			const fail = (error: FplError) => {
				waiting.delete(fail);
				reject(error);
			};
			const settle = () => {
				waiting.delete(fail);
				resolve();
			};
			waiting.add(fail);
			const arrive = () => {
				inner.publish(topic, payload, options).then(
					() => {
						if (options.qos === 1) {
							// The acknowledgment comes back over the link.
							clock.after(shape.latencyMs, settle);
						}
					},
					(error: FplError) => {
						if (options.qos === 1) {
							fail(error);
						} else {
							logger.debug('a message got lost on the emulated link', {topic, error: error.message});
						}
					},
				);
			};
			if (!up.push(bytes, options.qos === 1 ? undefined : settle, arrive)) {
				fail(new FplError('WIRE_TIMEOUT', {where: topic, problem: 'too much waits for the emulated link'}));
			}
		});
	}

	function receive(handler: MessageHandler, topic: string, payload: Uint8Array, retained: boolean): void {
		const call = () => {
			try {
				handler(topic, payload, retained);
			} catch (error) {
				logger.error('a message handler failed', {topic, error: String(error)});
			}
		};
		if (last?.payload === payload) {
			last.handlers.push(call);
			return;
		}
		const message = {payload, handlers: [call]};
		last = message;
		const bytes = payload.length + topic.length + headerBytes;
		usage.bytesDown += bytes;
		const arrive = () => {
			for (const deliver of message.handlers) {
				deliver();
			}
			if (last === message) {
				last = undefined;
			}
		};
		if (!down.push(bytes, undefined, arrive)) {
			usage.dropped++;
		}
	}

	return {
		get status(): TransportStatus {
			return inner.status;
		},
		maxPayloadBytes: inner.maxPayloadBytes,
		get usage() {
			return {...usage, busySecondsUp: up.busySeconds, busySecondsDown: down.busySeconds};
		},
		publish,
		async subscribe(filter, handler): Promise<Subscription> {
			let active = true;
			const gated: MessageHandler = (...message) => {
				if (active) {
					handler(...message);
				}
			};
			const subscription = await inner.subscribe(filter, (...message) => receive(gated, ...message));
			return {
				unsubscribe() {
					active = false;
					return subscription.unsubscribe();
				},
			};
		},
		onStatus: listener => inner.onStatus(listener),
		close: () => inner.close(),
	};
}
