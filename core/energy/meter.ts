/** What measures energy where something can: a counter of joules with a name for the ledger. */
import type {MeterCoverage} from './model.js';

export interface EnergyMeter {
	/** Short name for `DeviceLedger.energySource`: «rapl». */
	readonly name: string;
	/** For people: what is measured, and how. */
	readonly description: string;
	readonly coverage: MeterCoverage;
	/**
	 * Joules since the meter was opened. Counters of the hardware wrap around, so this must be called at least once a
	 * minute while the energy matters.
	 * @throws FplError `AGENT_FAILED` when the hardware no longer answers.
	 */
	joules(): Promise<number>;
}

export type MeterOutcome =
	| {readonly kind: 'meter'; readonly meter: EnergyMeter}
	/** `because` is a sentence for people: what was looked for, and what to do. */
	| {readonly kind: 'unavailable'; readonly because: string};
