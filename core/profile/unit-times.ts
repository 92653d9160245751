/**
 * The profile file of a model: how long each of its units takes on one type of device, measured there by `fpl profile`.
 * Version 1; YAML or JSON; times are written with their units («1.25 ms»), unknown keys are errors.
 *
 * A pass of a stage over n items takes call + bytes that cross its borders / copy + Σ over its units of (fixed + perItem · n).
 */
import {z} from 'zod';
import {readConfig} from '../config/config.js';
import type {ConfigDocument} from '../config/document.js';
import {FplError} from '../errors.js';
import {bounded} from './schema.js';

/** Seconds of one call as a function of its items: fixed + perItem · items. */
export interface Linear {
	/** Seconds per call, ≥ 0. */
	readonly fixed: number;
	/** Seconds per item, ≥ 0. */
	readonly perItem: number;
}

/** What a pass of a stage takes besides its units, whatever these are. */
export interface PassOverhead {
	/** Seconds per pass: the way to the engine and back. */
	readonly perPass: number;
	/** Seconds per byte that the stage takes in or gives out: inputs and outputs forward, their gradients backward. */
	readonly perByte: number;
}

export interface UnitTime {
	/** As `unitsOf` names it. */
	readonly label: string;
	/** Training-mode forward pass, which puts aside what backward needs. */
	readonly forward: Linear;
	readonly backward: Linear;
	/** Seconds of one optimiser update of its parameters; 0 for a unit without any. */
	readonly update: number;
}

export interface UnitTimes {
	readonly model: string;
	/** The type of device that was measured, for people and for matching. */
	readonly device: string;
	/** What made it: «onnxruntime-node 1.30.0, 2 threads». */
	readonly engine: string;
	readonly threads: number;
	/** How the model was cut (`CutOptions.maxCrossing`). */
	readonly maxCrossing: number;
	/** Items in the batches that were measured, ascending; times in between and somewhat beyond can be relied on. */
	readonly batch: readonly number[];
	/** ISO 8601. */
	readonly measuredAt: string;
	/** `update`: seconds of an update besides those of the units. */
	readonly overhead: {readonly forward: PassOverhead; readonly backward: PassOverhead; readonly update: number};
	readonly units: readonly UnitTime[];
}

const name = z.string().min(1).max(256);
const time = bounded('time');
const items = z.number().int().positive().max(1_000_000);
const linear = z.strictObject({fixed: time, perItem: time});
/** «1.2 GB/s»; left out: copying takes no time. */
const pass = z
	.strictObject({call: time, copy: bounded('rate').optional()})
	.transform(({call, copy}): PassOverhead => ({perPass: call, perByte: copy === undefined ? 0 : 1 / copy}));
const nothing = {call: '0 s'};

const increasing = (list: readonly number[]) => list.every((value, index) => index === 0 || value > list[index - 1]!);

export const unitTimesSchema = z.strictObject({
	version: z.literal(1),
	model: name,
	device: name,
	engine: name,
	threads: z.number().int().min(1).max(4096),
	maxCrossing: z.number().int().min(1).max(1000),
	batch: z.array(items).min(1).max(64).refine(increasing, 'expected numbers of items in ascending order'),
	measuredAt: z.iso.datetime({error: 'expected a time such as 2026-11-21T09:30:00Z'}),
	overhead: z
		.strictObject({forward: pass, backward: pass, update: time})
		.prefault({forward: nothing, backward: nothing, update: '0 s'}),
	units: z
		.array(z.strictObject({label: name, forward: linear, backward: linear, update: time}))
		.min(1)
		.max(10_000),
});

/**
 * @throws FplError `CONFIG_KEY`, `CONFIG_VALUE` with line and column: a time without its unit, one that is negative or no
 * number, a unit that is there twice.
 */
export function readUnitTimes(document: ConfigDocument): UnitTimes {
	const {version: _, ...times} = readConfig(unitTimesSchema, {document});
	const seen = new Set<string>();
	for (const [index, {label}] of times.units.entries()) {
		if (seen.has(label)) {
			const where = document.placeOf(['units', index, 'label']);
			throw new FplError('CONFIG_VALUE', {where, problem: `unit «${label}» is there already`});
		}
		seen.add(label);
	}
	return times;
}

/**
 * Whether the times are those of a model's units.
 * @param labels of all its units, in order, cut with `times.maxCrossing`.
 * @param where names the profile file.
 * @throws FplError `CONFIG_VALUE` for another number of units, or other ones.
 */
