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

/** @param singles stages that differ in the bytes that cross their borders; without any there is no overhead. */
export function overheadOf(singles: readonly Single[]): {forward: PassOverhead; backward: PassOverhead} {
	const of = (kind: 'forward' | 'backward', bytes: (time: StageTime) => number): PassOverhead => {
		// What is left beside a unit that takes nearly all of the pass is known the least.
		const points = singles.map(({time, [kind]: own}) => [bytes(time), Math.max(time[kind] - own, 0)] as const);
		const whole = singles.map(({time}) => time[kind]);
		const {fixed, perItem} = points.length === 0 ? {fixed: 0, perItem: 0} : fitLinear(points, whole);
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
