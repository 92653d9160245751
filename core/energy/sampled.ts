/** Meters that are asked: sampled at a steady pace, with a deadline for every answer. */
import {type Clock, withDeadline} from '../clock.js';
import {asFplError} from '../errors.js';
import {Accumulator} from './accumulator.js';
import type {EnergyMeter, MeterOutcome, MeterReading} from './meter.js';

/** What a meter says: power in watts, or a counter in joules from any origin, wraps undone. */
export type Sample =
	| {readonly kind: 'power'; readonly watts: number}
	| {readonly kind: 'counter'; readonly joules: number};

/** The hardware answers, but what it says is not the energy used now: a battery that is charging. */
export class NotNow extends Error {}

export interface SampledOptions extends Omit<EnergyMeter, 'read' | 'close'> {
	readonly clock: Clock;
	/** @throws anything when the hardware does not answer. */
	readonly sample: () => Promise<Sample>;
	readonly everyMs?: number;
	readonly deadlineMs?: number;
	/** Longest time between two samples that is bridged; five paces by default. */
	readonly maxGapMs?: number;
}

/** Samples closer together than this say nothing new. */
const freshMs = 10;

/**
 * Asks once, and samples from then on until closed.
 * @param explain turns the first failure into a sentence for people.
 */
export async function openSampled(
	options: SampledOptions,
	explain: (error: unknown) => string = error => `${sentence(error)}.`,
): Promise<MeterOutcome> {
	const sampler = new Sampler(options);
	const error = await sampler.poll();
	if (error !== undefined && !(error instanceof NotNow)) {
		return {kind: 'unavailable', because: explain(error)};
	}
	sampler.start();
	const {name, description, coverage, method} = options;
	const meter: EnergyMeter = {
		name,
		description,
		coverage,
		method,
		read: () => sampler.read(),
		close: async () => sampler.stop(),
	};
	return {kind: 'meter', meter};
}

/** The text of an error as a clause. */
export const sentence = (error: unknown): string => {
	const {message} = error instanceof Error ? error : asFplError(error);
	return message.replace(/\.$/u, '');
};

class Sampler {
	readonly #options: SampledOptions;
	readonly #everyMs: number;
	readonly #deadlineMs: number;
	readonly #sum: Accumulator;
	/** An answer under way; a meter that hangs is not asked again before it has answered. */
	#pending: Promise<Sample> | undefined;
	#polling: Promise<unknown> | undefined;
	#sampledAt = Number.NEGATIVE_INFINITY;
	#silent: string | undefined;
	#cancel = () => {};
	#stopped = false;

	constructor(options: SampledOptions) {
		const {everyMs = 1000, deadlineMs = 2000, maxGapMs = 5 * everyMs} = options;
		this.#options = options;
		this.#everyMs = everyMs;
		this.#deadlineMs = deadlineMs;
		this.#sum = new Accumulator({maxGapMs});
	}

	start(): void {
		this.#cancel = this.#options.clock.after(this.#everyMs, () => {
			void this.poll().finally(() => {
				if (!this.#stopped) {
					this.start();
				}
			});
		});
	}

	stop(): void {
		this.#stopped = true;
		this.#cancel();
	}

	async read(): Promise<MeterReading> {
		const {clock} = this.#options;
		if (!this.#stopped && clock.monotonic() - this.#sampledAt >= freshMs) {
			await this.poll();
		}
		const reading = this.#sum.reading(clock.monotonic());
		return this.#silent === undefined ? reading : {...reading, silent: this.#silent};
	}

	/** Resolves to what went wrong, or undefined. */
	poll(): Promise<unknown> {
		this.#polling ??= this.#poll().finally(() => {
			this.#polling = undefined;
		});
		return this.#polling;
	}

	async #poll(): Promise<unknown> {
		const {clock, name} = this.#options;
		try {
			if (this.#pending) {
				throw new Error('it has not answered yet');
			}
			const sample = await withDeadline(clock, this.#deadlineMs, `energy meter «${name}»`, this.#ask());
			const at = clock.monotonic();
			if (sample.kind === 'power') {
				this.#sum.power(at, sample.watts);
			} else {
				this.#sum.counter(at, sample.joules);
			}
			this.#sampledAt = at;
			this.#silent = undefined;
			return undefined;
		} catch (error) {
			this.#sum.lost(clock.monotonic());
			this.#silent = sentence(error);
			return error;
		}
	}

	#ask(): Promise<Sample> {
		const asked = Promise.resolve()
			.then(() => this.#options.sample())
			.finally(() => {
				this.#pending = undefined;
			});
		this.#pending = asked;
		// Nobody may be waiting any longer when it fails.
		asked.catch(() => {});
		return asked;
	}
}
