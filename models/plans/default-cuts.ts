/**
 * Where a model is cut when nobody says where. These are rules of thumb that need no fleet; a planner that knows speeds and
 * links does better.
 */
import {FplError} from '../../core/errors.js';
import type {Model} from '../graph.js';
import {type CutOptions, type Unit, type Units, unitsOf} from '../inspect/cuts.js';

/** Sources are the weak devices: they get at most this part of the forward FLOPs, and at most this of the last stage. */
const mostBefore = 0.3;
const mostAfter = 0.1;

/** A place to cut: before the unit of this index. */
interface Place {
	readonly before: number;
	readonly elements: number;
	/** Part of the model's forward FLOPs that lies before it, in [0, 1]. */
	readonly flopsBefore: number;
	/** Whether something is trained before it, and after it. */
	readonly trainedBefore: boolean;
	readonly trainedAfter: boolean;
}

/** Cuts that leave every weight on one side; a weight on both would be trained apart. */
function placesOf({units, cuts}: Units): readonly Place[] {
	const names = ({parameters, buffers}: Unit) => [...parameters, ...buffers];
	const last = new Map(units.flatMap((unit, index) => names(unit).map(name => [name, index] as const)));
	const total = units.reduce((sum, {cost}) => sum + cost.flops, 0);
	let flops = 0;
	let reach = -1;
	let trained = 0;
	const all = units.reduce((sum, {parameters}) => sum + parameters.length, 0);
	return cuts.flatMap(({elements}, index) => {
		const unit = units[index]!;
		flops += unit.cost.flops;
		trained += unit.parameters.length;
		reach = Math.max(reach, ...names(unit).map(name => last.get(name)!));
		return reach > index
			? []
			: [
					{
						before: index + 1,
						elements,
						flopsBefore: total === 0 ? 0 : flops / total,
						trainedBefore: trained > 0,
						trainedAfter: trained < all,
					},
				];
	});
}

/** The first of the places that is least by these measures, compared one after the other. */
const least = (places: readonly Place[], ...measures: ReadonlyArray<(place: Place) => number>): Place | undefined =>
	places.toSorted((a, b) => {
		for (const measure of measures) {
			const difference = measure(a) - measure(b);
			if (difference !== 0) {
				return difference;
			}
		}
		return a.before - b.before;
	})[0];

const impossible = (model: Model, stages: number, got: number): FplError =>
	new FplError('PLAN_INFEASIBLE', {
		where: `«${model.name}»`,
		problem: 'each stage trains something',
		expected: `a model that can be cut into ${stages} stages`,
		got: `one for at most ${got}`,
		fix: 'Take fewer devices, or allow cuts through skip connections with a larger «maxCrossing».',
	});

/** Into how many stages a model can be cut so that each trains something; `after` as in `balancedCuts`. */
export function mostStages(model: Model, options: CutOptions = {}, after = 0): number {
	const {units, cuts} = unitsOf(model, options);
	const ends = [...placesOf({units, cuts}).map(({before}) => before), units.length].filter(end => end > after);
	let start = after;
	let stages = 0;
	for (const end of ends) {
		if (units.slice(start, end).some(({parameters}) => parameters.length > 0)) {
			stages++;
			start = end;
		}
	}
	return stages;
}

/** Cuts that may be the border of the sources: something is trained on both sides, so that no raw data leave a source. */
function borders(places: readonly Place[]): readonly Place[] {
	return places.filter(({trainedBefore, trainedAfter}) => trainedBefore && trainedAfter);
}

function firstCut(places: readonly Place[]): Place | undefined {
	const light = borders(places).filter(({flopsBefore}) => flopsBefore <= mostBefore);
	return (
		least(light, ({elements}) => elements) ??
		least(
			borders(places),
			({flopsBefore}) => flopsBefore,
			({elements}) => elements,
		)
	);
}

