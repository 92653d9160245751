/** Plans by what they cost as a still picture, for reports and for readers without scripts. */
import * as Plot from '@observablehq/plot';
import type {PlanPoint} from '../../core/ledger/prediction.js';
import {cut, integer, oneLine} from '../format.js';
import {axisUnit, figure, type Sheet} from '../html/figure.js';
import type {Markup} from '../html/markup.js';
import {type CostAxisName, costAxes} from './axes.js';
import {type Box, frontOf, placeOn, roomFor, scaleOf, wantsLog} from './plot.js';

export interface ParetoFigureOptions {
	readonly across: CostAxisName;
	readonly upwards: CostAxisName;
	readonly title?: string;
}

interface Dot {
	readonly x: number;
	readonly y: number;
	readonly scheme: string;
	readonly kind: 'chosen' | 'baseline' | 'other';
	readonly title: string;
}

/** An axis of the picture: the values in its unit, and how they are spread. */
function sideOf(points: readonly PlanPoint[], name: CostAxisName, wanted: boolean) {
	const axis = costAxes[name];
	const scale = scaleOf(
		points.map(point => axis.of(point)),
		wanted,
	);
	const {log} = scale;
	const unit = axisUnit(log ? Math.sqrt(scale.from * scale.to) : scale.to, axis.units);
	return {
		...axis,
		log,
		factor: unit.factor,
		label: `${axis.title}, ${unit.name}${log ? ' (logarithmic)' : ''}`,
		scale: {...scale, from: scale.from / unit.factor, to: scale.to / unit.factor},
	};
}

const margin = {left: 52, right: 16, top: 25, bottom: 40};

/** Undefined where there is nothing to show. */
export function paretoFigure(all: readonly PlanPoint[], options: ParetoFigureOptions): Markup | undefined {
	const {across, upwards, title = `Plans by ${costAxes[across].title} and ${costAxes[upwards].title}`} = options;
	const points = all.filter(point => [across, upwards].every(name => Number.isFinite(costAxes[name].of(point))));
	if (points.length === 0) {
		return undefined;
	}
	const log = [across, upwards].some(name => wantsLog(points.map(point => costAxes[name].of(point))));
	const [x, y] = [sideOf(points, across, log), sideOf(points, upwards, log)];
	const dots = points.map((point): Dot => {
		const told = `${point.scheme}: ${x.title} ${x.write(x.of(point))}, ${y.title} ${y.write(y.of(point))}`;
		return {
			x: x.of(point) / x.factor,
			y: y.of(point) / y.factor,
			scheme: point.scheme,
			kind: point.chosen ? 'chosen' : point.baseline ? 'baseline' : 'other',
			title: told.replaceAll(/\p{C}/gu, '�'),
		};
	});
	// What is no choice, whatever it costs, pushes no plan off the line.
	const nowhere = {x: Number.NaN, y: Number.NaN};
	const eligible = dots.map((dot, index) => (points[index]!.against === undefined ? dot : nowhere));
	const front = frontOf(eligible).map(index => dots[index]!);
	const ofKind = (kind: Dot['kind']) => dots.filter(dot => dot.kind === kind);
	const legend = [
		{kind: 'chosen', text: 'chosen', colour: 'var(--series-2)'},
		{kind: 'other', text: 'other plans', colour: 'var(--series-1)'},
		{kind: 'baseline', text: 'classic schemes', colour: 'var(--series-3)'},
	] as const;
	const ends = ({scale}: typeof x): [number, number] => [scale.from, scale.to];
	return figure({
		title,
		description: `${title}: ${integer(points.length)} plans, of which ${integer(front.length)} are beaten by none in both`,
		legend: legend.filter(({kind}) => ofKind(kind).length > 0),
		caption: 'Predicted. Less is better; the line joins the plans that no other beats in both.',
		draw: (sheet: Sheet) => {
			const height = sheet.width > 400 ? 320 : 280;
			return {
				height,
				marginLeft: margin.left,
				marginRight: margin.right,
				marginTop: margin.top,
				marginBottom: margin.bottom,
				x: {
					label: x.label,
					type: x.log ? 'log' : 'linear',
					domain: ends(x),
					ticks: sheet.ticks,
					tickFormat: '~r',
					grid: true,
				},
				y: {label: y.label, type: y.log ? 'log' : 'linear', domain: ends(y), ticks: 5, tickFormat: '~r', grid: true},
				marks: [
					Plot.line(front, {x: 'x', y: 'y', stroke: 'var(--series-1)', strokeOpacity: 0.55, curve: 'step-after'}),
					Plot.dot(ofKind('other'), {x: 'x', y: 'y', r: 3.5, fill: 'var(--series-1)', title: 'title'}),
					Plot.dot(ofKind('baseline'), {
						x: 'x',
						y: 'y',
						r: 4.5,
						fill: 'var(--series-3)',
						symbol: 'square',
						title: 'title',
					}),
					Plot.dot(ofKind('chosen'), {x: 'x', y: 'y', r: 5.5, fill: 'var(--series-2)', symbol: 'star', title: 'title'}),
					...labels(dots, {x: x.scale, y: y.scale}, sheet, height),
				],
			};
		},
	});
}

/** The names of the chosen plan and of classic schemes, where there is room for them. */
function labels(
	dots: readonly Dot[],
	{x, y}: {readonly x: ReturnType<typeof scaleOf>; readonly y: ReturnType<typeof scaleOf>},
	sheet: Sheet,
	height: number,
): Plot.Markish[] {
	const frame = {
		left: margin.left,
		top: margin.top,
		width: sheet.width - margin.left - margin.right,
		height: height - margin.top - margin.bottom,
	};
	const place = (dot: Dot) => ({
		x: frame.left + placeOn(x, dot.x) * frame.width,
		y: frame.top + (1 - placeOn(y, dot.y)) * frame.height,
	});
	const taken: Box[] = dots.map(dot => ({left: place(dot).x - 8, top: place(dot).y - 8, width: 16, height: 16}));
	return dots
		.filter(({kind}) => kind !== 'other')
		.sort((a, b) => Number(b.kind === 'chosen') - Number(a.kind === 'chosen'))
		.flatMap(dot => {
			const text = cut(oneLine(dot.scheme), sheet.letters + 4);
			const spot = place(dot);
			const box = roomFor(spot, text.length * 6.8, taken, frame);
			if (!box) {
				return [];
			}
			taken.push(box);
			return [
				Plot.text([dot], {
					x: 'x',
					y: 'y',
					text: () => text,
					dx: box.left - spot.x,
					dy: box.top + box.height / 2 - spot.y,
					textAnchor: 'start',
					fill: 'currentColor',
				}),
			];
		});
}
