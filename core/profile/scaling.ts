/** How fast a device is when not all of its cores compute. */
import {type DeviceProfile, type OpClass, opClasses} from './profile.js';

type Speeds = Readonly<Record<OpClass, number>>;

const between = (low: Speeds, high: Speeds, part: number): Speeds =>
	Object.fromEntries(opClasses.map(op => [op, low[op] + (high[op] - low[op]) * part])) as Record<OpClass, number>;

const nothing = Object.fromEntries(opClasses.map(op => [op, 0])) as Record<OpClass, number>;

/**
 * Speeds with so many threads: as measured, in between on the line through the neighbours. Where scaling was not measured
 * they are taken to grow with the threads, up to the cores.
 * @param threads ≥ 1.
 */
export function speedsAt({speeds, cores, scaling}: DeviceProfile, threads: number): Speeds {
	const measured: ReadonlyArray<readonly [threads: number, speeds: Speeds]> = [
		[0, nothing],
		...(scaling ?? []).filter(one => one.threads < cores).map(one => [one.threads, one.speeds] as const),
		[cores, speeds],
	];
	const above = measured.findIndex(([count]) => count >= threads);
	if (above === -1) {
		return speeds;
	}
	const [high, low] = [measured[above]!, measured[Math.max(0, above - 1)]!];
	return high[0] === threads ? high[1] : between(low[1], high[1], (threads - low[0]) / (high[0] - low[0]));
}

/**
 * A device of which only some of the cores compute: with the speeds of so many threads, and the power of so many busy cores, by the linear
 * model (docs/energy.md).
 * @param cores from 1 to those of the profile.
 */
export function withCores(profile: DeviceProfile, cores: number): DeviceProfile {
	if (cores === profile.cores) {
		return profile;
	}
	const {busyWatts, idleWatts, scaling, ...rest} = profile;
	return {
		...rest,
		speeds: speedsAt(profile, cores),
		cores,
		idleWatts,
		busyWatts: idleWatts + ((busyWatts - idleWatts) * cores) / profile.cores,
		...(scaling && {scaling: scaling.filter(({threads}) => threads < cores)}),
	};
}
