/** What a stage costs at least, whatever comes after it: the parts that bounds of unfinished plans are made of. */
import {expectedBytes} from '../../core/codec/size.js';
import type {CostDevice} from '../../core/cost/fleet.js';
import {floatBytes, type PassKind} from '../../core/cost/model-costs.js';
import {apportion} from '../../core/plan/shares.js';
import type {Problem} from '../problem.js';
import type {Mode} from './candidate.js';

/** A stage of an unfinished plan. Seconds and bytes of one step; lists are by replica. */
export interface StageBound {
	readonly range: StageRange;
	/** Whether it has the last unit. */
	readonly isLast: boolean;
	/** The shortest pass of a micro-batch, each way, and both: one pass in the last stage. */
	readonly forward: readonly number[];
	readonly backward: readonly number[];
	readonly both: readonly number[];
	/** All passes forward, and backward; all together, and with the update. */
	readonly allForward: readonly number[];
	readonly allBackward: readonly number[];
	readonly passes: readonly number[];
	readonly compute: readonly number[];
	/** From the step's beginning until its weights are right: order, mean of the gradients, update. */
	readonly ready: readonly number[];
	/** From its last pass until the coordinator has its gradients and its report. */
	readonly hand: readonly number[];
	/** Items of a step, and of the smallest micro-batch. */
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
	{costs, training, fleet}: Problem,
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
	const passes = (kind: PassKind) =>
		devices.map(({times}, replica) => {
			let [least, all] = [Number.POSITIVE_INFINITY, 0];
			for (const {times: often, counts} of sizes) {
				const seconds = times.pass(kind, first, last, counts[replica]!);
				least = Math.min(least, seconds);
				all += often * seconds;
			}
			return {least, all};
		});
	const forward = passes('forward');
	const backward = passes('backward');
	const both = isLast ? passes('learn') : forward.map((there, replica) => added(there, backward[replica]!));
	const vectorBytes = devices.length > 1 && !branched ? vectorElements(first, last) * floatBytes : 0;
	const update = devices.map(({times}) => times.update(first, last));
	const {secondsPerMessage} = fleet.messaging;
	const message = devices.map(({profile}) => profile.link.latencySeconds + secondsPerMessage);
	return {
		range,
		isLast,
		forward: forward.map(({least}) => least),
		backward: backward.map(({least}) => least),
		both: both.map(({least}) => least),
		allForward: forward.map(({all}) => all),
		allBackward: backward.map(({all}) => all),
		passes: both.map(({all}) => all),
		compute: both.map(({all}, replica) => all + update[replica]!),
		ready: devices.map(
			({profile: {link}}, replica) => message[replica]! + vectorBytes / link.downBytesPerSecond + update[replica]!,
		),
		// Gradients are answered before the report follows.
		hand: devices.map(
			({profile: {link}}, replica) =>
				(vectorBytes > 0 ? 3 : 1) * message[replica]! + vectorBytes / link.upBytesPerSecond,
		),
		items: devices.map((_, replica) => sizes.reduce((sum, {times, counts}) => sum + times * counts[replica]!, 0)),
		fewest: devices.map((_, replica) => Math.min(...sizes.map(({counts}) => counts[replica]!))),
		vectorBytes,
	};
}

interface Passes {
	/** Seconds of the shortest, and of all. */
	readonly least: number;
	readonly all: number;
}

const added = (a: Passes, b: Passes): Passes => ({least: a.least + b.least, all: a.all + b.all});
