/** Fleets whose links are as slow as they really are, which need not be what the devices say. */
import type {ExecutionContext} from 'ava';
import type {JobDocument} from '../../../core/plan/job.js';
import {libraryProfile} from '../../../core/profile/library.js';
import {megabitsPerSecond} from '../../../core/units.js';
import {shapeTransport} from '../../../core/wire/transports/shaped-transport.js';
import {slowed} from '../../../fog-broker/run/replan/pace.js';
import {aFleet, type TestFleet} from '../a-fleet.js';

export const steps = 40;
export const limit = 480;
const batch = 96;

/** Of one device, unless it says otherwise. */
export const aShapedJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit},
	training: {optimizer: {kind: 'sgd', lr: 0.001, momentum: 0.9}, batch, epochs: (steps * batch) / limit, seed: 5},
	devices: {minimum: 1, wait: '20 s'},
	// Computing is emulated, and slower than that where this machine is busy: that is not the question here.
	planning: {mostStages: 1, mostReplicas: 1, replanFactor: 2.5},
	...changes,
});

/** Mbit/s. */
export interface Rates {
	readonly up: number;
	readonly down: number;
}

export interface ShapedDevice {
	/** How many times as slowly as a mini PC it computes. */
	readonly slow: number;
	readonly says: Rates;
	readonly is?: Rates;
}

export interface ShapedFleet extends TestFleet {
	join(name: string): ReturnType<TestFleet['device']>;
}

const latencySeconds = 0.001;

/** @param devices by name; they join when they are told to. */
export async function aShapedFleet(
	t: ExecutionContext<unknown>,
	devices: Readonly<Record<string, ShapedDevice>>,
): Promise<ShapedFleet> {
	const fleet = await aFleet(t, {
		replanTimes: {graceMs: 300, settleMs: 50, leastIntervalMs: 30_000},
		wrap(party, transport) {
			const device = devices[party];
			if (!device) {
				return transport;
			}
			const {up, down} = device.is ?? device.says;
			return shapeTransport(transport, {
				upBytesPerSecond: megabitsPerSecond(up),
				downBytesPerSecond: megabitsPerSecond(down),
				latencyMs: latencySeconds * 1000,
			});
		},
	});
	return {
		...fleet,
		join(name) {
			const {slow, says} = devices[name]!;
			const base = slowed(libraryProfile('mini-pc-n100', name), slow);
			const link = {
				...base.link,
				upBytesPerSecond: megabitsPerSecond(says.up),
				downBytesPerSecond: megabitsPerSecond(says.down),
				latencySeconds,
			};
			const profile = {...base, link};
			return fleet.device(name, {}, {profile: JSON.stringify(profile), emulated: 'a test'}, {profile, emulated: true});
		},
	};
}
