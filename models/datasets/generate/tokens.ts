/**
 * Event logs as token sequences, for models that read them: background events in a Zipf-like distribution, and three
 * marker events, each once, whose order is the class. Counting events therefore tells nothing; order must be read.
 */
import {type Random, seededRandom} from '../../../core/random.js';
import type {Split} from '../dataset.js';
import {memoryDataset} from '../memory.js';

/** Token ids 0, 1, 2 are the markers; the others are background. */
export const tokenVocabulary = 256;
export const tokenSteps = 32;

/** Orders of the three markers, by class. */
const orders = [
	[0, 1, 2],
	[0, 2, 1],
	[1, 0, 2],
	[1, 2, 0],
	[2, 0, 1],
] as const;

export interface DrawnSequences {
	readonly ids: BigInt64Array;
	readonly labels: Int32Array;
}

/** Sequences of 32 ids; each class as often as the others, to within one, in random order. */
export function drawSequences(items: number, random: Random): DrawnSequences {
	const labels = Int32Array.from(random.shuffle(Array.from({length: items}, (_, item) => item % orders.length)));
	const ids = new BigInt64Array(items * tokenSteps);
	const background = tokenVocabulary - 3;
	for (let item = 0; item < items; item++) {
		const start = item * tokenSteps;
		for (let step = 0; step < tokenSteps; step++) {
			// Uniform in the logarithm of the rank: frequent events are much more frequent, as in real logs.
			const rank = Math.floor((background + 1) ** random.next()) - 1;
			ids[start + step] = BigInt(3 + Math.min(background - 1, rank));
		}
		const places = new Set<number>();
		while (places.size < 3) {
			places.add(random.integer(tokenSteps));
		}
		const sorted = [...places].sort((a, b) => a - b);
		for (const [index, marker] of orders[labels[item]!]!.entries()) {
			ids[start + sorted[index]!] = BigInt(marker);
		}
	}
	return {ids, labels};
}

export interface TokensOptions {
	readonly seed: number;
	/** Items to draw. */
	readonly train: number;
	readonly test: number;
}

export interface DrawnTokens {
	readonly train: DrawnSequences;
	readonly test: DrawnSequences;
}

/** Training and test sequences come from different streams. */
export function paintTokens({seed, train, test}: TokensOptions): DrawnTokens {
	const random = seededRandom(seed).fork('tokens');
	return {train: drawSequences(train, random.fork('train')), test: drawSequences(test, random.fork('test'))};
}

/** A split with features «tokens» [32] of int64 ids under 256, and five classes. */
export function tokensSplit(drawn: DrawnTokens): Split {
	const dataset = (part: 'train' | 'test') => {
		const {ids, labels} = drawn[part];
		return memoryDataset(`tokens (${part})`, [{name: 'tokens', shape: [tokenSteps], data: ids}], {
			kind: 'classes',
			classes: orders.length,
			labels,
		});
	};
	return {train: dataset('train'), test: dataset('test')};
}
