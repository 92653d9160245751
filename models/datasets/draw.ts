/**
 * Which items come next: a stateless function of (seed, cursor), so that a run can be resumed, a device can return and a
 * single process can repeat what several devices drew.
 */
import {hashString, seededRandom} from '../../core/random.js';

/**
 * Draws items without replacement, epoch after epoch, each epoch in a new order. One instance caches the current order.
 * @param items size of the collection, ≥ 1.
 * @param seed the run's seed; `stream` tells its consumers apart (the replica's index).
 */
export function itemOrder(items: number, seed: number, stream: number): (cursor: number, count: number) => Uint32Array {
	let cachedEpoch = -1;
	let order: readonly number[] = [];
	const epochOrder = (epoch: number): readonly number[] => {
		if (epoch !== cachedEpoch) {
			const random = seededRandom(hashString(`order/${seed}/${stream}/${epoch}`));
			order = random.shuffle(Array.from({length: items}, (_, index) => index));
			cachedEpoch = epoch;
		}
		return order;
	};
	/** Items number `cursor … cursor + count − 1` of the endless sequence. */
	return (cursor, count) =>
		Uint32Array.from({length: count}, (_, index) => {
			const position = cursor + index;
			return epochOrder(Math.floor(position / items))[position % items]!;
		});
}
