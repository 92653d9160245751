/** Pictures by Observable Plot, drawn on the server into inline SVG: one for wide pages, one for phones. */
import * as Plot from '@observablehq/plot';
import {parseHTML} from 'linkedom';
import {cutMiddle} from '../format.js';
import {type Content, Markup, markup} from './markup.js';

export interface Sheet {
	/** Width of the picture in CSS pixels. */
	readonly width: number;
	/** Letters of a label that fit to the left of the picture. */
	readonly letters: number;
	/** Marks on the horizontal axis, about. */
	readonly ticks: number;
}

const sheets = {
	wide: {width: 560, letters: 20, ticks: 8},
	narrow: {width: 330, letters: 13, ticks: 5},
} as const satisfies Record<string, Sheet>;

const acrossSheet: Sheet = {width: 1120, letters: 24, ticks: 16};

export interface LegendEntry {
	readonly text: string;
	/** A CSS colour, usually a custom property of the page: `var(--send)`. */
	readonly colour: string;
}

export interface FigureOptions {
	readonly title: string;
	/** What a reader who cannot see the picture should know. Fixed texts and numbers only. */
	readonly description: string;
	readonly caption?: Content;
	readonly legend?: readonly LegendEntry[];
	/** Over the whole width of wide pages, instead of half of it. */
	readonly across?: boolean;
	readonly draw: (sheet: Sheet) => Plot.PlotOptions;
}

function svg(options: Plot.PlotOptions): string {
	// A document of its own for each picture: nothing is left over in memory, and nothing is shared.
	const {document} = parseHTML('<html><body></body></html>');
	const plot = Plot.plot({
		...options,
		document,
		style: {background: 'transparent', fontSize: '12px'},
	} as Plot.PlotOptions);
	return (plot as unknown as {readonly outerHTML: string}).outerHTML;
}

export function figure({title, description, caption, legend = [], across = false, draw}: FigureOptions): Markup {
	const variants = Object.entries(across ? {...sheets, wide: acrossSheet} : sheets).map(([name, sheet]) => {
		const drawn = svg({...draw(sheet), width: sheet.width, ariaLabel: description});
		return markup`<div class="${name}">${new Markup(drawn)}</div>`;
	});
	const entries = legend.map(({text, colour}) => markup`<li><i style="background:${colour}"></i>${text}</li>`);
	return markup`<figure${across && markup` class="across"`}>
<h3>${title}</h3>
${entries.length > 0 && markup`<ul class="legend">${entries}</ul>`}
${variants}
${caption !== undefined && markup`<figcaption>${caption}</figcaption>`}
</figure>
`;
}

/** Margin for labels of devices to the left of bars. */
export const labelMargin = (labels: readonly string[], {letters}: Sheet): number =>
	Math.min(letters, Math.max(3, ...labels.map(label => [...label].length))) * 7.2 + 14;

export const shortLabel =
	({letters}: Sheet) =>
	(label: string): string =>
		cutMiddle(label.replaceAll(/\p{C}/gu, '�'), letters);

export interface AxisUnit {
	/** Divide values by this. */
	readonly factor: number;
	/** Used when the largest value is at least this. */
	readonly from: number;
	readonly name: string;
}

/** The largest unit whose `from` the largest value reaches. */
export const axisUnit = (largest: number, units: readonly AxisUnit[]): AxisUnit =>
	units.findLast(({from}) => largest >= from) ?? units[0]!;

const unit = (name: string, factor: number, from = factor): AxisUnit => ({name, factor, from});
const decimal = (base: string): AxisUnit[] => [
	unit(base, 1),
	unit(`k${base}`, 1e3),
	unit(`M${base}`, 1e6),
	unit(`G${base}`, 1e9),
];

export const byteUnits: readonly AxisUnit[] = decimal('B');
export const jouleUnits: readonly AxisUnit[] = [unit('mJ', 1e-3), ...decimal('J')];
export const dollarUnits: readonly AxisUnit[] = [unit('USD', 1)];
/** Two minutes are still read more easily as 120 s. */
export const timeUnits: readonly AxisUnit[] = [
	unit('ms', 1e-3),
	unit('s', 1),
	unit('min', 60, 180),
	unit('h', 3600, 10_800),
];
