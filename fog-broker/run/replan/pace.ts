/** How fast devices really are, against what was predicted of them. Pure. */
import type {Prediction} from '../../../core/ledger/prediction.js';
import {isDataParallel, type Plan} from '../../../core/plan/plan.js';
import type {DeviceProfile} from '../../../core/profile/profile.js';
import {leastGain} from './decide.js';

/** Fewer reports of steps say little: the first ones include getting ready. A round of local epochs is many steps. */
const leastReports = 5;
const leastRounds = 2;
const keptReports = 15;

/** How many reports of a device say something. */
export const leastReportsOf = (plan: Plan): number =>
	isDataParallel(plan) && plan.synchronisation.every.kind === 'epochs' ? leastRounds : leastReports;

export class Pace {
	/** Seconds that each device is predicted to compute in a step in which it takes part. */
	readonly #predicted: ReadonlyMap<string, number>;
	readonly #reports = new Map<string, number[]>();
	readonly #least: number;
	/** What the time of a step hardly depends on is no sign of anything. */
	readonly #tolerance: number;

	/** @param batch items of a step. */
	constructor({ledger, steps, stepSeconds}: Prediction, plan: Plan, batch: number) {
		this.#tolerance = leastGain * stepSeconds;
		const [first] = plan.stages as [Plan['stages'][number]];
		this.#least = leastReportsOf(plan);
		const turning = first.turns === 'in-turn' ? first.replicas.map(({device}) => device) : [];
		this.#predicted = new Map(
			ledger.devices.map(({device, phases, items}) => {
				// Who takes turns computes, and reports, in its own steps only.
				const own = turning.includes(device) ? items / batch : steps;
				return [device, phases.compute.seconds / Math.max(1, own)];
			}),
		);
	}

	/** A device computed so long for a step, or for a round of local epochs. */
	report(device: string, seconds: number): void {
		const reports = [...(this.#reports.get(device) ?? []), seconds];
		this.#reports.set(device, reports.slice(-keptReports));
	}

	/**
	 * How many times as long as predicted a device takes: the median of its last steps; 1 where the difference is less than a tenth of a step.
	 * Undefined: too little is known.
	 */
	slowness(device: string): number | undefined {
		const predicted = this.#predicted.get(device);
		const reports = this.#reports.get(device) ?? [];
		if (!predicted || reports.length < this.#least) {
			return undefined;
		}
		const median = reports.toSorted((a, b) => a - b)[reports.length >> 1]!;
		if (!(median > 0)) {
			return undefined;
		}
		return Math.abs(median - predicted) > this.#tolerance ? median / predicted : 1;
	}
}

/** Whether a pace is so far from another, in either direction. */
export const isOff = (ratio: number, factor: number): boolean => ratio > factor || ratio < 1 / factor;

/** «cam-1 takes 3 times as long as its profile says». */
export function paceText(device: string, slowness: number): string {
	const text = (value: number) => `${Number(value.toPrecision(2))}`;
	const [slow, fast] = [text(slowness), text(1 / slowness)];
	return slow === '1'
		? `${device} is as fast as its profile says again`
		: slowness > 1
			? `${device} takes ${slow} times as long as its profile says`
			: `${device} is ${fast} times as fast as its profile says`;
}

/** A device that takes `factor` times as long for everything it computes. */
export function slowed(profile: DeviceProfile, factor: number): DeviceProfile {
	const speeds = Object.fromEntries(Object.entries(profile.speeds).map(([op, speed]) => [op, speed / factor]));
	return {...profile, speeds: speeds as DeviceProfile['speeds'], dispatchSeconds: profile.dispatchSeconds * factor};
}
