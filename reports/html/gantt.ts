/** The timeline of a step as a Gantt chart: a row for each replica of each stage, a bar for each pass. */
import * as Plot from '@observablehq/plot';
import type {Timeline, TimelinePass} from '../../core/ledger/ledger.js';
import {duration, integer, percent} from '../format.js';
import {lanesOf, passKinds, timelineRemark} from '../timeline.js';
import {axisUnit, figure, labelMargin, type Sheet, shortLabel, timeUnits} from './figure.js';
import type {Markup} from './markup.js';

const colours = {
	forward: 'var(--series-1)',
	backward: 'var(--series-2)',
	learn: 'var(--series-3)',
} as const satisfies Record<TimelinePass['kind'], string>;
const kinds = Object.keys(colours) as ReadonlyArray<TimelinePass['kind']>;

/** Bars narrower than this have no room for the number of their micro-batch, CSS pixels. */
const leastForText = 11;

/** Undefined where there is nothing to show. */
export function gantt(timeline: Timeline | undefined, title?: string): Markup | undefined {
	const lanes = lanesOf(timeline);
	if (!lanes) {
		return undefined;
	}
	const {rows, span, step, hidden} = lanes;
	const unit = axisUnit(span / 1000, timeUnits);
	const label = (device: string, stage: number) => `${stage}: ${device}`.replaceAll(/\p{C}/gu, '�');
	const names = rows.map(({device, stage, replica}) => `${label(device, stage)}\u0000${replica}`);
	const bars = rows.flatMap(({device, stage, passes}, row) =>
		passes.map(({kind, micro, from, to}) => ({
			row: names[row]!,
			kind,
			micro: String(micro + 1),
			from: from / 1000 / unit.factor,
			to: to / 1000 / unit.factor,
			title: `${label(device, stage)}, micro-batch ${micro + 1} ${passKinds[kind].text}: ${duration((to - from) / 1000)}`,
		})),
	);
	const used = kinds.filter(kind => bars.some(bar => bar.kind === kind));
	const several = bars.some(({micro}) => micro !== '1');
	const busiest = rows.reduce((most, {busy}) => Math.max(most, busy), 0);
	return figure({
		title: title ?? `Timeline of step ${integer(step + 1)}`,
		description: `Which stage computed when in step ${step + 1}: ${rows.length} rows, ${duration(span / 1000)}, the busiest computed ${percent(busiest)} of it`,
		legend: used.map(kind => ({text: passKinds[kind].text, colour: colours[kind]})),
		caption: [
			several ? 'Rows are «stage: device»; the numbers are micro-batches.' : 'Rows are «stage: device».',
			...(timeline?.oneClock ? [] : [timelineRemark]),
			...(hidden > 0 ? [`${integer(hidden)} more rows are not shown.`] : []),
		].join(' '),
		across: true,
		draw: (sheet: Sheet) => {
			const marginLeft = labelMargin(
				names.map(name => name.split('\u0000')[0]!),
				sheet,
			);
			const pixels = (sheet.width - marginLeft - 20) / (span / 1000 / unit.factor);
			const wide = several ? bars.filter(({from, to}) => (to - from) * pixels >= leastForText) : [];
			const short = shortLabel(sheet);
			return {
				height: 45 + names.length * (names.length > 12 ? 20 : 28),
				marginTop: 5,
				marginBottom: 40,
				marginLeft,
				x: {label: unit.name, grid: true, ticks: sheet.ticks, domain: [0, span / 1000 / unit.factor]},
				y: {
					label: null,
					domain: names,
					tickFormat: (name: string) => short(name.split('\u0000')[0]!),
					tickSize: 0,
					padding: 0.15,
				},
				color: {domain: used, range: used.map(kind => colours[kind])},
				marks: [
					Plot.barX(bars, {y: 'row', x1: 'from', x2: 'to', fill: 'kind', title: 'title', inset: 0.3}),
					Plot.text(wide, {
						y: 'row',
						x: ({from, to}: {from: number; to: number}) => (from + to) / 2,
						text: 'micro',
						fill: 'var(--card)',
						fontSize: 11,
					}),
				],
			};
		},
	});
}
