/** Predictions of plans that somebody else made, while the run goes on: a report holds them against what is measured. */
import {asFplError, FplError} from '../../../core/errors.js';
import {planDigest} from '../../../core/plan/digest.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {Plan} from '../../../core/plan/plan.js';
import type {RunContext} from '../conduct.js';
import {aboutOf, planDevices, type Wanted} from '../gather.js';
import {sourcesOf} from '../replan/standing.js';

/** Between two looks at who is here. */
const lookMs = 200;

/**
 * Waits for the devices of the plan, predicts what it costs, and keeps that with the run, unless it is known.
 * @returns why there is no prediction; undefined where there is one, or nobody wants it any more.
 */
export async function predictGiven(
	{clock, fleet, planner, store}: Pick<RunContext, 'clock' | 'fleet' | 'planner' | 'store'>,
	wanted: Wanted,
	plan: Plan,
	signal: AbortSignal,
): Promise<string | undefined> {
	const {run, job, preparation} = wanted;
	try {
		const known = await store.prediction(run).catch(() => undefined);
		if (known?.planDigest === planDigest(plan)) {
			return undefined;
		}
		const names = devicesOf(plan);
		const deadline = clock.monotonic() + job.devices.wait * 1000;
		const absent = () => names.filter(name => !fleet.find(name));
		while (absent().length > 0) {
			if (signal.aborted) {
				return undefined;
			}
			if (clock.monotonic() >= deadline) {
				throw new FplError('DEVICE_UNKNOWN', {problem: `nothing is known of ${absent().join(', ')}`});
			}
			await clock.sleep(lookMs, signal);
		}
		const here = names.flatMap(name => fleet.find(name) ?? []);
		const devices = planDevices(here, job, preparation.items, sourcesOf(plan));
		const order = {
			job,
			model: preparation.bytes,
			devices,
			items: preparation.items,
			about: aboutOf(wanted),
			given: plan,
		};
		const {prediction} = await planner.plan(order, signal);
		await store.putPrediction(run, prediction);
		return undefined;
	} catch (error) {
		const {code, message} = asFplError(error);
		return code === 'INTERRUPTED' ? undefined : `what the plan costs is not predicted: ${message}`;
	}
}
