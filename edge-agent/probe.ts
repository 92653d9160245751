/**
 * Measures this machine, so that planning need not guess: the speed of each class of operators on the engine that will
 * train, and the link to the broker. Power cannot be measured without a meter; it is taken from the built-in profile that is
 * most like this machine, and says so.
 */
import {type Clock, systemClock} from '../core/clock.js';
import {libraryProfile} from '../core/profile/library.js';
import {linkFrom, linkPresets, presetOfMedium} from '../core/profile/links.js';
import {type DeviceProfile, type Medium, opClasses, type PeerLink} from '../core/profile/profile.js';
import {parseProfile} from '../core/profile/schema.js';
import type {Sourced} from '../core/profile/sourced.js';
import {formatSi} from '../core/units.js';
import type {Engine} from '../models/engines/engine.js';
import {inspectMachine, type Machine} from './probe/machine.js';
import {measureScaling} from './probe/scaling.js';
import {measureSpeeds} from './probe/speeds.js';

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
	/** Starts further engines, to measure with fewer threads too; without it that is left out. */
	readonly startEngine?: (threads: number) => Promise<Engine>;
	/** Ways to other devices that were measured. */
	readonly pairs?: readonly PeerLink[];
	/** Time for computing, all classes together, per number of threads; a slow device needs some more. Default 1.5. */
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
	const {name, engine, link: measureLink, startEngine, pairs, seconds = 1.5, clock = systemClock} = options;
	const machine = options.machine ?? (await inspectMachine());
	const {speeds, dispatchSeconds, told} = await measureSpeeds(engine, seconds, clock);
	const scaling = startEngine && (await measureScaling({cores: machine.cores, start: startEngine, seconds, clock}));
	const link = linkOf(machine, await measureLink?.());
	const power = powerOf(machine);
	const profile: DeviceProfile = {
		name,
		speeds,
		dispatchSeconds,
		cores: machine.cores,
		memoryBytes: machine.memoryBytes,
		idleWatts: power.idleWatts,
		busyWatts: power.busyWatts,
		link: link.link,
		...(scaling !== undefined && scaling.length > 0 && {scaling}),
		...(pairs !== undefined && {pairs}),
		sources: {
			dispatchSeconds: `${by}: ${told.dispatch}`,
			...Object.fromEntries(opClasses.map(op => [`speeds.${op}`, `${by}: ${told[op]}`])),
			...(scaling !== undefined && scaling.length > 0 && {scaling: by}),
			...(pairs !== undefined && {pairs: by}),
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
