/**
 * The linear energy model: P = idle + (busy − idle) · utilisation, and for the link E = active · time + per byte · bytes,
 * both on top of the idle power that flows all the time. Its constants are the profile's, each with a source.
 */
import {FplError} from '../errors.js';
import type {Phase, PhaseCost} from '../ledger/ledger.js';
import {phases} from '../ledger/ledger.js';
import type {DeviceProfile} from '../profile/profile.js';
import type {MeterCoverage} from './meter.js';

/** How long a device was in each phase, and what it moved. Times in seconds; phases do not overlap. */
export interface Activity {
	readonly computeSeconds: number;
	readonly sendSeconds: number;
	readonly receiveSeconds: number;
	readonly waitSeconds: number;
	readonly idleSeconds: number;
	readonly bytesUp: number;
	readonly bytesDown: number;
	/** Share of all cores in use while computing, in [0, 1]; 1 when not given. */
	readonly utilisation?: number;
}

/** The energy part of a device's ledger. `joules` is the sum over the phases, `radioJoules` is contained in it. */
export interface EnergyCosts {
	readonly phases: Readonly<Record<Phase, PhaseCost>>;
	readonly radioJoules: number;
	readonly joules: number;
}

const checked = (name: keyof Activity, value: number, most = Number.MAX_VALUE): number => {
	if (!(value >= 0 && value <= most)) {
		throw new FplError('INTERNAL', {
			where: `energy model, ${name}`,
			expected: most === Number.MAX_VALUE ? 'a finite number ≥ 0' : `a number in [0, ${most}]`,
			got: String(value),
		});
	}
	return value;
};

/**
 * Seconds and joules of each phase by the profile's linear model.
 * @throws FplError `INTERNAL` when a time, byte count or utilisation is negative or not finite: a ledger never holds NaN.
 */
export function phaseCosts(profile: DeviceProfile, activity: Activity): EnergyCosts {
	const {idleWatts, busyWatts, link} = profile;
	const seconds: Record<Phase, number> = {
		compute: checked('computeSeconds', activity.computeSeconds),
		send: checked('sendSeconds', activity.sendSeconds),
		receive: checked('receiveSeconds', activity.receiveSeconds),
		wait: checked('waitSeconds', activity.waitSeconds),
		idle: checked('idleSeconds', activity.idleSeconds),
	};
	const utilisation = checked('utilisation', activity.utilisation ?? 1, 1);
	const [bytesUp, bytesDown] = [checked('bytesUp', activity.bytesUp), checked('bytesDown', activity.bytesDown)];
	// Much is sent and received while the device computes or waits for something else: the link is in use all the same.
	const upSeconds = Math.max(seconds.send, bytesUp / link.upBytesPerSecond);
	const downSeconds = Math.max(seconds.receive, bytesDown / link.downBytesPerSecond);
	const up = link.activeWatts * upSeconds + link.joulesPerByteUp * bytesUp;
	const down = link.activeWatts * downSeconds + link.joulesPerByteDown * bytesDown;
	const beyondIdle: Record<Phase, number> = {
		compute: (busyWatts - idleWatts) * utilisation * seconds.compute,
		send: up,
		receive: down,
		wait: 0,
		idle: 0,
	};
	return total(phase => ({seconds: seconds[phase], joules: idleWatts * seconds[phase] + beyondIdle[phase]}), up + down);
}

function total(cost: (phase: Phase) => PhaseCost, radioJoules: number): EnergyCosts {
	const entries = phases.map(phase => [phase, cost(phase)] as const);
	return {
		phases: Object.fromEntries(entries) as Record<Phase, PhaseCost>,
		radioJoules,
		joules: entries.reduce((sum, [, {joules}]) => sum + joules, 0),
	};
}

const scaled = ({seconds, joules}: PhaseCost, share: number): PhaseCost => ({seconds, joules: joules * share});

/** Energy of which a part is metered. */
export interface MixedCosts extends EnergyCosts {
	/** The part of `joules` that is modelled: gaps of the meter, and the radio where the meter does not see it. */
	readonly modelledJoules: number;
}

/**
 * Costs of a time that a meter saw in part: what it counted stands for its share of the time, the model for the rest.
 * @param seen what it counted, and the share of the time that it saw, in [0, 1].
 */
export function mixedCosts(
	modelled: EnergyCosts,
	seen: {readonly joules: number; readonly share: number},
	coverage: MeterCoverage,
): MixedCosts {
	const part = (share: number): EnergyCosts =>
		total(phase => scaled(modelled.phases[phase], share), modelled.radioJoules * share);
	const [inside, gaps] = [part(seen.share), part(1 - seen.share)];
	const metered = meteredCosts(inside, seen.joules, coverage);
	const costs = total(
		phase => ({
			seconds: modelled.phases[phase].seconds,
			joules: metered.phases[phase].joules + gaps.phases[phase].joules,
		}),
		metered.radioJoules + gaps.radioJoules,
	);
	return {...costs, modelledJoules: gaps.joules + metered.joules - seen.joules};
}

/**
 * Spreads metered joules over the phases in the proportions of the model. The sum is what the meter said, plus the modelled
 * radio when the meter sees the processor only.
 */
export function meteredCosts(modelled: EnergyCosts, meteredJoules: number, coverage: MeterCoverage): EnergyCosts {
	if (!(meteredJoules >= 0 && meteredJoules < Number.MAX_VALUE)) {
		throw new FplError('INTERNAL', {where: 'energy meter', expected: 'joules ≥ 0', got: String(meteredJoules)});
	}
	const sum = coverage === 'processor' ? meteredJoules + modelled.radioJoules : meteredJoules;
	const time = phases.reduce((whole, phase) => whole + modelled.phases[phase].seconds, 0);
	// A model of zero watts tells no proportions; time does.
	const share = ({seconds, joules}: PhaseCost) =>
		modelled.joules > 0 ? joules / modelled.joules : time > 0 ? seconds / time : 1 / phases.length;
	const radioScale = coverage !== 'processor' && modelled.joules > 0 ? sum / modelled.joules : 1;
	return total(phase => {
		const cost = modelled.phases[phase];
		return {seconds: cost.seconds, joules: sum * share(cost)};
	}, modelled.radioJoules * radioScale);
}
