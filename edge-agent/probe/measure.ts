/** Times of a workload on an engine: the shortest of repeated runs, in a bounded time. */
import type {Clock} from '../../core/clock.js';
import {type Random, seededRandom} from '../../core/random.js';
import {sizeOf, tensor} from '../../core/tensor/tensor.js';
import type {Engine, Predictor} from '../../models/engines/engine.js';
import type {Workload} from './workloads.js';

export interface Measured {
	/** Seconds that one item takes in the chain. */
	readonly secondsPerItem: number;
	/** Items in the batch that was run. */
	readonly batch: number;
	readonly runs: number;
}

/** A run should take at least this long, so that clocks and thread wake-ups do not matter. */
const wantedSeconds = 8e-3;
const mostItems = 8;
const fewestRuns = 3;
const mostRuns = 50;

const inputs = (random: Random, workload: Workload, batch: number) => {
	const shape = [batch, ...workload.inputShape];
	return {
		x: tensor(
			'float32',
			shape,
			Float32Array.from({length: sizeOf(shape)}, () => random.normal()),
		),
	};
};

/** @throws FplError `MODEL_OP` when the engine cannot run the workload. */
export async function measure(
	engine: Engine,
	workload: Workload,
	seconds: number,
	clock: Pick<Clock, 'monotonic'>,
): Promise<Measured> {
	const random = seededRandom(1);
	const chain = await engine.predictor(workload.chain);
	const baseline = await engine.predictor(workload.baseline);
	const time = async (predictor: Predictor, given: ReturnType<typeof inputs>) => {
		const start = clock.monotonic();
		await predictor.predict(given);
		return (clock.monotonic() - start) / 1000;
	};
	try {
		const one = inputs(random, workload, 1);
		// The first run of a session allocates its memory; the next ones tell how much work is worth timing. Were a disturbed
		// one taken for the machine's own, too little would be timed, and that would fit into its caches.
		await time(chain, one);
		const single = Math.min(await time(chain, one), await time(chain, one), await time(chain, one));
		const batch = Math.min(mostItems, Math.max(1, Math.ceil(wantedSeconds / Math.max(single, 1e-6))));
		const given = inputs(random, workload, batch);
		await time(chain, given);
		await time(baseline, given);
		const withChain: number[] = [];
		const without: number[] = [];
		const end = clock.monotonic() + seconds * 1000;
		while (withChain.length < fewestRuns || (withChain.length < mostRuns && clock.monotonic() < end)) {
			// In turn, so that a disturbance meets both.
			withChain.push(await time(chain, given));
			without.push(await time(baseline, given));
		}
		// Other processes, interrupts and collecting garbage only ever add time, on a busy machine to most of the runs: the
		// shortest run is the machine's own.
		const whole = Math.min(...withChain);
		// Noise must not make the chain free, or cheaper than nothing.
		const difference = Math.max(whole - Math.min(...without), whole * 0.05, 1e-9);
		return {secondsPerItem: difference / batch, batch, runs: withChain.length};
	} finally {
		await chain.close();
		await baseline.close();
	}
}
