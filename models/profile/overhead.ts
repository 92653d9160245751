/** What a pass and an update of a stage take besides its units: from stages of one unit each, whose own time is known. */
import {fitLinear, type PassOverhead} from '../../core/profile/unit-times.js';
import type {StageTime} from './timed-stage.js';

/** A stage of a single unit. */
export interface Single {
	readonly unit: number;
	readonly time: StageTime;
	/** Seconds that the unit itself takes. */
	readonly forward: number;
	readonly backward: number;
}

/** However much a unit is said to take by itself, this part of its stage's pass is the stage's. */
const leastPart = 0.1;

/** @param singles stages that differ in the bytes that cross their borders; without any there is no overhead. */
export function overheadOf(singles: readonly Single[]): {forward: PassOverhead; backward: PassOverhead} {
	const of = (kind: 'forward' | 'backward', bytes: (time: StageTime) => number): PassOverhead => {
		const points = singles.map(({time, [kind]: own}) => {
			const rest = Math.max(time[kind] - own, time[kind] * leastPart);
			return [bytes(time), rest] as const;
		});
		const {fixed, perItem} = points.length === 0 ? {fixed: 0, perItem: 0} : fitLinear(points);
		return {perPass: fixed, perByte: perItem};
	};
	return {
		forward: of('forward', ({bytes}) => bytes),
		backward: of('backward', ({gradientBytes}) => gradientBytes),
	};
}

/** An update as a line over the numbers that are trained. */
export function updateOf(stages: ReadonlyArray<{readonly parameters: number; readonly seconds: number}>): {
	readonly fixed: number;
	readonly perParameter: number;
} {
	const trained = stages.filter(({parameters}) => parameters > 0);
	if (trained.length === 0) {
		return {fixed: 0, perParameter: 0};
	}
	const {fixed, perItem} = fitLinear(trained.map(({parameters, seconds}) => [parameters, seconds]));
	return {fixed, perParameter: perItem};
}
