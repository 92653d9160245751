/**
 * Measures this machine, so that planning need not guess: the speed of each class of operators on the engine that will
 * train, and the link to the broker. Power cannot be measured without a meter; it is taken from the built-in profile that is
 * most like this machine, and says so.
 */
import {type Clock, systemClock} from '../core/clock.js';
import {libraryProfile} from '../core/profile/library.js';
import {linkFrom, linkPresets, presetOfMedium} from '../core/profile/links.js';
import {type DeviceProfile, type Medium, opClasses} from '../core/profile/profile.js';
import {parseProfile} from '../core/profile/schema.js';
import type {Sourced} from '../core/profile/sourced.js';
import {formatSi} from '../core/units.js';
import type {Engine} from '../models/engines/engine.js';
import {inspectMachine, type Machine} from './probe/machine.js';
import {type Measured, measure} from './probe/measure.js';
import {workloads} from './probe/workloads.js';

export interface MeasuredLink {
	readonly latencySeconds: number;
	readonly upBytesPerSecond: number;
	readonly downBytesPerSecond: number;
	/** When it is known better than by the default route: a broker on this machine is `loopback`. */
	readonly medium?: Medium;
}

export interface ProbeOptions {
	/** Becomes the profile's name, usually the agent's id. */
	readonly name: string;
	readonly engine: Engine;
	/** Times the way to the broker; without it the link is the typical one of the machine's medium. */
	readonly link?: () => Promise<MeasuredLink>;
	/** Time for computing, all classes together; a slow device needs some more. Default 1.5. */
	readonly seconds?: number;
	readonly clock?: Pick<Clock, 'monotonic'>;
	readonly machine?: Machine;
}

const by = 'measured by probe';

function linkOf(machine: Machine, measured: MeasuredLink | undefined) {
	const medium = measured?.medium ?? machine.medium ?? libraryProfile(machine.likeness).link.medium;
	const values: Record<string, Sourced> = measured
		? {
				upBytesPerSecond: [measured.upBytesPerSecond, by],
				downBytesPerSecond: [measured.downBytesPerSecond, by],
				latencySeconds: [measured.latencySeconds, by],
			}
		: {};
	return linkFrom(linkPresets[presetOfMedium[medium]], values);
}

/** Power of the profile most like this machine; a server's by the core. */
function powerOf({likeness, recognised, description, cores}: Machine) {
	const {idleWatts, busyWatts, sources} = libraryProfile(likeness);
	const factor = likeness === 'server-core' ? cores : 1;
	const origin = `not measured: built-in profile ${likeness}${factor > 1 ? ` × ${factor}` : ''}${recognised ? '' : `, a guess for «${description.slice(0, 80)}»`}`;
	const told = (field: 'idleWatts' | 'busyWatts') => `${origin} (${sources[field]})`.slice(0, 500);
	return {
		idleWatts: idleWatts * factor,
		busyWatts: busyWatts * factor,
		sources: {idleWatts: told('idleWatts'), busyWatts: told('busyWatts')},
	};
}

/**
 * A profile of this machine with origin `measured`. Takes about `seconds`, plus the time of `link`.
 * @throws FplError of the engine (`MODEL_OP`, `ENGINE_FAILED`) or of `link`, and `CONFIG_VALUE` when `link` answers nonsense.
 */
export async function probeDevice(options: ProbeOptions): Promise<DeviceProfile> {
	const {name, engine, link: measureLink, seconds = 1.5, clock = systemClock} = options;
	const machine = options.machine ?? (await inspectMachine());
	const share = seconds / (opClasses.length + 1);
	const run = async (op: keyof typeof workloads) => {
		const workload = workloads[op]();
		return {workload, measured: await measure(engine, workload, share, clock)};
	};
	const dispatch = await run('dispatch');
	const dispatchSeconds = (dispatch.measured.secondsPerItem * dispatch.measured.batch) / dispatch.workload.calls;
	const speeds: Partial<Record<(typeof opClasses)[number], number>> = {};
	const sources: Record<string, string> = {};
	const told = ({batch, runs}: Measured) => `${by}: ${engine.description}, best of ${runs} runs of ${batch} items`;
	sources['dispatchSeconds'] = told(dispatch.measured);
	for (const op of opClasses) {
		const {workload, measured} = await run(op);
		// What calling the operators costs is told apart, as long as it does not swallow the work itself.
		const calling = (workload.calls * dispatchSeconds) / measured.batch;
		speeds[op] = workload.amount / Math.max(measured.secondsPerItem - calling, measured.secondsPerItem * 0.2);
		sources[`speeds.${op}`] = told(measured);
	}
	const link = linkOf(machine, await measureLink?.());
	const power = powerOf(machine);
	const profile: DeviceProfile = {
		name,
		speeds: speeds as DeviceProfile['speeds'],
		dispatchSeconds,
		cores: machine.cores,
		memoryBytes: machine.memoryBytes,
		idleWatts: power.idleWatts,
		busyWatts: power.busyWatts,
		link: link.link,
		sources: {
			...sources,
			cores: 'operating system',
			memoryBytes: 'operating system',
			...power.sources,
			...link.sources,
		},
		origin: 'measured',
	};
	return parseProfile(profile, `probe of «${name}»`);
}

/** A profile's speeds on one line, for logs: «convolution 41.2 GFLOP/s, … memory 9.8 GB/s, 12 µs per call». */
export const probeText = ({speeds, dispatchSeconds}: DeviceProfile): string =>
	[
		...opClasses.map(op => `${op} ${formatSi(speeds[op], op === 'memory' ? 'B/s' : 'FLOP/s')}`),
		`${formatSi(dispatchSeconds, 's')} per call`,
	].join(', ');
