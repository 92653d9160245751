/** How much longer or shorter than expected something takes, by chance. */
import type {Random} from '../../core/random.js';

/** Standard deviations of the logarithms of times; 0: nothing varies. */
export interface Jitter {
	/** Of each pass and update. */
	readonly computeNoise: number;
	/** Of each transfer. */
	readonly linkNoise: number;
}

/** Draws factors. */
export interface Noise {
	compute(): number;
	link(): number;
}

export const noNoise: Noise = {compute: () => 1, link: () => 1};

/** A log-normal factor whose mean is 1, so that more noise is not more work. */
const factor = (random: Random, deviation: number): number =>
	deviation > 0 ? Math.exp(deviation * random.normal() - deviation ** 2 / 2) : 1;

export function noiseOf({computeNoise, linkNoise}: Jitter, random: Random): Noise {
	const [computing, sending] = [random.fork('compute'), random.fork('link')];
	return {compute: () => factor(computing, computeNoise), link: () => factor(sending, linkNoise)};
}
