/**
 * Publish and subscribe, whatever carries it. Delivery promises:
 * - QoS 0: at most once. QoS 1: at least once while both sides stay connected; duplicates are possible.
 * - Order between two messages of one publisher on one topic is usual but not promised.
 * - A retained message is handed to every later subscriber; an empty retained payload erases it. After a reconnection,
 *   and when another handler of the same transport subscribes, a handler may see a retained message again.
 * - The last will is published when the connection is lost, not when it is closed.
 * - Handlers run one after the other per transport; an exception in a handler is logged and does not stop delivery.
 */
export interface PublishOptions {
	readonly qos?: 0 | 1;
	readonly retain?: boolean;
}

/** What the broker publishes for a client whose connection is lost. */
export interface Will {
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly qos?: 0 | 1;
	readonly retain?: boolean;
}

export interface SubscribeOptions {
	/**
	 * The handler does not keep the payload beyond its call, so that the transport may use the buffer again. Worth it for
	 * large messages at QoS 0.
	 */
	readonly transient?: boolean;
}

export interface Subscription {
	unsubscribe(): Promise<void>;
}

/** Bytes in one piece, or in several that are sent one after the other as one message, without being copied together. */
export type Payload = Uint8Array | readonly Uint8Array[];

export type TransportStatus = 'online' | 'offline' | 'closed';

export type MessageHandler = (topic: string, payload: Uint8Array, retained: boolean) => void;

export interface Transport {
	readonly status: TransportStatus;
	/** Largest payload in bytes that may be published. */
	readonly maxPayloadBytes: number;
	/**
	 * The payload must not be changed afterwards. QoS 0 resolves when the message has left (the socket's buffer has room
	 * again: this is the back-pressure), QoS 1 when the broker has acknowledged it.
	 * @throws FplError `WIRE_CLOSED` when offline (QoS 0) or closed, `WIRE_TIMEOUT` when a QoS 1 message stays
	 * unacknowledged beyond the deadline, `WIRE_TOO_LARGE`.
	 */
	publish(topic: string, payload: Payload, options?: PublishOptions): Promise<void>;
	/** Filters may contain `+` and `#` (MQTT 3.1.1, 4.7). Subscriptions outlive a reconnection. */
	subscribe(filter: string, handler: MessageHandler, options?: SubscribeOptions): Promise<Subscription>;
	/** Called at every change; returns its cancellation. */
	onStatus(listener: (status: TransportStatus) => void): () => void;
	/** Idempotent. Leaves politely: no last will. */
	close(): Promise<void>;
}
