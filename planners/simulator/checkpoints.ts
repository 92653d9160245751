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

/** Of each turn what happens most often, with all steps of the turn; of what is as frequent, what exchanges least. */
function usualScenes(scenes: readonly Scene[]): readonly (readonly [Scene, number])[] {
	const turns = new Set(scenes.map(({turn}) => turn));
	return [...turns].map(turn => {
		const own = scenes.filter(scene => scene.turn === turn);
		const usual = own.reduce((most, one) =>
			one.times > most.times || (one.times === most.times && one.exchanges < most.exchanges) ? one : most,
		);
		return [usual, own.reduce((sum, {times}) => sum + times, 0)];
	});
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
	let longer = 0;
	for (const [{play, store}, times] of usualScenes(scenes)) {
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
		const share = times / run.steps;
		longer += share * beside * (kernel.now - began - steps * seconds);
		tally.add(tally.since(), share * all);
		tally.add(plain, -share * all * steps);
	}
	return longer;
}
