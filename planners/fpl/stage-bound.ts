/** What a stage costs at least, whatever comes after it: the parts that bounds of unfinished plans are made of. */
import {expectedBytes} from '../../core/codec/size.js';
import type {CostDevice} from '../../core/cost/fleet.js';
import {floatBytes} from '../../core/cost/model-costs.js';
import {apportion} from '../../core/plan/shares.js';
import type {Problem} from '../problem.js';
import type {Mode} from './candidate.js';

/** One replica of a stage of an unfinished plan. Seconds and bytes of one step. */
export interface ReplicaBound {
	/** The shortest pass of a micro-batch, each way, and both: one pass in the last stage. */
	readonly forward: number;
	readonly backward: number;
	readonly both: number;
	/** All passes forward, and backward; all together, and with the update. */
	readonly allForward: number;
	readonly allBackward: number;
	readonly passes: number;
	readonly compute: number;
	/** From the step's beginning until its weights are right: order, mean of the gradients, update. */
	readonly ready: number;
	/** From its last pass until the coordinator has its gradients and its report. */
	readonly hand: number;
	/** Items of a step, and of the smallest micro-batch. */
	readonly items: number;
	readonly fewest: number;
	/** What each message takes on its link besides the bytes; bytes/s. */
	readonly message: number;
	readonly up: number;
	readonly down: number;
}

export interface StageBound {
	readonly range: StageRange;
	/** Whether it has the last unit. */
	readonly isLast: boolean;
	readonly replicas: readonly ReplicaBound[];
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

/** Items over the micro-batches, as `dealt` divides them: at most two counts. */
export function sizesOf(items: number, micros: number): readonly {readonly count: number; readonly times: number}[] {
	const least = Math.floor(items / micros);
	const more = items - least * micros;
	return [...(more > 0 ? [{count: least + 1, times: more}] : []), {count: least, times: micros - more}];
}

/**
 * The largest part that a forward pass can be of a forward and a backward one, in [0, 1]; 0 where nothing waits for gradients.
 * @param most items of a pass.
 */
export function forwardPartOf(
	{units, values}: Problem['costs'],
	times: readonly CostDevice['times'][],
	most: number,
): number {
	let largest = 0;
	if (values.some(({differentiable}) => differentiable)) {
		for (const own of times) {
			for (let unit = 0; unit < units.length; unit++) {
				for (const items of [1, most]) {
					const both = own.least('learn', unit, items);
					largest = both > 0 ? Math.max(largest, own.least('forward', unit, items) / both) : largest;
				}
			}
		}
	}
	return Math.min(1, largest);
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
	const parts = branched ? devices.map(() => training.batch) : apportion(training.batch, shares);
	const micros = Math.min(training.batch, mode.microBatches);
	const isLast = last === costs.units.length - 1;
	const vectorBytes = devices.length > 1 && !branched ? vectorElements(first, last) * floatBytes : 0;
	const {secondsPerMessage} = fleet.messaging;
	const replicas = devices.map(({profile: {link}, times}, replica): ReplicaBound => {
		let [forward, backward, both] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
		let [allForward, allBackward, passes, items, fewest] = [0, 0, 0, 0, Number.POSITIVE_INFINITY];
		for (const {count, times: often} of sizesOf(parts[replica]!, micros)) {
			const there = times.pass('forward', first, last, count);
			const back = times.pass('backward', first, last, count);
			const all = isLast ? times.pass('learn', first, last, count) : there + back;
			forward = Math.min(forward, there);
			backward = Math.min(backward, back);
			both = Math.min(both, all);
			allForward += often * there;
			allBackward += often * back;
			passes += often * all;
			items += often * count;
			fewest = Math.min(fewest, count);
		}
		const update = times.update(first, last);
		const message = link.latencySeconds + secondsPerMessage;
		const [up, down] = [link.upBytesPerSecond, link.downBytesPerSecond];
		return {
			forward,
			backward,
			both,
			allForward,
			allBackward,
			passes,
			compute: passes + update,
			ready: message + vectorBytes / down + update,
			// Gradients are answered before the report follows.
			hand: (vectorBytes > 0 ? 3 : 1) * message + vectorBytes / up,
			items,
			fewest,
			message,
			up,
			down,
		};
	});
	return {range, isLast, replicas, vectorBytes};
}
