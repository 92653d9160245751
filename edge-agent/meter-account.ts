/**
 * What a meter counted in a time under account, and what has to be modelled because it did not answer. A gap is modelled once:
 * a meter's reading says how much time it saw, so what comes after a gap does not contain it.
 */
import type {EnergyMeter, MeterReading} from '../core/energy/meter.js';
import {type EnergyCosts, mixedCosts} from '../core/energy/model.js';
import {phases} from '../core/ledger/ledger.js';
import type {Logger} from '../core/log.js';
import {formatDuration} from '../core/units.js';
import type {RoundCosts} from './meter.js';

/** A meter's last sample is a little older than the moment it is asked about; that little comes with the next reading. */
const lagSeconds = 0.1;
/** A gap between two reports that is over by the second one is told from this length on. */
const toldSeconds = 1;
/** A meter that comes and goes all the time is told of that often only. */
const maxNotes = 20;

export class MeterAccount {
	readonly #meter: EnergyMeter;
	readonly #log: Logger;
	readonly #base: MeterReading;
	#joules: number;
	#elapsed = 0;
	#modelled = 0;
	/** Seconds modelled before the gap that is open. */
	#gapFrom: number | undefined;
	#notes = 0;

	constructor(meter: EnergyMeter, base: MeterReading, log: Logger) {
		this.#meter = meter;
		this.#log = log;
		this.#base = base;
		this.#joules = base.joules;
	}

	/** Costs of the time since the last call. `modelled` is what the model says of it, `reading` is of its end. */
	settle(modelled: EnergyCosts, reading: MeterReading): RoundCosts {
		const {name, coverage} = this.#meter;
		const seconds = phases.reduce((sum, phase) => sum + modelled.phases[phase].seconds, 0);
		this.#elapsed += seconds;
		const unseen = this.#elapsed - (reading.seconds - this.#base.seconds);
		const gap = Math.min(seconds, Math.max(0, unseen - lagSeconds - this.#modelled));
		this.#modelled += gap;
		const joules = Math.max(0, reading.joules - this.#joules);
		this.#joules = Math.max(this.#joules, reading.joules);
		const share = seconds > 0 ? 1 - gap / seconds : 1;
		const costs = mixedCosts(modelled, {joules, share}, coverage);
		return {
			phases: costs.phases,
			radioJoules: costs.radioJoules,
			energySource: share > 0 ? name : 'modelled',
			meteredSeconds: seconds - gap,
			modelledJoules: Math.min(costs.joules, Math.max(0, costs.modelledJoules)),
			meterNote: this.#note(reading, gap),
		};
	}

	#note({silent}: MeterReading, gap: number): string {
		const {name} = this.#meter;
		if (silent !== undefined && this.#gapFrom === undefined) {
			this.#gapFrom = this.#modelled - gap;
			return this.#tell(`The energy meter ${name} does not answer: ${silent}. Energy is modelled until it does.`);
		}
		if (silent === undefined && this.#gapFrom !== undefined) {
			const modelled = this.#modelled - this.#gapFrom;
			this.#gapFrom = undefined;
			return this.#tell(`The energy meter ${name} answers again; energy was modelled for ${formatDuration(modelled)}.`);
		}
		return silent === undefined && gap >= toldSeconds
			? this.#tell(`The energy meter ${name} did not answer for ${formatDuration(gap)}; energy was modelled.`)
			: '';
	}

	#tell(text: string): string {
		this.#notes++;
		if (this.#notes > maxNotes) {
			return '';
		}
		this.#log.warn(text);
		return text.slice(0, 500);
	}
}
