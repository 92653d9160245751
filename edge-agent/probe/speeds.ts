/** The speed of each class of operators on an engine, and what calling an operator costs. */
import type {Clock} from '../../core/clock.js';
import {type OpClass, opClasses} from '../../core/profile/profile.js';
import type {Engine} from '../../models/engines/engine.js';
import {type Measured, measure} from './measure.js';
import {workloads} from './workloads.js';

export interface MeasuredSpeeds {
	readonly speeds: Readonly<Record<OpClass, number>>;
	readonly dispatchSeconds: number;
	/** How each was measured, in words. */
	readonly told: Readonly<Record<OpClass | 'dispatch', string>>;
}

/** @param seconds for all classes together. @throws FplError of the engine (`MODEL_OP`, `ENGINE_FAILED`). */
export async function measureSpeeds(
	engine: Engine,
	seconds: number,
	clock: Pick<Clock, 'monotonic'>,
): Promise<MeasuredSpeeds> {
	const share = seconds / (opClasses.length + 1);
	const run = async (op: keyof typeof workloads) => {
		const workload = workloads[op]();
		return {workload, measured: await measure(engine, workload, share, clock)};
	};
	const words = ({batch, runs}: Measured) => `${engine.description}, best of ${runs} runs of ${batch} items`;
	const dispatch = await run('dispatch');
	const dispatchSeconds = (dispatch.measured.secondsPerItem * dispatch.measured.batch) / dispatch.workload.calls;
	const speeds: Partial<Record<OpClass, number>> = {};
	const told: Partial<Record<OpClass | 'dispatch', string>> = {dispatch: words(dispatch.measured)};
	for (const op of opClasses) {
		const {workload, measured} = await run(op);
		// What calling the operators costs is told apart, as long as it does not swallow the work itself.
		const calling = (workload.calls * dispatchSeconds) / measured.batch;
		speeds[op] = workload.amount / Math.max(measured.secondsPerItem - calling, measured.secondsPerItem * 0.2);
		told[op] = words(measured);
	}
	return {speeds: speeds as MeasuredSpeeds['speeds'], dispatchSeconds, told: told as MeasuredSpeeds['told']};
}
