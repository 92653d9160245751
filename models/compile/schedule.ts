/** Learning-rate schedules as pure functions: the factor that multiplies the optimiser's learning rate. */
import type {Schedule} from '../training.js';

/**
 * @param step optimiser updates done so far, from 0.
 * @param steps planned total, ≥ 1. Beyond it the last factor holds.
 * @returns a factor in [0, 1].
 */
export function lrScale(schedule: Schedule, step: number, steps: number): number {
	switch (schedule.kind) {
		case 'constant':
			return 1;
		case 'step':
			return schedule.gamma ** Math.floor(step / schedule.every);
		case 'cosine': {
			// Warm-up, then half a cosine wave from 1 down to the floor (Loshchilov, Hutter 2017, without restarts).
			const {warmup, floor} = schedule;
			return step < warmup
				? warmingUp(step, warmup)
				: floor + ((1 - floor) * (1 + Math.cos(Math.PI * progress(step, warmup, steps)))) / 2;
		}
		case 'linear':
			return step < schedule.warmup ? warmingUp(step, schedule.warmup) : 1 - progress(step, schedule.warmup, steps);
		default:
			return schedule satisfies never;
	}
}

/** The first update already moves the weights: 1/warmup, 2/warmup … 1. */
const warmingUp = (step: number, warmup: number): number => (step + 1) / warmup;

/** How much of the time after the warm-up is over, [0, 1]. */
const progress = (step: number, warmup: number, steps: number): number =>
	Math.min(1, Math.max(0, (step - warmup) / Math.max(1, steps - warmup)));
