/**
 * Turns an agent's time and bytes into what the ledger keeps: stretches computing to the emulated device, and puts joules to
 * every phase, measured where and while a meter answers, and modelled otherwise.
 */
import type {Clock} from '../core/clock.js';
import type {EnergyMeter} from '../core/energy/meter.js';
import {phaseCosts} from '../core/energy/model.js';
import type {EnergySource, Phase, PhaseCost} from '../core/ledger/ledger.js';
import type {Logger} from '../core/log.js';
import {codingSeconds, emulatedSeconds, stretch, type Work} from '../core/profile/emulate.js';
import type {DeviceProfile, OpClass} from '../core/profile/profile.js';
import {MeterAccount} from './meter-account.js';

/** Work by class of operator. */
export type Workload = Readonly<Partial<Record<OpClass, Work>>>;

export interface RoundCosts {
	readonly phases: Readonly<Record<Phase, PhaseCost>>;
	readonly radioJoules: number;
	readonly energySource: EnergySource;
	/** Seconds of the phases that the meter saw; the rest is modelled. */
	readonly meteredSeconds: number;
	/** The part of the phases' joules that is modelled. */
	readonly modelledJoules: number;
	/** That the meter stopped answering, or answers again; else empty. */
	readonly meterNote: string;
	/** Energy left in the battery, where one tells. */
	readonly batteryJoules?: number;
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
	/** Joules left in the device's battery, where it has one that tells. */
	readonly batteryLeft?: () => Promise<number | undefined>;
}

const gaugeEveryMs = 5000;

export class Meter {
	readonly #options: MeterOptions;
	#account: Promise<MeterAccount> | undefined;
	#gaugedAt = Number.NEGATIVE_INFINITY;
	#gauge: number | undefined;
	#warned = false;
	/** When the emulated device has encoded and decoded all that it was given. */
	#codedUntil = 0;

	constructor(options: MeterOptions) {
		this.#options = options;
	}

	/** Whether computing is stretched to another device's time. */
	get emulated(): boolean {
		return this.#options.emulated;
	}

	/**
	 * Waits until the emulated device would have finished; at once where none is emulated.
	 * @returns seconds by which the host itself was slower than the device would have been, or woke up later: they are the
	 * host's, not the device's, and are counted as waiting.
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
				return Math.max(0, measuredSeconds + outcome.sleptSeconds - wanted);
			case 'host-too-slow': {
				const surplus = measuredSeconds - wanted;
				const facts = {factor: Number(outcome.factor.toFixed(2)), surplusMs: Number((surplus * 1000).toFixed(2))};
				const text = `this machine is slower than the ${profile.name} it emulates; the difference is counted as waiting`;
				if (this.#warned) {
					log.debug(text, facts);
				} else {
					this.#warned = true;
					log.warn(text, facts);
				}
				return surplus;
			}
			default:
				return outcome satisfies never;
		}
	}

	/**
	 * Waits until the emulated device would have encoded or decoded something that took this long here, counted from when it had done
	 * all that it was given before. Timers wait in whole milliseconds: what is shorter is made good by the next wait.
	 * @param bytes of a copy that takes as long (`core/codec/work`).
	 */
	async stretchCoding(bytes: number, measuredSeconds: number, signal?: AbortSignal): Promise<void> {
		const {clock, profile, emulated, log} = this.#options;
		if (!emulated) {
			return;
		}
		const now = clock.monotonic();
		const began = Math.max(now - 1000 * measuredSeconds, this.#codedUntil);
		this.#codedUntil = began + 1000 * codingSeconds(bytes, profile);
		const ahead = this.#codedUntil - now;
		if (ahead >= 1) {
			await clock.sleep(ahead, signal);
		} else if (ahead <= -1) {
			log.debug(`this machine codes tensors more slowly than the ${profile.name} it emulates`, {
				surplusMs: Number((-ahead).toFixed(2)),
			});
		}
	}

	/** A time begins that `cost` will be asked about: what was spent before it is nobody's. */
	begin(): void {
		const {meter, log} = this.#options;
		if (meter) {
			this.#account = meter.read().then(reading => new MeterAccount(meter, reading, log));
		}
	}

	/** Costs of the time since the last call, or since it began. */
	async cost(
		seconds: Readonly<Record<Phase, number>>,
		{bytesSent, bytesReceived}: {readonly bytesSent: number; readonly bytesReceived: number},
	): Promise<RoundCosts> {
		const {profile, utilisation, meter} = this.#options;
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
		const battery = await this.#battery();
		const left = battery === undefined ? {} : {batteryJoules: battery};
		if (meter) {
			const account = await this.#account;
			const reading = await meter.read();
			if (account) {
				return {...account.settle(modelled, reading), ...left};
			}
		}
		const {phases, radioJoules, joules} = modelled;
		return {
			phases,
			radioJoules,
			energySource: 'modelled',
			meteredSeconds: 0,
			modelledJoules: joules,
			meterNote: '',
			...left,
		};
	}

	/** The gauge of a battery moves slowly, and steps may be short. */
	async #battery(): Promise<number | undefined> {
		const {clock, batteryLeft} = this.#options;
		if (batteryLeft && clock.monotonic() - this.#gaugedAt >= gaugeEveryMs) {
			this.#gaugedAt = clock.monotonic();
			this.#gauge = await batteryLeft();
		}
		return this.#gauge;
	}
}
