/** What costs are predicted from: the devices as `core/cost` knows them, and how much is trained. */
import type {TrainingCosts} from '../core/cost/episode.js';
import {type CostDevice, type CostFleet, defaultBroker, defaultMessaging} from '../core/cost/fleet.js';
import type {ModelCosts} from '../core/cost/model-costs.js';
import {type PassTimes, timesOfProfile, timesOfTable, workSums} from '../core/cost/pass-times.js';
import {FplError} from '../core/errors.js';
import type {Job} from '../core/plan/job.js';
import type {BrokerLink} from '../core/profile/fleet-file.js';
import type {DeviceProfile} from '../core/profile/profile.js';
import type {UnitTimes} from '../core/profile/unit-times.js';
import {slotCount} from '../models/compile/optimizer.js';

/** A device that may take part, with what planners need to know of it. */
export interface PlanDevice {
	readonly device: string;
	/** What it can do; undefined: nobody knows. */
	readonly profile?: DeviceProfile | undefined;
	/** Whether it owns data; undefined: it does not say. */
	readonly isSource?: boolean | undefined;
	/** Items of its own; undefined: it has none, or does not say. */
	readonly samples?: number | undefined;
	/** Whether another machine plays it. */
	readonly emulated?: boolean | undefined;
}

/** How many items are trained on, and who said so. */
export interface DatasetSize {
	readonly items: number;
	readonly from: 'dataset' | 'limit' | 'sources';
}

export const datasetSizeTexts = {
	dataset: 'the items of the dataset',
	limit: 'the limit of the job, since the dataset is not here',
	sources: 'the samples of the sources together, since the dataset is not here',
} as const satisfies Record<DatasetSize['from'], string>;

/**
 * @param items of the training set, with the job's limit; undefined where it is not here.
 * @throws FplError `JOB_INVALID` where nobody knows.
 */
export function datasetSizeOf(
	{data}: Job,
	participants: readonly PlanDevice[],
	items: number | undefined,
): DatasetSize {
	const declared = participants.reduce((sum, {samples = 0}) => sum + samples, 0);
	if (data.partition.kind === 'local' && declared > 0) {
		return {items: declared, from: 'sources'};
	}
	if (items !== undefined) {
		return {items, from: 'dataset'};
	}
	if (data.limit !== undefined) {
		return {items: data.limit, from: 'limit'};
	}
	if (declared > 0) {
		return {items: declared, from: 'sources'};
	}
	throw new FplError('JOB_INVALID', {
		where: 'data',
		problem: 'how many items there are to train on is not known: the dataset is not here',
		fix: 'Say so in the job («limit: 3000»), or in the fleet file for each source («data: { samples: 3000 }»).',
	});
}

export interface TrainingInput extends TrainingCosts {
	readonly size: DatasetSize;
}

/** @throws FplError as `datasetSizeOf`. */
export function trainingCostsOf(
	job: Job,
	participants: readonly PlanDevice[],
	items: number | undefined,
): TrainingInput {
	const {batch, epochs, optimizer} = job.training;
	const {checkpointInterval} = job.faults;
	const size = datasetSizeOf(job, participants, items);
	return {batch, epochs, slots: slotCount(optimizer), samples: size.items, checkpointInterval, size};
}

/**
 * Devices with how long they take for this model. What a source owns counts where data stay where they are; a dataset that is
 * divided among the sources of a plan is no device's own.
 * @param broker of the fleet file; undefined: never the narrow place.
 * @param tables times that were measured with this model, for devices of that id or profile.
 * @throws FplError `DEVICE_UNKNOWN` for a device without a profile.
 */
export function costFleetOf(
	participants: readonly PlanDevice[],
	costs: ModelCosts,
	{slots, size}: Pick<TrainingInput, 'slots' | 'size'>,
	broker?: BrokerLink,
	tables: readonly UnitTimes[] = [],
): CostFleet {
	const sums = workSums(costs.units, slots);
	/** Devices that are alike share their times, which tells planners that they are. */
	const known = new Map<string, PassTimes>();
	const timesOf = (profile: DeviceProfile): PassTimes => {
		const {speeds, dispatchSeconds} = profile;
		const key = JSON.stringify([speeds, dispatchSeconds]);
		const times = known.get(key) ?? timesOfProfile(sums, profile);
		known.set(key, times);
		return times;
	};
	const measured = new Map(
		tables.map(table => [table.device, timesOfTable(table, costs, `times of «${table.device}»`)]),
	);
	const devices = participants.map(({device, profile, samples, emulated = false}): CostDevice => {
		if (!profile) {
			throw new FplError('DEVICE_UNKNOWN', {
				where: `device «${device}»`,
				problem: 'nothing is known of what it can do, so that nothing can be predicted',
				fix: 'Name a fleet file (--fleet FILE), or let its agent join the broker: it measures itself.',
			});
		}
		return {
			device,
			profile: withBrokerLatency(profile, broker),
			times: measured.get(device) ?? measured.get(profile.name) ?? timesOf(profile),
			samples: size.from === 'sources' ? samples : undefined,
			utilisation: 1,
			pricePerSecond: (profile.pricePerHour ?? 0) / 3600,
			emulated,
		};
	});
	return {
		devices,
		broker: {
			...defaultBroker,
			...(broker && {inBytesPerSecond: broker.downBytesPerSecond, outBytesPerSecond: broker.upBytesPerSecond}),
		},
		messaging: defaultMessaging,
	};
}

/** What the broker adds to a message is half of it on the way in and half on the way out. */
function withBrokerLatency<P extends DeviceProfile>(profile: P, broker: BrokerLink | undefined): P {
	if (!broker?.latencySeconds) {
		return profile;
	}
	const {link} = profile;
	return {...profile, link: {...link, latencySeconds: link.latencySeconds + broker.latencySeconds / 2}};
}
