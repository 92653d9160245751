/** A smart plug that the device is fed through, and that tells over MQTT what flows. */
import {type Clock, systemClock} from '../clock.js';
import {type Logger, silentLogger} from '../log.js';
import type {Subscription, Transport} from '../wire/transport.js';
import {Accumulator, checkedWatts} from './accumulator.js';
import type {EnergyMeter, MeterReading} from './meter.js';
import {type PlugKind, type PlugLayout, plugLayouts} from './plug-payloads.js';
import {sentence} from './sampled.js';

export interface PlugOptions {
	readonly kind: PlugKind;
	/** The plug's own name, for the make's usual topics, or a topic. */
	readonly topic: string;
	readonly clock?: Clock;
	readonly log?: Logger;
	/** Ends what was opened for the plug alone. */
	readonly close?: () => Promise<void>;
}

const maxPayloadBytes = 64 * 1024;

class PlugMeter implements EnergyMeter {
	readonly name: string;
	readonly description: string;
	readonly coverage = 'device';
	readonly method: EnergyMeter['method'];
	readonly #options: PlugOptions;
	readonly #clock: Clock;
	readonly #layout: PlugLayout;
	readonly #sum: Accumulator;
	#subscriptions: Subscription[] = [];
	#heardAt: number | undefined;
	#trouble: string | undefined;

	constructor(options: PlugOptions) {
		const {kind, topic, clock = systemClock} = options;
		this.#options = options;
		this.#clock = clock;
		this.#layout = plugLayouts[kind];
		const {method, holdMs} = this.#layout;
		this.method = method;
		this.name = `plug:${kind}`;
		this.description = `smart plug ${topic} (${kind}), ${method === 'counter' ? 'its counter of energy' : 'power integrated'}`;
		// Two readings of a coarse counter must be so far apart that a step of it is no absurd power.
		this.#sum = new Accumulator({maxGapMs: holdMs, holdMs, minCounterMs: 100});
	}

	/** @throws FplError as `subscribe` of the transport does. */
	async listen(transport: Transport): Promise<void> {
		for (const topic of this.#layout.topics(this.#options.topic)) {
			this.#subscriptions.push(
				// What is retained may be hours old.
				await transport.subscribe(topic, (_, payload, retained) => retained || this.#hear(payload)),
			);
		}
	}

	async read(): Promise<MeterReading> {
		const now = this.#clock.monotonic();
		const silent = this.#trouble ?? this.#quiet(now);
		const reading = this.#sum.reading(now);
		return silent === undefined ? reading : {...reading, silent};
	}

	async close(): Promise<void> {
		for (const subscription of this.#subscriptions.splice(0)) {
			await subscription.unsubscribe();
		}
		await this.#options.close?.();
	}

	#quiet(now: number): string | undefined {
		const topic = this.#layout.topics(this.#options.topic)[0]!;
		if (this.#heardAt === undefined) {
			return `no message on ${topic} yet`;
		}
		const ms = now - this.#heardAt;
		return ms > this.#layout.holdMs ? `no message on ${topic} for ${Math.round(ms / 1000)} s` : undefined;
	}

	#hear(payload: Uint8Array): void {
		const at = this.#clock.monotonic();
		try {
			if (payload.length > maxPayloadBytes) {
				throw new Error(`its message has ${payload.length} bytes`);
			}
			const {watts, joules} = this.#layout.read(Buffer.from(payload).toString('utf8'));
			if (watts === undefined && joules === undefined) {
				return;
			}
			if (watts !== undefined) {
				this.#sum.power(at, checkedWatts(watts));
			}
			if (joules !== undefined) {
				this.#sum.counter(at, joules);
			}
			this.#heardAt = at;
			this.#trouble = undefined;
		} catch (error) {
			this.#sum.lost(at);
			this.#trouble = sentence(error);
			this.#options.log?.debug(`${this.name}: ${this.#trouble}`);
		}
	}
}

/**
 * Listens to a plug; it is silent until its first message.
 * @throws FplError when the topics cannot be subscribed to (`BROKER_REFUSED`, `WIRE_INVALID` …).
 */
export async function openPlugMeter(transport: Transport, options: PlugOptions): Promise<EnergyMeter> {
	const meter = new PlugMeter({log: silentLogger, ...options});
	await meter.listen(transport);
	return meter;
}
