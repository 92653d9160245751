/** Waiting for the devices of a run, and setting free those that others have left behind. */
import type {Clock} from '../../core/clock.js';
import {asFplError, FplError} from '../../core/errors.js';
import {type DeviceId, type RunId, runId} from '../../core/ids.js';
import type {Logger} from '../../core/log.js';
import type {Job} from '../../core/plan/job.js';
import {schemes} from '../../core/plan/schemes.js';
import type {Messenger} from '../../core/wire/messenger.js';
import {checkPlanFor} from '../../models/plans/check.js';
import {planFor} from '../../models/plans/plan-for.js';
import type {PlanDevice} from '../../planners/cost-input.js';
import type {Fleet, FleetDevice} from '../fleet.js';
import type {Journal} from './journal.js';
import type {PlannedRun} from './planning/order.js';
import type {Planner} from './planning/planner.js';
import type {Preparation} from './preparation.js';

export interface GatherContext {
	readonly clock: Clock;
	readonly log: Logger;
	readonly journal: Journal;
	readonly messenger: Messenger;
	readonly fleet: Fleet;
	readonly planner: Planner;
}

/** What is to be planned. */
export interface Wanted {
	readonly run: RunId;
	readonly job: Job;
	readonly preparation: Preparation;
	/** When the run was submitted, ISO 8601. */
	readonly createdAt: string;
}

/** A plan, with what is predicted of it where a planner chose it. */
export type Gathered = Pick<PlannedRun, 'plan'> & Partial<PlannedRun>;

/** After the first devices are there, others get this long to be part of the plan too. */
const settleMs = 1500;

/** A device that still holds a run which is over (it did not hear its end) is set free; runs follow one after the other. */
export function releaseFrom(
	{messenger, log}: Pick<GatherContext, 'messenger' | 'log'>,
	device: DeviceId,
	run: RunId,
	because = 'that run is over',
): void {
	messenger
		.request(device, {kind: 'release', run, because}, {expect: ['ack'], deadlineMs: 5000})
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

/**
 * Items of a job's data that lie on a device (`partition: local`): each of the `owners` has what it says, or else as many as there are
 * where this is asked. Undefined: none of its own.
 */
export function ownSamples(
	{data}: Job,
	{device, holdings}: {readonly device: string} & Pick<FleetDevice, 'holdings'>,
	items: number | undefined,
	owners = data.sources,
): number | undefined {
	const {dataset, limit = Number.POSITIVE_INFINITY, partition} = data;
	if (partition.kind !== 'local' || owners?.includes(device) === false) {
		return undefined;
	}
	const told = holdings.find(one => one.dataset === dataset)?.items;
	return told === undefined ? items : Math.min(told, limit);
}

/** Devices as planners see them. A device that has not told what it can do is ignored by the fleet before it comes here. */
export function planDevices(
	devices: readonly FleetDevice[],
	job: Job,
	items: number | undefined,
	owners?: readonly string[],
): PlanDevice[] {
	return devices.map(({device, profile, emulated, holdings}) => {
		const samples = ownSamples(job, {device, holdings}, items, owners);
		return {device, profile, emulated, ...(samples === undefined ? {} : {samples})};
	});
}

/** Those that can train for a job at all. */
export const suitable = ({engine}: Job, devices: readonly FleetDevice[]): readonly FleetDevice[] =>
	engine === 'auto' ? devices : devices.filter(({engines}) => engines.includes(engine));

export const aboutOf = ({run, job, createdAt}: Wanted) => ({run, dataset: job.data.dataset, startedAt: createdAt});

/** @throws FplError `PLAN_INVALID`, `PLAN_INFEASIBLE`, and those of the planner. */
async function planOn(
	{planner, journal}: GatherContext,
	wanted: Wanted,
	present: readonly FleetDevice[],
	signal: AbortSignal,
): Promise<Gathered> {
	const {run, job, preparation} = wanted;
	const {model, bytes, items} = preparation;
	const {training, engine, privacy} = job;
	const members = present.map(({device, profile, engines, codecs}) => ({
		device,
		profile,
		engines,
		codecs,
		memoryBytes: profile.memoryBytes,
	}));
	let gathered: Gathered;
	if (job.scheme.kind === 'auto') {
		const able = suitable(job, present);
		for (const {device} of present.filter(other => !able.includes(other))) {
			journal.publish(run, {kind: 'note', text: `is left out: it has no engine «${engine}»`, device});
		}
		gathered = await planner.plan(
			{job, model: bytes, devices: planDevices(able, job, items), items, about: aboutOf(wanted)},
			signal,
		);
	} else {
		gathered = {plan: planFor(job, members, model)};
	}
	checkPlanFor(gathered.plan, {model, fleet: members, training, engine, ...privacy});
	return gathered;
}

/** Waits until enough devices are there and makes the plan that the job's scheme asks for, or the one that suits them best. */
export async function gather(context: GatherContext, wanted: Wanted, signal: AbortSignal): Promise<Gathered> {
	const {clock, fleet, journal} = context;
	const {run, job} = wanted;
	const {only, wait} = job.devices;
	const minimum = Math.max(job.devices.minimum, job.scheme.kind === 'auto' ? 1 : schemes[job.scheme.kind].leastDevices);
	const candidates = () => fleet.idle().filter(device => only === undefined || only.includes(device));
	journal.publish(run, {kind: 'gathering', expected: only, minimum});
	const planned = (devices: readonly DeviceId[]) =>
		planOn(
			context,
			wanted,
			devices.toSorted().flatMap(device => fleet.find(device) ?? []),
			signal,
		);
	const release = releaser(context, run);
	const deadline = clock.monotonic() + wait * 1000;
	let enoughSince: number | undefined;
	for (;;) {
		release();
		const now = clock.monotonic();
		const found = candidates();
		// Nobody else has what the sources own.
		const missing = (job.data.sources ?? []).filter(source => !found.includes(source as DeviceId));
		const enough = found.length >= minimum && missing.length === 0;
		enoughSince = enough ? (enoughSince ?? now) : undefined;
		const complete = only !== undefined && found.length === only.length;
		if (complete || (enoughSince !== undefined && now - enoughSince >= settleMs && only === undefined)) {
			return await planned(found);
		}
		if (signal.aborted) {
			throw new FplError('INTERRUPTED', {where: run, problem: 'stopped while waiting for devices'});
		}
		if (now >= deadline) {
			if (enough) {
				return await planned(found);
			}
			if (missing.length > 0) {
				throw new FplError('RUN_NO_DEVICES', {
					where: 'data.sources',
					expected: `all sources idle within ${wait} s`,
					got: `${missing.join(', ')} not`,
					fix: 'Start their agents with «fpl agent run», or see «fpl devices».',
				});
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
