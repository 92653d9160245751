/** What a stage costs at least, whatever comes after it: the parts that bounds of unfinished plans are made of. */
import {expectedBytes} from '../../core/codec/size.js';
import type {CostDevice} from '../../core/cost/fleet.js';
import {floatBytes} from '../../core/cost/model-costs.js';
import {apportion} from '../../core/plan/shares.js';
import type {Problem} from '../problem.js';
import type {Mode} from './candidate.js';

/** A stage of an unfinished plan. Seconds and bytes of one step. */
export interface StageBound {
	readonly range: StageRange;
	/** Shortest forward and backward pass of a micro-batch among its replicas. */
	readonly forward: number;
	readonly backward: number;
	/** By replica: all its passes; with the update. */
	readonly passes: readonly number[];
	readonly compute: readonly number[];
	/** By replica: items of a step, and of the smallest micro-batch. */
	readonly items: readonly number[];
	readonly fewest: readonly number[];
	/** Bytes of the vector that each replica exchanges with the parameter server, up and down; 0: it exchanges none. */
	readonly vectorBytes: number;
}

/** Bytes of one item, there and back. */
export interface ItemBytes {
	readonly forward: number;
	readonly backward: number;
}

/** Bytes of an item's values that units `from` make and units `to` read, for large micro-batches: heads are left out. */
export function bytesBetween({costs}: Problem, {codec}: Mode, from: UnitRange, to: UnitRange): ItemBytes {
	let forward = 0;
	let backward = 0;
	for (const {madeBy, readBy, shape, bytesPerElement, differentiable} of costs.values) {
		const made = (madeBy >= from[0] && madeBy <= from[1]) || (madeBy < 0 && from[0] === 0);
		if (!made || !readBy.some(unit => unit >= to[0] && unit <= to[1])) {
			continue;
		}
		if (differentiable) {
			// What a codec tells of a whole tensor does not count per item; lengths of the others vary with the values.
			const bytes = expectedBytes(codec, [64, ...shape]) / 64;
			const least = exact.has(codec.kind) ? bytes : 0.8 * bytes;
			forward += least;
			backward += least;
		} else {
			forward += shape.reduce((product, dim) => product * dim, bytesPerElement);
		}
	}
	return {forward, backward};
}

const exact: ReadonlySet<string> = new Set(['fp32', 'fp16', 'bf16']);

export type UnitRange = readonly [number, number];

/** Micro-batches as `microSizes` divides them: at most two sizes. */
export function sizesOf(
	batch: number,
	microBatches: number,
): readonly {readonly size: number; readonly times: number}[] {
	const count = Math.min(batch, microBatches);
	const small = Math.floor(batch / count);
	const large = batch - small * count;
	return [...(large > 0 ? [{size: small + 1, times: large}] : []), {size: small, times: count - large}];
}

export interface StageRange {
	readonly first: number;
	readonly last: number;
	readonly devices: readonly CostDevice[];
	readonly shares: readonly number[];
	/** Whether every replica sees all items: branches of an aligned junction. */
	readonly branched: boolean;
}

export function stageBound(
	{costs, training}: Problem,
	mode: Mode,
	vectorElements: (first: number, last: number) => number,
	range: StageRange,
): StageBound {
	const {first, last, devices, shares, branched} = range;
	const sizes = sizesOf(training.batch, mode.microBatches).map(({size, times}) => ({
		times,
		counts: branched ? devices.map(() => size) : apportion(size, shares),
	}));
	const isLast = last === costs.units.length - 1;
	const per = (kind: 'forward' | 'backward', device: CostDevice, items: number) =>
		device.times.pass(kind, first, last, items);
	const least = (kind: 'forward' | 'backward') =>
		Math.min(...devices.flatMap((device, replica) => sizes.map(({counts}) => per(kind, device, counts[replica]!))));
	const passes = devices.map((device, replica) =>
		sizes.reduce(
			(sum, {times, counts}) =>
				sum +
				times *
					(isLast
						? device.times.pass('learn', first, last, counts[replica]!)
						: per('forward', device, counts[replica]!) + per('backward', device, counts[replica]!)),
			0,
		),
	);
	return {
		range,
		forward: least('forward'),
		backward: least('backward'),
		passes,
		compute: passes.map((seconds, replica) => seconds + devices[replica]!.times.update(first, last)),
		items: devices.map((_, replica) => sizes.reduce((sum, {times, counts}) => sum + times * counts[replica]!, 0)),
		fewest: devices.map((_, replica) => Math.min(...sizes.map(({counts}) => counts[replica]!))),
		vectorBytes: devices.length > 1 && !branched ? vectorElements(first, last) * floatBytes : 0,
	};
}
