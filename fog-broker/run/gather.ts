/** Waiting for the devices of a run, and setting free those that others have left behind. */
import type {Clock} from '../../core/clock.js';
import {asFplError, FplError} from '../../core/errors.js';
import {type DeviceId, type RunId, runId} from '../../core/ids.js';
import type {Logger} from '../../core/log.js';
import type {Job} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import {schemes} from '../../core/plan/schemes.js';
import type {Messenger} from '../../core/wire/messenger.js';
import type {Model} from '../../models/graph.js';
import {checkPlanFor} from '../../models/plans/check.js';
import {planFor} from '../../models/plans/plan-for.js';
import type {Fleet} from '../fleet.js';
import type {Journal} from './journal.js';

export interface GatherContext {
	readonly clock: Clock;
	readonly log: Logger;
	readonly journal: Journal;
	readonly messenger: Messenger;
	readonly fleet: Fleet;
}

/** After the first devices are there, others get this long to be part of the plan too. */
const settleMs = 1500;

/** A device that still holds a run which is over (it did not hear its end) is set free; runs follow one after the other. */
export function releaseFrom({messenger, log}: GatherContext, device: DeviceId, run: RunId): void {
	messenger
		.request(device, {kind: 'release', run, because: 'that run is over'}, {expect: ['ack'], deadlineMs: 5000})
		.catch((error: unknown) => log.debug(`release ${device}: ${asFplError(error).message}`));
}

/** Sets free whoever still holds another run, each once for each run; call it as often as devices may have come. */
export function releaser(context: GatherContext, run: RunId): () => void {
	const asked = new Set<string>();
	return () => {
		for (const {device, run: other} of context.fleet.list()) {
			const key = `${device}/${other}`;
			if (other !== undefined && other !== run && !asked.has(key)) {
				asked.add(key);
				releaseFrom(context, device, runId(other));
			}
		}
	};
}

/** Waits until enough devices are there and makes the plan that the job's scheme asks for. */
export async function gather(
	context: GatherContext,
	job: Job,
	run: RunId,
	model: Model,
	signal: AbortSignal,
): Promise<Plan> {
	const {clock, fleet, journal} = context;
	const {only, wait} = job.devices;
	const minimum = Math.max(job.devices.minimum, job.scheme.kind === 'auto' ? 1 : schemes[job.scheme.kind].leastDevices);
	const candidates = () => fleet.idle().filter(device => only === undefined || only.includes(device));
	journal.publish(run, {kind: 'gathering', expected: only, minimum});
	const planned = (devices: readonly DeviceId[]) => {
		const present = devices.toSorted().map(device => {
			const {profile, engines} = fleet.find(device) ?? {};
			return {device, profile, engines, memoryBytes: profile?.memoryBytes};
		});
		const plan = planFor(job, present, model);
		const {training, engine, privacy} = job;
		checkPlanFor(plan, {model, fleet: present, training, engine, rawData: privacy.rawData});
		return plan;
	};
	const release = releaser(context, run);
	const deadline = clock.monotonic() + wait * 1000;
	let enoughSince: number | undefined;
	for (;;) {
		release();
		const now = clock.monotonic();
		const found = candidates();
		enoughSince = found.length >= minimum ? (enoughSince ?? now) : undefined;
		const complete = only !== undefined && found.length === only.length;
		if (complete || (enoughSince !== undefined && now - enoughSince >= settleMs && only === undefined)) {
			return planned(found);
		}
		if (signal.aborted) {
			throw new FplError('INTERRUPTED', {where: run, problem: 'stopped while waiting for devices'});
		}
		if (now >= deadline) {
			if (found.length >= minimum) {
				return planned(found);
			}
			throw new FplError('RUN_NO_DEVICES', {
				expected: `at least ${minimum} idle device${minimum === 1 ? '' : 's'}${only ? ` of ${only.join(', ')}` : ''} within ${wait} s`,
				got: `${found.length}`,
				fix: 'Start agents with «fpl agent run», or see «fpl devices».',
			});
		}
		await clock.sleep(Math.min(200, deadline - now), signal);
	}
}
