/** Whether a run should go on by another plan. Pure. */

/** Less than this part of what is left is not worth the trouble, given how well costs can be predicted. */
export const leastGain = 0.1;

export interface Weighing {
	/**
	 * What the whole run would cost by the plan as it is executed now, with the devices as they are now, in units of the job's
	 * objective; undefined: it cannot go on by that plan.
	 */
	readonly current: number | undefined;
	/** The same by the plan proposed. */
	readonly proposed: number;
	/** What the move itself costs: weights on their way, devices that get ready. */
	readonly moving: number;
}

export type Verdict =
	/** `gain`: part of the cost of what is left, in (0, 1]; 1 where the run could not go on at all. */
	{readonly kind: 'move'; readonly gain: number} | {readonly kind: 'stay'; readonly gain: number};

/** @param done part of the run, in [0, 1]. */
export function shouldReplan({current, proposed, moving}: Weighing, done: number): Verdict {
	const left = 1 - done;
	if (!(left > 0) || !Number.isFinite(proposed)) {
		return {kind: 'stay', gain: 0};
	}
	if (current === undefined) {
		return {kind: 'move', gain: 1};
	}
	const now = current * left;
	const gain = now > 0 ? 1 - (proposed * left + moving) / now : 0;
	return gain > leastGain ? {kind: 'move', gain} : {kind: 'stay', gain: Math.max(0, gain)};
}
