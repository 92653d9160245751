/**
 * A broker within the process, for tests and simulations: retained messages, last wills, and a network as bad as asked
 * for. Chance and time are parameters, so that a failure can be had again.
 */
import {type Clock, systemClock} from '../../clock.js';
import {type Logger, silentLogger} from '../../log.js';
import {type Random, seededRandom} from '../../random.js';
import {maxMessageBytes} from '../bodies.js';
import type {MessageHandler, Will} from '../transport.js';
import {MemoryTransport} from './memory-transport.js';
import {topicMatches} from './subscriptions.js';

/** Probabilities in [0, 1] per delivery; times in milliseconds. Faults do not touch messages sent to a broken link. */
export interface Faults {
	/** QoS 0 only: QoS 1 repeats until it arrives. */
	readonly loss?: number;
	readonly duplication?: number;
	/** Held back by up to `reorderMs` more than the others. */
	readonly reordering?: number;
	readonly reorderMs?: number;
	/** Fixed delay of every delivery. */
	readonly delayMs?: number;
}

export interface MemoryBrokerOptions {
	readonly clock?: Clock;
	readonly random?: Random;
	readonly logger?: Logger;
	readonly faults?: Faults;
	readonly maxPayloadBytes?: number;
	/** How long a QoS 1 message waits for a broken link. */
	readonly ackDeadlineMs?: number;
}

interface Retained {
	readonly payload: Uint8Array;
	readonly qos: 0 | 1;
}

export class MemoryBroker {
	readonly clock: Clock;
	readonly maxPayloadBytes: number;
	readonly ackDeadlineMs: number;
	readonly #random: Random;
	readonly #logger: Logger;
	readonly #retained = new Map<string, Retained>();
	readonly #online = new Set<MemoryTransport>();
	#running = true;
	faults: Faults;

	constructor({
		clock = systemClock,
		random = seededRandom(1),
		logger = silentLogger,
		...rest
	}: MemoryBrokerOptions = {}) {
		this.clock = clock;
		this.#random = random;
		this.#logger = logger;
		this.faults = rest.faults ?? {};
		this.maxPayloadBytes = rest.maxPayloadBytes ?? maxMessageBytes;
		this.ackDeadlineMs = rest.ackDeadlineMs ?? 20_000;
	}

	get running(): boolean {
		return this.#running;
	}

	/** Topics that have a retained message. */
	get retainedTopics(): readonly string[] {
		return [...this.#retained.keys()];
	}

	/** A new client, online at once. `will` is asked for at every connection. */
	attach({will}: {readonly will?: () => Will} = {}): MemoryTransport {
		return new MemoryTransport(this, this.#logger, will);
	}

	/** All links break, without wills: the broker itself is gone. Retained messages are lost unless kept. */
	stop({keepRetained = false} = {}): void {
		this.#running = false;
		for (const transport of [...this.#online]) {
			transport.lost();
		}
		if (!keepRetained) {
			this.#retained.clear();
		}
	}

	start(): void {
		this.#running = true;
	}

	/** @internal */
	join(transport: MemoryTransport): void {
		this.#online.add(transport);
	}

	/** @internal */
	leave(transport: MemoryTransport): void {
		this.#online.delete(transport);
	}

	/** @internal Publishes to everybody who is online. */
	accept(topic: string, payload: Uint8Array, qos: 0 | 1, retain: boolean): void {
		if (retain) {
			if (payload.length === 0) {
				this.#retained.delete(topic);
			} else {
				this.#retained.set(topic, {payload, qos});
			}
		}
		for (const transport of this.#online) {
			const granted = transport.filters.some(filter => topicMatches(filter, topic));
			if (granted) {
				this.#deliver(transport, topic, payload, qos);
			}
		}
	}

	/** @internal Hands the retained messages that match to one handler. */
	replay(transport: MemoryTransport, filter: string, handler: MessageHandler): void {
		for (const [topic, {payload}] of this.#retained) {
			if (topicMatches(filter, topic)) {
				this.#later(transport, this.faults.delayMs ?? 0, () => handler(topic, payload, true));
			}
		}
	}

	#deliver(transport: MemoryTransport, topic: string, payload: Uint8Array, qos: 0 | 1): void {
		const {loss = 0, duplication = 0, reordering = 0, reorderMs = 50, delayMs = 0} = this.faults;
		const chance = (probability: number) => probability > 0 && this.#random.next() < probability;
		if (qos === 0 && chance(loss)) {
			return;
		}
		for (let copies = chance(duplication) ? 2 : 1; copies > 0; copies--) {
			const delay = delayMs + (chance(reordering) ? this.#random.next() * reorderMs : 0);
			this.#later(transport, delay, () => transport.receive(topic, payload));
		}
	}

	#later(transport: MemoryTransport, ms: number, deliver: () => void): void {
		const {connection} = transport;
		const arrive = () => {
			if (transport.status === 'online' && transport.connection === connection) {
				deliver();
			}
		};
		if (ms <= 0) {
			// Never within the publisher's call: handlers must not run inside `publish`.
			setImmediate(arrive);
		} else {
			this.clock.after(ms, arrive);
		}
	}
}
