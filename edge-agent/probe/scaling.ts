/** How speeds grow with the number of threads: each number on an engine of its own. */
import type {Clock} from '../../core/clock.js';
import type {ThreadSpeeds} from '../../core/profile/profile.js';
import type {Engine} from '../../models/engines/engine.js';
import {measureSpeeds} from './speeds.js';

/** 1, 2, 4 … below the number of cores: in between, speeds change little. */
export const fewerThreads = (cores: number): readonly number[] =>
	Array.from({length: Math.max(0, Math.ceil(Math.log2(cores)))}, (_, power) => 2 ** power);

export interface ScalingOptions {
	readonly cores: number;
	/** Starts an engine with so many threads; it is closed here. */
	readonly start: (threads: number) => Promise<Engine>;
	/** For each number of threads. */
	readonly seconds: number;
	readonly clock: Pick<Clock, 'monotonic'>;
}

/**
 * Speeds with fewer threads than cores, ascending; none on a machine of one core.
 * @throws FplError of the engine.
 */
export async function measureScaling({cores, start, seconds, clock}: ScalingOptions): Promise<readonly ThreadSpeeds[]> {
	const scaling: ThreadSpeeds[] = [];
	for (const threads of fewerThreads(cores)) {
		const engine = await start(threads);
		try {
			scaling.push({threads, speeds: (await measureSpeeds(engine, seconds, clock)).speeds});
		} finally {
			await engine.close();
		}
	}
	return scaling;
}
