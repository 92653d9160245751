/**
 * What crosses between the segments of a model: who makes each value and who reads it. A value that skips segments goes
 * straight from the one that makes it to those that read it, so nobody forwards what it does not need.
 */
import type {ValueInfo} from '../graph.js';
import type {Segment} from './segments.js';

/** A value that a segment reads. */
export interface Received extends ValueInfo {
	/** Index of the segment that makes it. */
	readonly from: number;
}

/** A value that a segment makes for others. */
export interface Sent extends ValueInfo {
	/** Indices of the segments that read it, ascending, never empty. Their gradients of it are added up. */
	readonly to: readonly number[];
}

export interface Boundary {
	/** Inputs of the whole model that this segment reads by itself. */
	readonly data: readonly ValueInfo[];
	readonly receives: readonly Received[];
	readonly sends: readonly Sent[];
	/** Outputs of the whole model, in the model's order; all in the last segment, empty in the others. */
	readonly results: readonly ValueInfo[];
}

/** @param segments of one model, all of them, as `segmentsOf` answers them. */
export function boundariesOf(segments: readonly Pick<Segment, 'index' | 'graph'>[]): readonly Boundary[] {
	const makers = new Map<string, number>();
	const readers = new Map<string, number[]>();
	for (const {index, graph} of segments) {
		for (const {name} of graph.inputs) {
			readers.set(name, [...(readers.get(name) ?? []), index]);
		}
		for (const {name} of graph.outputs) {
			// The last segment passes on outputs of the model that others made.
			makers.set(name, makers.get(name) ?? index);
		}
	}
	const last = segments.length - 1;
	return segments.map(({index, graph}): Boundary => {
		const made = (name: string): number | undefined => {
			const from = makers.get(name);
			return from !== undefined && from < index ? from : undefined;
		};
		return {
			data: graph.inputs.filter(({name}) => made(name) === undefined),
			receives: graph.inputs.flatMap(info => {
				const from = made(info.name);
				return from === undefined ? [] : [{...info, from}];
			}),
			sends: index === last ? [] : graph.outputs.map(info => ({...info, to: readers.get(info.name) ?? []})),
			results: index === last ? graph.outputs : [],
		};
	});
}
