/** Which candidates a problem permits: cuts, first stage, shares, pinned units. */
import type {CostDevice} from '../../core/cost/fleet.js';
import {FplError} from '../../core/errors.js';
import {apportion} from '../../core/plan/shares.js';
import type {Problem} from '../problem.js';
import {type Candidate, isUShaped, type Mode} from './candidate.js';

export interface Rules {
	/** Units after which may be cut, ascending; of these, the ones that may end the first stage. */
	readonly cuts: readonly number[];
	readonly firstCuts: ReadonlySet<number>;
	/** Indices of the devices that must compute the first stage, all of them; undefined: any may. */
	readonly sources: readonly number[] | undefined;
	/** Indices of the devices that may compute what the sources do not. */
	readonly free: readonly number[];
	/** Whether labels stay with the sources: of several stages the last is theirs as well. */
	readonly closes: boolean;
	/** Whether the first stage may be the only one. */
	readonly whole: boolean;
	readonly modes: readonly Mode[];
	/** Kind of each device: devices of the same kind are alike in everything that costs depend on. */
	readonly kinds: readonly number[];
	/** Whether these units may be computed by the devices. */
	permits(devices: readonly number[], first: number, last: number): boolean;
}

/** Everything that tells devices apart as far as costs go; devices that share their times have the same object for them. */
const kindKey = (
	{profile, samples, utilisation, pricePerSecond, times}: CostDevice,
	ids: Map<object, number>,
): string => {
	const timesId = ids.get(times) ?? ids.size;
	ids.set(times, timesId);
	const {speeds, link, dispatchSeconds, memoryBytes, idleWatts, busyWatts, batteryJoules} = profile;
	return JSON.stringify([
		timesId,
		speeds,
		link,
		dispatchSeconds,
		memoryBytes,
		idleWatts,
		busyWatts,
		batteryJoules,
		samples,
		utilisation,
		pricePerSecond,
	]);
};

function indexOf(problem: Problem, device: string, where: string): number {
	const index = problem.fleet.devices.findIndex(one => one.device === device);
	if (index < 0) {
		throw new FplError('DEVICE_UNKNOWN', {
			where,
			problem: `there is no device «${device}»`,
			expected: `one of ${problem.fleet.devices.map(one => one.device).join(', ')}`,
		});
	}
	return index;
}

/** @throws FplError `DEVICE_UNKNOWN`, `PLAN_INFEASIBLE` where sources are excluded or there are none. */
export function rulesOf(problem: Problem): Rules {
	const {costs, fleet, data, constraints} = problem;
	const ids = new Map<object, number>();
	const keys = new Map<string, number>();
	const pinned = constraints.pinned.map(pin => ({...pin, index: indexOf(problem, pin.device, 'pinned units')}));
	const kinds = fleet.devices.map((device, index) => {
		const pins = pinned.filter(pin => pin.index === index);
		const key = `${kindKey(device, ids)} ${JSON.stringify(pins)}`;
		const kind = keys.get(key) ?? keys.size;
		keys.set(key, kind);
		return kind;
	});
	const isFree = (index: number) => !constraints.exclude.has(fleet.devices[index]!.device);
	for (const name of constraints.exclude) {
		indexOf(problem, name, 'excluded devices');
	}
	const sources = data.kind === 'dealt' ? undefined : data.devices.map(name => indexOf(problem, name, 'sources'));
	const kept = sources?.filter(isFree);
	if (kept?.length === 0) {
		throw new FplError('PLAN_INFEASIBLE', {where: 'sources', problem: 'all devices that own data are excluded'});
	}
	const free = fleet.devices.map((_, index) => index).filter(index => isFree(index) && !sources?.includes(index));
	const cuts = costs.separable.flatMap((separable, cut) => (separable ? [cut] : []));
	const raw = data.kind !== 'aligned' && data.rawData === 'may-move';
	const wanted = data.kind === 'aligned' ? data.cut : undefined;
	const firstCuts = new Set(
		cuts.filter(cut => {
			if (wanted !== undefined && cut !== wanted) {
				return false;
			}
			const trained = costs.units.slice(0, cut + 1).reduce((sum, {parameters}) => sum + parameters, 0);
			const carriesInput = costs.values.some(({madeBy, readBy}) => madeBy < 0 && readBy.some(unit => unit > cut));
			return raw || (trained > 0 && !carriesInput);
		}),
	);
	return {
		cuts,
		firstCuts,
		sources: kept,
		free,
		closes: data.kind === 'sources' && data.labels === 'stay',
		whole: data.kind !== 'aligned',
		modes: modesOf(problem),
		kinds,
		permits: (devices, first, last) =>
			pinned.every(pin => pin.last < first || pin.first > last || (devices.length === 1 && devices[0] === pin.index)),
	};
}

const modesOf = ({space}: Problem): readonly Mode[] =>
	space.codecs.flatMap(codec =>
		space.microBatches.flatMap(microBatches =>
			// With one micro-batch both schedules are the same.
			(microBatches === 1 ? space.schedules.slice(0, 1) : space.schedules).map(
				(schedule): Mode => ({microBatches, schedule, codec, localEpochs: 0}),
			),
		),
	);

/** Whether every replica has an item of every micro-batch: a plan is valid without, but bounds count on it. */
export function sharesSuffice(shares: readonly number[], batch: number, microBatches: number): boolean {
	return batch >= shares.length * microBatches && apportion(batch, shares).every(items => items >= microBatches);
}

/**
 * Whether a plan of this shape is one of the plans that the problem asks for: its space, its constraints on devices, replicas and
 * pinned units. Nothing is said of shares, amounts and memory.
 */
export function permitsShape({space, constraints}: Problem, rules: Rules, {stages, mode}: Candidate): boolean {
	const {microBatches, schedule, codec, localEpochs} = mode;
	const several = stages.length > 1;
	const closed = isUShaped(stages);
	const flows = () =>
		rules.firstCuts.has(stages[0]!.last) &&
		space.microBatches.includes(microBatches) &&
		space.codecs.some(own => own === codec || JSON.stringify(own) === JSON.stringify(codec));
	return (
		stages.length <= space.mostStages &&
		(several ? flows() && (closed || !rules.closes) : rules.whole) &&
		((several && localEpochs === 0) || space.localEpochs.includes(localEpochs)) &&
		(microBatches === 1 || space.schedules.includes(schedule)) &&
		stages.every(({last, devices}, index) => {
			const first = index === 0 ? 0 : stages[index - 1]!.last + 1;
			const own = (rules.sources !== undefined && index === 0) || (closed && index === stages.length - 1);
			const enough = devices.length >= constraints.minimumReplicas;
			return rules.permits(devices, first, last) && (own || (enough && devices.length <= space.mostReplicas));
		})
	);
}
