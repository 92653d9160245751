/** Stacked bars, one per device or run. */
import * as Plot from '@observablehq/plot';
import {type AxisUnit, axisUnit, figure, type LegendEntry, labelMargin, type Sheet, shortLabel} from './figure.js';
import type {Markup} from './markup.js';

/** More bars than that are read in the table. */
const mostBars = 50;

export interface Part<T> extends LegendEntry {
	readonly of: (item: T) => number;
}

export interface BarsOptions<T> {
	readonly title: string;
	readonly items: readonly T[];
	/** Label of a bar; different for each item. */
	readonly name: (item: T) => string;
	/** In the order in which they are stacked. */
	readonly parts: readonly Part<T>[];
	readonly write: (value: number) => string;
	readonly units: readonly AxisUnit[];
	readonly caption?: string | undefined;
	/** What the items are, for the remark that some are not shown. */
	readonly plural: string;
}

interface Piece {
	readonly name: string;
	readonly part: string;
	readonly value: number;
	readonly title: string;
}

/** Bars in the order of the items (the largest ones when there are very many); undefined where there is nothing to show. */
export function bars<T>(options: BarsOptions<T>): Markup | undefined {
	const {title, items, name, parts, write, units, caption, plural} = options;
	const total = (item: T) => parts.reduce((sum, {of}) => sum + of(item), 0);
	const ranked = items.length > mostBars ? [...items].sort((a, b) => total(b) - total(a)) : items;
	const shown = ranked.slice(0, mostBars);
	const largest = Math.max(0, ...shown.map(total));
	if (!(largest > 0)) {
		return undefined;
	}
	const unit = axisUnit(largest, units);
	const names = shown.map(name);
	const pieces = shown.flatMap((item, index): Piece[] =>
		parts
			.map(part => ({part, value: part.of(item)}))
			.filter(({value}) => value > 0)
			.map(({part, value}) => ({
				name: names[index]!,
				part: part.text,
				value: value / unit.factor,
				title: `${names[index]}, ${part.text}: ${write(value)}`.replaceAll(/\p{C}/gu, '�'),
			})),
	);
	const remark = shown.length < items.length ? `The ${shown.length} largest of ${items.length} ${plural}.` : undefined;
	const remarks = [caption, remark].filter(text => text !== undefined);
	return figure({
		title,
		description: `${title}: ${shown.length} ${plural}, the largest with ${write(largest)}`,
		legend: parts,
		...(remarks.length > 0 && {caption: remarks.join(' ')}),
		draw: (sheet: Sheet) => ({
			height: 45 + names.length * (names.length > 20 ? 20 : 30),
			marginTop: 5,
			marginBottom: 40,
			marginLeft: labelMargin(names, sheet),
			x: {label: unit.name, grid: true, nice: true, ticks: sheet.ticks},
			y: {label: null, domain: names, tickFormat: shortLabel(sheet), tickSize: 0},
			color: {domain: parts.map(({text}) => text), range: parts.map(({colour}) => colour)},
			marks: [
				Plot.barX(pieces, {y: 'name', x: 'value', fill: 'part', order: parts.map(({text}) => text), title: 'title'}),
				Plot.ruleX([0]),
			],
		}),
	});
}
