/**
 * Emulated devices, honestly: how long a device of a given profile would have computed, and a sleep for the difference.
 * The work itself is really done on the host, so losses and weights are real and only the time is stretched.
 */
import type {Clock} from '../clock.js';
import {referenceBytesPerSecond} from '../codec/work.js';
import type {DeviceProfile, LinkProfile, OpClass} from './profile.js';

/** What a program does in one class of operators. */
export interface Work {
	readonly flops: number;
	/** Read and written. */
	readonly bytes: number;
	/** Operator calls. */
	readonly calls: number;
}

/** Seconds that the work takes on the device, class by class. */
export function emulatedSeconds(work: Readonly<Partial<Record<OpClass, Work>>>, profile: DeviceProfile): number {
	let sum = 0;
	for (const [op, {flops, bytes, calls}] of Object.entries(work) as Array<[OpClass, Work]>) {
		sum += classSeconds(op, flops, bytes, calls, profile);
	}
	return sum;
}

/**
 * The longer of computing and moving data, plus the time per call. `memory` (copies, reshapes, transposes) has a speed in
 * bytes/s and moves data only.
 */
export function classSeconds(
	op: OpClass,
	flops: number,
	bytes: number,
	calls: number,
	{speeds, dispatchSeconds}: DeviceProfile,
): number {
	const moving = bytes / speeds.memory;
	return (op === 'memory' ? moving : Math.max(flops / speeds[op], moving)) + calls * dispatchSeconds;
}

/**
 * Seconds that the device encodes or decodes tensors (`core/codec/work`), on one core and beside computing.
 * @param bytes of a copy that takes as long.
 */
export const codingSeconds = (bytes: number, {speeds}: Pick<DeviceProfile, 'speeds'>): number =>
	bytes / Math.min(speeds.memory, referenceBytesPerSecond);

/** Seconds of one transfer between the device and the broker. */
export const linkSeconds = (link: LinkProfile, direction: 'up' | 'down', bytes: number): number =>
	link.latencySeconds + bytes / (direction === 'up' ? link.upBytesPerSecond : link.downBytesPerSecond);

export type Stretch =
	/** The host was faster and slept the rest; `factor` = emulated / measured ≥ 1. */
	| {readonly kind: 'stretched'; readonly sleptSeconds: number; readonly factor: number}
	/** The host itself took longer than the device would have, by `factor` = measured / emulated > 1: nothing can be done. */
	| {readonly kind: 'host-too-slow'; readonly factor: number};

/**
 * Sleeps as long as the emulated device would have gone on computing. An abort ends the sleep early.
 * @returns what was slept, or by how much the host is too slow; reports must then mark the device's times.
 */
export async function stretch(
	clock: Clock,
	measuredSeconds: number,
	emulated: number,
	signal?: AbortSignal,
): Promise<Stretch> {
	if (measuredSeconds > emulated) {
		return {kind: 'host-too-slow', factor: emulated > 0 ? measuredSeconds / emulated : Number.POSITIVE_INFINITY};
	}
	const before = clock.monotonic();
	await clock.sleep((emulated - measuredSeconds) * 1000, signal);
	return {
		kind: 'stretched',
		sleptSeconds: (clock.monotonic() - before) / 1000,
		factor: measuredSeconds > 0 ? emulated / measuredSeconds : 1,
	};
}
