/**
 * Checkpoints beside the steps of a run, as they are played: the weights share the links with what steps send, for as many steps
 * as it takes. Played once for each turn; how often it happens follows the coordinator's rule.
 */
import {checkpointCounts} from '../../core/cost/checkpoints.js';
import type {SimulationInput} from './input.js';
import type {Kernel, Process} from './kernel.js';
import type {Scene} from './scenes.js';
import type {Tally} from './tally.js';

export interface StoreParts {
	readonly kernel: Kernel;
	/** Gets what checkpoints send. */
	readonly tally: Tally;
}

/** Of each turn what happens most often. */
function usualScenes(scenes: readonly Scene[]): readonly Scene[] {
	const byTurn = new Map<number, Scene>();
	for (const scene of scenes) {
		const known = byTurn.get(scene.turn);
		if (!known || known.times < scene.times) {
			byTurn.set(scene.turn, scene);
		}
	}
	return [...byTurn.values()];
}

/**
 * @param run its steps, and the seconds that these take without checkpoints.
 * @returns by how many seconds the run takes longer.
 */
export function* storeBeside(
	{plan, training}: SimulationInput,
	run: {readonly seconds: number; readonly steps: number},
	scenes: readonly Scene[],
	{kernel, tally}: StoreParts,
): Process<number> {
	const usual = usualScenes(scenes);
	const played = usual.reduce((sum, {times}) => sum + times, 0);
	let longer = 0;
	for (const {play, store, times} of usual) {
		let began = kernel.now;
		yield* play();
		const seconds = kernel.now - began;
		const plain = tally.since();
		began = kernel.now;
		let ended: number | undefined;
		yield* store(() => {
			ended = kernel.now;
		});
		let steps = 1;
		let last = began;
		for (; ended === undefined; steps++) {
			last = kernel.now;
			yield* play();
		}
		const flight = {seconds: ended - began, steps: steps - 1 + (ended - last) / (kernel.now - last)};
		const epoch = {perEpoch: run.steps / training.epochs, seconds: run.seconds / run.steps};
		const {all, beside} = checkpointCounts(plan, training, epoch, flight);
		const share = times / played;
		longer += share * beside * (kernel.now - began - steps * seconds);
		tally.add(tally.since(), share * all);
		tally.add(plain, -share * all * steps);
	}
	return longer;
}
