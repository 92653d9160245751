/** One client of a MemoryBroker. */
import {FplError} from '../../errors.js';
import type {Logger} from '../../log.js';
import type {
	MessageHandler,
	Payload,
	PublishOptions,
	Subscription,
	Transport,
	TransportStatus,
	Will,
} from '../transport.js';
import {checkPublish, closedError, joined, offlineError, whenOnline} from './common.js';
import type {MemoryBroker} from './memory-broker.js';
import {isFilter, Subscriptions} from './subscriptions.js';

export class MemoryTransport implements Transport {
	readonly #broker: MemoryBroker;
	readonly #subscriptions: Subscriptions;
	readonly #makeWill: (() => Will) | undefined;
	readonly #listeners = new Set<(status: TransportStatus) => void>();
	/** @internal Counts connections: what was on its way to an earlier one is lost with it. */
	connection = 0;
	#will: Will | undefined;
	#status: TransportStatus = 'offline';

	constructor(broker: MemoryBroker, logger: Logger, will?: () => Will) {
		this.#broker = broker;
		this.#subscriptions = new Subscriptions(logger);
		this.#makeWill = will;
		this.reconnect();
	}

	get status(): TransportStatus {
		return this.#status;
	}

	get maxPayloadBytes(): number {
		return this.#broker.maxPayloadBytes;
	}

	get filters(): readonly string[] {
		return this.#subscriptions.filters;
	}

	async publish(topic: string, payload: Payload, {qos = 0, retain = false}: PublishOptions = {}): Promise<void> {
		checkPublish(this, topic, payload);
		if (this.#status === 'closed') {
			throw closedError(topic);
		}
		if (this.#status === 'offline') {
			if (qos === 0) {
				throw offlineError(topic);
			}
			await whenOnline(this, this.#broker.clock, topic, this.#broker.ackDeadlineMs);
		}
		this.#broker.accept(topic, joined(payload), qos, retain);
		await new Promise(resolve => setImmediate(resolve));
	}

	async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
		if (this.#status === 'closed') {
			throw closedError(filter);
		}
		if (!isFilter(filter)) {
			throw new FplError('WIRE_INVALID', {where: filter, problem: 'this is no MQTT topic filter'});
		}
		this.#subscriptions.add(filter, handler);
		if (this.#status === 'online') {
			this.#broker.replay(this, filter, (...message) => {
				if (this.#subscriptions.has(filter, handler)) {
					this.#subscriptions.call(handler, ...message);
				}
			});
		}
		return {
			unsubscribe: async () => {
				this.#subscriptions.remove(filter, handler);
			},
		};
	}

	onStatus(listener: (status: TransportStatus) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	async close(): Promise<void> {
		this.#broker.leave(this);
		this.#subscriptions.clear();
		this.#change('closed');
		this.#listeners.clear();
	}

	/** A crash: the last will is published and nothing works any more. */
	kill(): void {
		const will = this.#status === 'online' ? this.#will : undefined;
		this.#broker.leave(this);
		this.#subscriptions.clear();
		this.#change('closed');
		this.#listeners.clear();
		this.#publishWill(will);
	}

	/** The link breaks and the broker notices: the last will is published, this side goes offline. */
	disconnect(): void {
		if (this.#status === 'online') {
			const will = this.#will;
			this.lost();
			this.#publishWill(will);
		}
	}

	/** The link works again: subscriptions are restored, retained messages come again. */
	reconnect(): void {
		if (this.#status !== 'offline' || !this.#broker.running) {
			return;
		}
		this.connection++;
		this.#will = this.#makeWill?.();
		this.#broker.join(this);
		for (const filter of this.filters) {
			this.#broker.replay(this, filter, (topic, payload) => this.#subscriptions.dispatch(topic, payload, true));
		}
		this.#change('online');
	}

	/** @internal The link is gone and nobody publishes a will. */
	lost(): void {
		this.#broker.leave(this);
		this.#change('offline');
	}

	/** @internal One delivery. */
	receive(topic: string, payload: Uint8Array): void {
		this.#subscriptions.dispatch(topic, payload, false);
	}

	#publishWill(will: Will | undefined): void {
		if (will) {
			this.#broker.accept(will.topic, will.payload, will.qos ?? 0, will.retain ?? false);
		}
	}

	#change(status: TransportStatus): void {
		if (this.#status === status) {
			return;
		}
		this.#status = status;
		for (const listener of [...this.#listeners]) {
			listener(status);
		}
	}
}
