/**
 * How long a device takes for a pass through consecutive units: from its profile's speeds, or from a table measured with this
 * model. Answers take constant time (prefix sums), so that a planner may ask millions of times.
 */
import {classSeconds, emulatedSeconds, type Work} from '../profile/emulate.js';
import {type DeviceProfile, type OpClass, opClasses} from '../profile/profile.js';
import {checkUnitTimes, type UnitTimes} from '../profile/unit-times.js';
import {crossingBytes, floatBytes, type ModelCosts, type PassKind, passCost, type UnitWork} from './model-costs.js';

export interface PassTimes {
	/** Seconds of a pass over units `first` to `last`, both included, with so many items; `learn` is forward and backward. */
	pass(kind: PassKind, first: number, last: number, items: number): number;
	/** What the unit adds to a pass at least, whichever units it is computed with: these add up to no more than the pass takes. */
	least(kind: PassKind, unit: number, items: number): number;
	/** Seconds of one optimiser update of their weights. */
	update(first: number, last: number): number;
}

/** Sums of the first n values, n from 0 on. */
export const prefixSums = (values: readonly number[]): Float64Array => {
	const sums = new Float64Array(values.length + 1);
	for (const [index, value] of values.entries()) {
		sums[index + 1] = sums[index]! + value;
	}
	return sums;
};

interface ClassSums {
	readonly op: OpClass;
	readonly flops: Float64Array;
	readonly bytes: Float64Array;
	readonly callBytes: Float64Array;
	readonly calls: Float64Array;
}

export interface WorkSums {
	/**
	 * Work of passes by class of operators, as agents that emulate a device stretch it.
	 * @param items of all calls together.
	 */
	pass(kind: PassKind, first: number, last: number, items: number, calls?: number): Partial<Record<OpClass, Work>>;
	/** Seconds of such a pass on a device, as `emulatedSeconds` of its work, without making a table of it. */
	timed(profile: DeviceProfile): PassTimes['pass'];
	/** Seconds of a unit by whichever of computing and moving takes longer for all units together, class by class. */
	leastTimed(profile: DeviceProfile): PassTimes['least'];
	/** An update reads gradient, weights and slots and writes weights and slots. */
	update(first: number, last: number): Partial<Record<OpClass, Work>>;
}

/** @param slots vectors that the optimiser keeps besides the weights (momentum: 1, Adam: 2). */
export function workSums(units: readonly UnitWork[], slots: number): WorkSums {
	const classes = opClasses
		.map((op): ClassSums => {
			const of = (key: 'flops' | 'bytes' | 'callBytes' | 'calls') =>
				prefixSums(units.map(({work}) => work[op]?.[key] ?? 0));
			return {op, flops: of('flops'), bytes: of('bytes'), callBytes: of('callBytes'), calls: of('calls')};
		})
		.filter(({calls}) => calls.at(-1)! > 0);
	const parameters = prefixSums(units.map(unit => unit.parameters));
	return {
		pass(kind, first, last, items, times = 1) {
			const cost = passCost[kind];
			const work: Partial<Record<OpClass, Work>> = {};
			for (const {op, flops, bytes, callBytes, calls} of classes) {
				const between = (sums: Float64Array) => sums[last + 1]! - sums[first]!;
				const number = between(calls);
				if (number > 0) {
					work[op] = {
						flops: cost * items * between(flops),
						bytes: cost * (items * between(bytes) + times * between(callBytes)),
						calls: cost * times * number,
					};
				}
			}
			return work;
		},
		timed(profile) {
			return (kind, first, last, items) => {
				const cost = passCost[kind];
				let sum = 0;
				for (let index = 0; index < classes.length; index++) {
					const {op, flops, bytes, callBytes, calls} = classes[index]!;
					const number = calls[last + 1]! - calls[first]!;
					if (number > 0) {
						sum += classSeconds(
							op,
							cost * items * (flops[last + 1]! - flops[first]!),
							cost * (items * (bytes[last + 1]! - bytes[first]!) + callBytes[last + 1]! - callBytes[first]!),
							cost * number,
							profile,
						);
					}
				}
				return sum;
			};
		},
		leastTimed({speeds, dispatchSeconds}) {
			return (kind, unit, items) => {
				const cost = passCost[kind];
				const end = units.length;
				let sum = 0;
				for (let index = 0; index < classes.length; index++) {
					const {op, flops, bytes, callBytes, calls} = classes[index]!;
					const moved = (items * bytes[end]! + callBytes[end]!) / speeds.memory;
					const computes = op !== 'memory' && (items * flops[end]!) / speeds[op] >= moved;
					const own = computes
						? (items * (flops[unit + 1]! - flops[unit]!)) / speeds[op]
						: (items * (bytes[unit + 1]! - bytes[unit]!) + callBytes[unit + 1]! - callBytes[unit]!) / speeds.memory;
					sum += cost * (own + (calls[unit + 1]! - calls[unit]!) * dispatchSeconds);
				}
				return sum;
			};
		},
		update(first, last) {
			const elements = parameters[last + 1]! - parameters[first]!;
			return {memory: {flops: 0, bytes: elements * floatBytes * (3 + 2 * slots), calls: 0}};
		},
	};
}

/** By the speeds of a profile: per class the longer of computing and moving data, plus the time per call. */
export function timesOfProfile(sums: WorkSums, profile: DeviceProfile): PassTimes {
	return {
		pass: sums.timed(profile),
		// The longer of computing and moving is that of all units of a pass together: either alone is a bound that adds up.
		least: sums.leastTimed(profile),
		update: (first, last) => emulatedSeconds(sums.update(first, last), profile),
	};
}

/**
 * As measured with this model (`fpl profile`), unit by unit, with what every pass takes besides.
 * @throws FplError `CONFIG_VALUE` where the table is of other units than the model's.
 */
export function timesOfTable(table: UnitTimes, costs: ModelCosts, where: string): PassTimes {
	checkUnitTimes(
		table,
		costs.units.map(({label}) => label),
		where,
	);
	const line = (of: 'forward' | 'backward') => ({
		fixed: prefixSums(table.units.map(unit => unit[of].fixed)),
		perItem: prefixSums(table.units.map(unit => unit[of].perItem)),
	});
	const lines = {forward: line('forward'), backward: line('backward')};
	const updates = prefixSums(table.units.map(({update}) => update));
	const borders = Float64Array.from(costs.units, (_, cut) => crossingBytes(costs, cut));
	const seconds = (of: 'forward' | 'backward', first: number, last: number, items: number) => {
		const {fixed, perItem} = lines[of];
		const {perPass, perByte} = table.overhead[of];
		const crossing = (first > 0 ? borders[first - 1]! : costs.inputBytes) + borders[last]!;
		const units = fixed[last + 1]! - fixed[first]! + items * (perItem[last + 1]! - perItem[first]!);
		return units + perPass + perByte * items * crossing;
	};
	return {
		pass: (kind, first, last, items) =>
			kind === 'learn'
				? // One call of the engine does both.
					seconds('forward', first, last, items) +
					seconds('backward', first, last, items) -
					table.overhead.forward.perPass
				: seconds(kind, first, last, items),
		least: (kind, unit, items) => {
			const own = (of: 'forward' | 'backward') => table.units[unit]![of].fixed + items * table.units[unit]![of].perItem;
			return kind === 'learn' ? own('forward') + own('backward') : own(kind);
		},
		update: (first, last) => table.overhead.update + updates[last + 1]! - updates[first]!,
	};
}
