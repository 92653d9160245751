/**
 * Turns an agent's time and bytes into what the ledger keeps: stretches computing to the emulated device, and puts joules to
 * every phase, measured where a meter is there and modelled otherwise.
 */
import type {Clock} from '../core/clock.js';
import type {EnergyMeter} from '../core/energy/meter.js';
import {meteredCosts, phaseCosts} from '../core/energy/model.js';
import {asFplError} from '../core/errors.js';
import type {EnergySource, Phase, PhaseCost} from '../core/ledger/ledger.js';
import type {Logger} from '../core/log.js';
import {emulatedSeconds, stretch, type Work} from '../core/profile/emulate.js';
import type {DeviceProfile, OpClass} from '../core/profile/profile.js';

/** Work by class of operator. */
export type Workload = Readonly<Partial<Record<OpClass, Work>>>;

export interface RoundCosts {
	readonly phases: Readonly<Record<Phase, PhaseCost>>;
	readonly radioJoules: number;
	readonly energySource: EnergySource;
}

export interface MeterOptions {
	readonly clock: Clock;
	readonly log: Logger;
	/** The device's own profile, or that of the emulated one. */
	readonly profile: DeviceProfile;
	readonly emulated: boolean;
	/** Share of the device's cores that computing uses, in (0, 1]. */
	readonly utilisation: number;
	/** Absent: energy is modelled. */
	readonly meter?: EnergyMeter;
}

export class Meter {
	readonly #options: MeterOptions;
	#before = 0;
	#warned = false;

	constructor(options: MeterOptions) {
		this.#options = options;
	}

	/**
	 * Waits until the emulated device would have finished; at once where none is emulated.
	 * @returns seconds by which the host itself was slower than the device would have been: they are the host's, not the
	 * device's, and are counted as waiting.
	 */
	async stretch(work: Workload, measuredSeconds: number, signal: AbortSignal): Promise<number> {
		const {clock, profile, emulated, log} = this.#options;
		if (!emulated) {
			return 0;
		}
		const wanted = emulatedSeconds(work, profile);
		const outcome = await stretch(clock, measuredSeconds, wanted, signal);
		switch (outcome.kind) {
			case 'stretched':
				return 0;
			case 'host-too-slow':
				if (!this.#warned) {
					this.#warned = true;
					log.warn(
						`this machine is slower than the ${profile.name} it emulates; the difference is counted as waiting`,
						{
							factor: Number(outcome.factor.toFixed(2)),
						},
					);
				}
				return measuredSeconds - wanted;
			default:
				return outcome satisfies never;
		}
	}

	/** Costs of the time since the last call. */
	async cost(
		seconds: Readonly<Record<Phase, number>>,
		{bytesSent, bytesReceived}: {readonly bytesSent: number; readonly bytesReceived: number},
	): Promise<RoundCosts> {
		const {profile, utilisation, meter, log} = this.#options;
		const modelled = phaseCosts(profile, {
			computeSeconds: seconds.compute,
			sendSeconds: seconds.send,
			receiveSeconds: seconds.receive,
			waitSeconds: seconds.wait,
			idleSeconds: seconds.idle,
			bytesUp: bytesSent,
			bytesDown: bytesReceived,
			utilisation,
		});
		if (meter) {
			try {
				const total = await meter.joules();
				const spent = total - this.#before;
				this.#before = total;
				const {phases, radioJoules} = meteredCosts(modelled, spent, meter.coverage);
				return {phases, radioJoules, energySource: meter.name};
			} catch (error) {
				log.warn(`the energy meter does not answer, energy is modelled: ${asFplError(error).message}`);
			}
		}
		return {phases: modelled.phases, radioJoules: modelled.radioJoules, energySource: 'modelled'};
	}
}
