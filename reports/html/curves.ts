/** Curves over rounds. */
import * as Plot from '@observablehq/plot';
import type {RoundRecord} from '../../core/ledger/ledger.js';
import type {FigureOptions, Sheet} from './figure.js';

/** More points than pixels say nothing more. */
const mostPoints = 300;
/** So few that each deserves a dot. */
const fewPoints = 60;

const thin = <T>(items: readonly T[]): T[] => {
	const stride = Math.ceil(items.length / mostPoints);
	return items.filter((_, index) => index % stride === 0 || index === items.length - 1);
};

export interface Point {
	readonly x: number;
	readonly y: number;
	readonly title: string;
}

export const epochOf = ({epoch}: RoundRecord): number => epoch;
export const percentOf = ({accuracy}: RoundRecord): number | undefined =>
	accuracy === undefined ? undefined : accuracy * 100;

const sums = (values: readonly number[]): number[] => {
	let sum = 0;
	return values.map(value => {
		sum += value;
		return sum;
	});
};

/** Joules (or bytes) of all devices at the end of each round. */
export const joulesSpent = (rounds: readonly RoundRecord[]): number[] => sums(rounds.map(({joules}) => joules));
export const bytesMoved = (rounds: readonly RoundRecord[]): number[] => sums(rounds.map(({bytes}) => bytes));

/** The rounds that have a finite value, as points; evenly thinned where there are very many. */
export const points = (
	rounds: readonly RoundRecord[],
	x: (record: RoundRecord, index: number) => number,
	y: (record: RoundRecord) => number | undefined,
	write: (value: number) => string,
): Point[] =>
	thin(
		rounds.flatMap((record, index) => {
			const value = y(record);
			return value !== undefined && Number.isFinite(value)
				? [{x: x(record, index), y: value, title: `round ${record.round + 1}: ${write(value)}`}]
				: [];
		}),
	);

/** A line, with a dot for each point where there are few. */
export const curve = (
	data: readonly Point[],
	stroke: string,
	{dashed = false, dotted = false} = {},
): Plot.Markish[] => [
	Plot.lineY(data, {
		x: 'x',
		y: 'y',
		stroke,
		strokeWidth: 2,
		...((dashed || dotted) && {strokeDasharray: dashed ? '5 3' : '2 3'}),
	}),
	...(data.length <= fewPoints ? [Plot.dot(data, {x: 'x', y: 'y', fill: stroke, r: 2.5, title: 'title'})] : []),
];

/** A frame for curves; both axes start at zero unless a domain is given for the upright one. */
export const curvePlot =
	(x: string, y: string, marks: readonly Plot.Markish[], domain?: readonly [number, number]): FigureOptions['draw'] =>
	(sheet: Sheet) => ({
		height: sheet.width > 400 ? 260 : 220,
		marginTop: 25,
		marginBottom: 40,
		marginLeft: 45,
		x: {label: x, zero: true, ticks: sheet.ticks},
		y: {label: y, grid: true, ticks: 5, ...(domain ? {domain: [...domain]} : {zero: true, nice: true})},
		marks: [...marks],
	});
