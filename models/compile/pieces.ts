/**
 * How the flat vector of parameters is divided for an update. Many small operators cost more than a few long ones, and
 * operators over more than the cache holds wait for memory; so small neighbours are put together, and where the gradient
 * is one vector anyway it is cut into chunks.
 */
import {concatenate, reshape} from '../gradients/ops.js';
import type {Emit} from '../gradients/rule.js';
import type {Layout, LayoutEntry} from '../graph.js';
import type {Range} from './program.js';

/** Elements from which on a tensor is a piece by itself: copying it into a longer vector would cost more than it saves. */
const largeTensor = 65_536;
/** Elements of one chunk of an update over a flat gradient: 1 MiB of float32. */
const chunk = 262_144;

export interface Piece {
	readonly range: Range;
	/** A value of shape [range.length]. */
	readonly gradient: string;
}

/** Pieces of whole tensors that are neighbours in the layout, with their gradients put one after the other. */
export function piecesOf(c: Emit, layout: Layout, gradients: ReadonlyMap<string, string>): readonly Piece[] {
	return grouped(layout.entries).map(entries => {
		const flat = entries.map(({name, length}) => reshape(c, gradients.get(name)!, [length]));
		const length = entries.reduce((sum, entry) => sum + entry.length, 0);
		return {range: {offset: entries[0]!.offset, length}, gradient: concatenate(c, flat, 0)};
	});
}

function grouped(entries: readonly LayoutEntry[]): readonly (readonly LayoutEntry[])[] {
	const groups: LayoutEntry[][] = [];
	let open: LayoutEntry[] | undefined;
	for (const entry of entries) {
		if (entry.length >= largeTensor) {
			groups.push([entry]);
			open = undefined;
			continue;
		}
		if (open === undefined || open.reduce((sum, {length}) => sum + length, 0) >= largeTensor) {
			open = [];
			groups.push(open);
		}
		open.push(entry);
	}
	return groups;
}

/** Consecutive ranges that cover `length` elements. */
export function chunksOf(length: number): readonly Range[] {
	return Array.from({length: Math.ceil(length / chunk)}, (_, index) => ({
		offset: index * chunk,
		length: Math.min(chunk, length - index * chunk),
	}));
}
