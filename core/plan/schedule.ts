/** In which order a stage does the passes of one step. Pure; the executor and the cost model use the same. */
import type {Plan} from './plan.js';

/** learn: forward, loss and backward in one, which is what the last stage does. */
export interface Pass {
	readonly kind: 'forward' | 'backward' | 'learn';
	readonly micro: number;
}

/**
 * Micro-batches whose forward pass a stage does before its first backward pass. 1F1B needs one more than there are stages
 * after it (Narayanan et al. 2019, section 3.2). Where transfers take time, the last stage would then wait for the way of a
 * gradient back and of the next activations there with every micro-batch; one more for each cut hides both.
 */
export function warmUp(schedule: Plan['pipeline']['schedule'], stage: number, stages: number, micros: number): number {
	switch (schedule) {
		case 'gpipe':
			return micros;
		case '1f1b':
			return stage === stages - 1 ? 0 : Math.min(micros, 2 * (stages - 1 - stage) + 1);
		default:
			return schedule satisfies never;
	}
}

/**
 * Every micro-batch goes forward and backward exactly once; backward passes follow the order of the forward passes.
 * @param micros those that the part has rows of, ascending. Where it has none of some, it does the others in the same order as
 * parts that have rows of all: so nobody waits for a pass that waits for theirs.
 */
export function passesOf(
	schedule: Plan['pipeline']['schedule'],
	stage: number,
	stages: number,
	micros: readonly number[],
): readonly Pass[] {
	if (stage === stages - 1) {
		return micros.map(micro => ({kind: 'learn', micro}));
	}
	const ahead = warmUp(schedule, stage, stages, (micros.at(-1) ?? 0) + 1);
	const passes: Pass[] = [];
	let next = 0;
	for (const micro of micros) {
		for (; next < micros.length && micros[next]! < micro + ahead; next++) {
			passes.push({kind: 'forward', micro: micros[next]!});
		}
		passes.push({kind: 'backward', micro});
	}
	return passes;
}