/**
 * The cut between sources and trunk: the one with the fewest crossing elements among those with at most 30 % of the forward
 * FLOPs before them. What crosses is sent twice per item and step, so that a narrow place saves the most; the bound keeps
 * the sources, which are the weak devices, from doing most of the work. Of equal ones the earliest, which is the least
 * work. Something must be trained before it: otherwise raw data would leave the sources. Where no cut is that light
 * (mlp: the first layer is the largest), the one with the least work before it.
 * @throws FplError `PLAN_INFEASIBLE` when the model cannot be cut.
 */
export function sourceCut(model: Model, options: CutOptions = {}): number {
	const place = firstCut(placesOf(unitsOf(model, options)));
	if (!place) {
		throw impossible(model, 2, mostStages(model, options));
	}
	return place.before;
}

/**
 * The two cuts of a U-shaped split: the first as `sourceCut`; the second is the one with the fewest crossing elements among
 * those with at most 10 % of the forward FLOPs after them, for the same reasons (where none is that light: the last).
 * @throws FplError `PLAN_INFEASIBLE`.
 */
export function uCuts(model: Model, options: CutOptions = {}): [number, number] {
	const places = borders(placesOf(unitsOf(model, options)));
	// The place that would be taken alone may be the last there is.
	const first = firstCut(places.slice(0, -1));
	const later = places.filter(({before}) => first !== undefined && before > first.before);
	const light = later.filter(({flopsBefore}) => 1 - flopsBefore <= mostAfter);
	const last = least(light, ({elements}) => elements) ?? later.at(-1);
	if (!first || !last) {
		throw impossible(model, 3, mostStages(model, options));
	}
	return [first.before, last.before];
}

/**
 * Cuts into consecutive stages whose times are as equal as can be: the largest of FLOPs ÷ speed is the least possible; of
 * equal ones that with the fewest crossing elements. Each stage trains something.
 * @param speeds of the stages' devices, relative to each other; as many as stages.
 * @param after the first cut that may be taken comes after this unit (a trunk begins there). Default 0: the model's begin.
 * @throws FplError `PLAN_INFEASIBLE` when the model has too few places to cut.
 */
export function balancedCuts(model: Model, speeds: readonly number[], options: CutOptions = {}, after = 0): number[] {
	const {units, cuts} = unitsOf(model, options);
	const places = placesOf({units, cuts}).filter(({before}) => before > after);
	const stages = speeds.length;
	const ends = [...places.map(({before, elements}) => ({before, elements})), {before: units.length, elements: 0}];
	const between = (start: number, end: number) => units.slice(start, end);
	const work = (start: number, end: number) => between(start, end).reduce((sum, {cost}) => sum + cost.flops, 0);
	const trains = (start: number, end: number) => between(start, end).some(({parameters}) => parameters.length > 0);
	interface Best {
		readonly slowest: number;
		readonly elements: number;
		readonly cuts: readonly number[];
	}
	const better = (a: Best, b: Best | undefined): boolean =>
		b === undefined || a.slowest < b.slowest || (a.slowest === b.slowest && a.elements < b.elements);
	/** By end: the best way to reach it with the stages so far. */
	let reached = new Map<number, Best>([[after, {slowest: 0, elements: 0, cuts: []}]]);
	for (const speed of speeds) {
		const next = new Map<number, Best>();
		for (const {before: end, elements} of ends) {
			for (const [start, best] of reached) {
				if (start >= end || !trains(start, end)) {
					continue;
				}
				const candidate: Best = {
					slowest: Math.max(best.slowest, work(start, end) / speed),
					elements: best.elements + elements,
					cuts: [...best.cuts, end],
				};
				if (better(candidate, next.get(end))) {
					next.set(end, candidate);
				}
			}
		}
		reached = next;
	}
	const best = reached.get(units.length);
	if (!best) {
		throw impossible(model, stages, mostStages(model, options, after));
	}
	return best.cuts.slice(0, -1);
}
