/** How fast devices really are, against what was predicted of them. Pure. */
import type {Prediction} from '../../../core/ledger/prediction.js';
import type {DeviceProfile} from '../../../core/profile/profile.js';

/** Fewer reports say little: the first ones include getting ready. */
const leastReports = 5;
const keptReports = 15;

export class Pace {
	/** Seconds that each device is predicted to compute in a step. */
	readonly #predicted: ReadonlyMap<string, number>;
	readonly #reports = new Map<string, number[]>();

	constructor({ledger, steps}: Prediction) {
		this.#predicted = new Map(
			ledger.devices.map(({device, phases}) => [device, phases.compute.seconds / Math.max(1, steps)]),
		);
	}

	/** A device computed so long for a step. */
	report(device: string, seconds: number): void {
		const reports = [...(this.#reports.get(device) ?? []), seconds];
		this.#reports.set(device, reports.slice(-keptReports));
	}

	/** How many times as long as predicted a device takes: the median of its last steps; undefined: too little is known. */
	slowness(device: string): number | undefined {
		const predicted = this.#predicted.get(device);
		const reports = this.#reports.get(device) ?? [];
		if (!predicted || reports.length < leastReports) {
			return undefined;
		}
		const median = reports.toSorted((a, b) => a - b)[reports.length >> 1]!;
		return median > 0 ? median / predicted : undefined;
	}
}

/** A device that takes `factor` times as long for everything it computes. */
export function slowed(profile: DeviceProfile, factor: number): DeviceProfile {
	const speeds = Object.fromEntries(Object.entries(profile.speeds).map(([op, speed]) => [op, speed / factor]));
	return {...profile, speeds: speeds as DeviceProfile['speeds'], dispatchSeconds: profile.dispatchSeconds * factor};
}
