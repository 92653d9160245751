/** What measures energy where something can: a counter of joules with a name for the ledger. */

/**
 * What a meter sees: the whole device at its supply; the rails of a board or module, which what is plugged into it gets
 * past (5 V peripherals, cards of a Jetson's carrier board); or the processor only (RAPL).
 */
export type MeterCoverage = 'device' | 'board' | 'processor';

/** Whether joules are counted by the hardware, or power is read and integrated here. */
export type MeterMethod = 'counter' | 'power';

/** What a meter has seen since it was opened. Neither number ever falls. */
export interface MeterReading {
	/** Joules over the time that the meter saw. */
	readonly joules: number;
	/** Seconds of that time. What is missing to the time that has passed are gaps, for which nothing is counted. */
	readonly seconds: number;
	/** Why the meter does not answer at present, as a clause; absent while it does. */
	readonly silent?: string;
}

export interface EnergyMeter {
	/** Short name for `DeviceLedger.energySource`: «rapl». At most 64 characters. */
	readonly name: string;
	/** For people: what is measured, and how. */
	readonly description: string;
	readonly coverage: MeterCoverage;
	readonly method: MeterMethod;
	/** Never rejects, and answers within seconds: a meter that has stopped answering says so in `silent`. */
	read(): Promise<MeterReading>;
	/** Stops sampling. Idempotent. */
	close(): Promise<void>;
}

export type MeterOutcome =
	| {readonly kind: 'meter'; readonly meter: EnergyMeter}
	/** `because` is a sentence for people: what was looked for, and what to do. */
	| {readonly kind: 'unavailable'; readonly because: string};

export const unavailable = (because: string): MeterOutcome => ({kind: 'unavailable', because});