export function checkUnitTimes(times: UnitTimes, labels: readonly string[], where: string): void {
	const {units, model} = times;
	const fix = `Measure the model again with «fpl profile ${model}»`;
	if (units.length !== labels.length) {
		throw new FplError('CONFIG_VALUE', {
			where: `${where}, units`,
			expected: `the ${labels.length} units of the model, cut where at most ${times.maxCrossing} tensors cross`,
			got: `${units.length} units of «${model}»`,
			fix,
		});
	}
	const other = units.findIndex(({label}, index) => label !== labels[index]);
	if (other !== -1) {
		throw new FplError('CONFIG_VALUE', {
			where: `${where}, units[${other}].label`,
			expected: `«${labels[other]}»`,
			got: `«${units[other]!.label}»`,
			fix,
		});
	}
}

/** Seconds of one call with so many items. */
export const secondsOf = ({fixed, perItem}: Linear, count: number): number => fixed + perItem * count;

export interface Pass {
	readonly kind: 'forward' | 'backward';
	/** First and last unit of the stage, both included. */
	readonly units: readonly [number, number];
	readonly items: number;
	/** All that comes in and all that goes out, of all items; in a backward pass their gradients. */
	readonly bytes: number;
}

/** Seconds of one pass of a stage, on the device that was measured. */
export function passSeconds(
	{overhead, units}: Pick<UnitTimes, 'overhead' | 'units'>,
	{kind, units: [first, last], items: count, bytes}: Pass,
): number {
	const {perPass, perByte} = overhead[kind];
	return units
		.slice(first, last + 1)
		.reduce((sum, unit) => sum + secondsOf(unit[kind], count), perPass + perByte * bytes);
}

/** Seconds of one optimiser update of a stage. */
export const updateSeconds = ({overhead, units}: UnitTimes, [first, last]: readonly [number, number]): number =>
	units.slice(first, last + 1).reduce((sum, {update}) => sum + update, overhead.update);

/** With five significant digits, which is more than a measurement has. */
function written(seconds: number): string {
	const [factor, unit] = seconds >= 1 ? [1, 's'] : seconds >= 1e-3 ? [1e3, 'ms'] : [1e6, 'µs'];
	return seconds === 0 ? '0 s' : `${Number((seconds * factor).toPrecision(5))} ${unit}`;
}

/** The document that `readUnitTimes` reads, as plain data. */
export function unitTimesDocument(times: UnitTimes): z.input<typeof unitTimesSchema> {
	const line = ({fixed, perItem}: Linear) => ({fixed: written(fixed), perItem: written(perItem)});
	const around = ({perPass, perByte}: PassOverhead) => ({
		call: written(perPass),
		...(perByte > 0 && {copy: `${Number((1 / perByte / 1e6).toPrecision(5))} MB/s`}),
	});
	const {overhead, units, batch, ...head} = times;
	return {
		version: 1,
		...head,
		batch: [...batch],
		overhead: {
			forward: around(overhead.forward),
			backward: around(overhead.backward),
			update: written(overhead.update),
		},
		units: units.map(({label, forward, backward, update}) => ({
			label,
			forward: line(forward),
			backward: line(backward),
			update: written(update),
		})),
	};
}

/** What takes less than this is nothing that a clock could tell. */
const clockSeconds = 1e-9;

/**
 * The line through measured points that keeps the relative errors small, with neither part negative. A part that no clock
 * could tell from nothing, even for the largest batch, is nothing.
 * @param points items and seconds of a call; at least one; seconds ≥ 0.
 * @param of for each point what its error is relative to, by default its own seconds.
 */
export function fitLinear(
	points: ReadonlyArray<readonly [items: number, seconds: number]>,
	of: readonly number[] = points.map(([, seconds]) => seconds),
): Linear {
	const {fixed, perItem} = leastSquares(points, of);
	const most = points.reduce((largest, [items]) => Math.max(largest, items), 0);
	return {fixed: fixed < clockSeconds ? 0 : fixed, perItem: perItem * most < clockSeconds ? 0 : perItem};
}

function leastSquares(points: ReadonlyArray<readonly [items: number, seconds: number]>, of: readonly number[]): Linear {
	// Least squares of relative errors: each point weighs 1 / seconds².
	let [w, wx, wxx, wy, wxy] = [0, 0, 0, 0, 0];
	for (const [index, [x, y]] of points.entries()) {
		const weight = 1 / Math.max(of[index]!, clockSeconds) ** 2;
		w += weight;
		wx += weight * x;
		wxx += weight * x * x;
		wy += weight * y;
		wxy += weight * x * y;
	}
	const determinant = w * wxx - wx * wx;
	const proportional = {fixed: 0, perItem: wxy / wxx};
	if (points.length < 2 || determinant <= 1e-12 * w * wxx) {
		return proportional;
	}
	const perItem = (w * wxy - wx * wy) / determinant;
	const fixed = (wy - perItem * wx) / w;
	// The best point on the border that was crossed.
	return perItem < 0 ? {fixed: wy / w, perItem: 0} : fixed < 0 ? proportional : {fixed, perItem};
}
