/**
 * How the stages of a run shared its last step, as rows of passes on one clock. Every device counts from the moment at
 * which it was told to begin; here their clocks are set so that nothing is used before it was made.
 */
import type {Timeline, TimelinePass} from '../core/ledger/ledger.js';
import {cut, duration, integer, oneLine, textWidth} from './format.js';
import {type TableStyle, wrap} from './table.js';

/** One replica of one stage. */
export interface TimelineRow {
	readonly device: string;
	readonly stage: number;
	readonly replica: number;
	/** In the order of their beginnings, milliseconds since the first pass of all began. */
	readonly passes: readonly TimelinePass[];
	/** Part of the time between the first and the last pass of all in which it computed, in [0, 1]. */
	readonly busy: number;
}

export interface Lanes {
	readonly step: number;
	/** From the first pass to the last, milliseconds. */
	readonly span: number;
	/** By stage, then replica. */
	readonly rows: readonly TimelineRow[];
	/** Rows that are left out. */
	readonly hidden: number;
}

/** What a pass does, in words and as a letter. */
export const passKinds = {
	forward: {letter: 'F', text: 'forward'},
	backward: {letter: 'B', text: 'backward'},
	learn: {letter: 'L', text: 'forward and backward (last stage)'},
} as const satisfies Record<TimelinePass['kind'], {readonly letter: string; readonly text: string}>;

/** More than that is read by nobody. */
const mostRows = 24;
const mostPasses = 4000;

/** Between which values the clock of the second device, minus that of the first, must lie. */
interface Bounds {
	lowest: number;
	highest: number;
}

const begins = (pass: TimelinePass, kind: 'forward' | 'backward') => pass.kind === kind || pass.kind === 'learn';

/** Bounds from all that devices of neighbouring stages handed to each other, by «first|second». */
function boundsOf(passes: readonly TimelinePass[]): Map<string, Map<string, Bounds>> {
	const byPlace = new Map<string, TimelinePass[]>();
	for (const pass of passes) {
		const place = `${pass.stage}/${pass.micro}`;
		byPlace.set(place, [...(byPlace.get(place) ?? []), pass]);
	}
	const bounds = new Map<string, Map<string, Bounds>>();
	const between = (first: string, second: string): Bounds => {
		const own = bounds.get(first) ?? new Map<string, Bounds>();
		bounds.set(first, own);
		const found = own.get(second) ?? {lowest: Number.NEGATIVE_INFINITY, highest: Number.POSITIVE_INFINITY};
		own.set(second, found);
		return found;
	};
	for (const before of passes) {
		for (const after of byPlace.get(`${before.stage + 1}/${before.micro}`) ?? []) {
			if (before.device === after.device) {
				continue;
			}
			const found = between(before.device, after.device);
			if (before.kind === 'forward' && begins(after, 'forward')) {
				found.lowest = Math.max(found.lowest, before.to - after.from);
			}
			if (before.kind === 'backward' && begins(after, 'backward')) {
				found.highest = Math.min(found.highest, before.from - after.to);
			}
		}
	}
	return bounds;
}

/** The middle of what is possible, as if a message took as long forward as backward; what is known where one side is open. */
function middle({lowest, highest}: Bounds): number {
	if (!Number.isFinite(lowest)) {
		return Number.isFinite(highest) ? highest : 0;
	}
	return Number.isFinite(highest) ? (lowest + highest) / 2 : lowest;
}

/** What to add to the times of each device. */
function offsetsOf(passes: readonly TimelinePass[]): ReadonlyMap<string, number> {
	const bounds = boundsOf(passes);
	const neighbours = new Map<string, Map<string, number>>();
	const join = (from: string, to: string, offset: number) => {
		neighbours.set(from, (neighbours.get(from) ?? new Map<string, number>()).set(to, offset));
	};
	for (const [first, others] of bounds) {
		for (const [second, found] of others) {
			join(first, second, middle(found));
			join(second, first, -middle(found));
		}
	}
	const offsets = new Map<string, number>();
	for (const {device: start} of passes) {
		const queue = offsets.has(start) ? [] : [start];
		offsets.set(start, offsets.get(start) ?? 0);
		for (let device = queue.shift(); device !== undefined; device = queue.shift()) {
			for (const [next, offset] of neighbours.get(device) ?? []) {
				if (!offsets.has(next)) {
					offsets.set(next, offsets.get(device)! + offset);
					queue.push(next);
				}
			}
		}
	}
	return offsets;
}

/** The rows of a timeline; undefined where there is nothing to show. */
export function lanesOf(timeline: Timeline | undefined): Lanes | undefined {
	const passes = (timeline?.passes ?? []).slice(0, mostPasses).filter(({from, to}) => to >= from);
	if (!timeline || passes.length === 0) {
		return undefined;
	}
	const offsets = timeline.oneClock ? undefined : offsetsOf(passes);
	const set = passes.map(pass => {
		const offset = offsets?.get(pass.device) ?? 0;
		return {...pass, from: pass.from + offset, to: pass.to + offset};
	});
	const start = set.reduce((least, {from}) => Math.min(least, from), Number.POSITIVE_INFINITY);
	const span = set.reduce((most, {to}) => Math.max(most, to), Number.NEGATIVE_INFINITY) - start;
	if (!(span > 0)) {
		return undefined;
	}
	const rows = new Map<string, TimelinePass[]>();
	for (const pass of set.toSorted((a, b) => a.from - b.from)) {
		const key = `${pass.stage}/${pass.replica}/${pass.device}`;
		rows.set(key, [...(rows.get(key) ?? []), {...pass, from: pass.from - start, to: pass.to - start}]);
	}
	const all = [...rows.values()]
		.map(own => {
			const {device, stage, replica} = own[0]!;
			return {
				device,
				stage,
				replica,
				passes: own,
				busy: Math.min(1, own.reduce((sum, {from, to}) => sum + to - from, 0) / span),
			};
		})
		.sort((a, b) => a.stage - b.stage || a.replica - b.replica);
	return {step: timeline.step, span, rows: all.slice(0, mostRows), hidden: Math.max(0, all.length - mostRows)};
}

/** What a reader must know about the picture. */
export const timelineRemark =
	'Every device counts from when it was told to begin; the clocks are set so that nothing is used before it was made.';

/** «FFFF··BB»: in each cell what took most of its time. */
function cells({passes}: TimelineRow, span: number, width: number, idle: string): string {
	const time = span / width;
	return Array.from({length: width}, (_, cell) => {
		const [from, to] = [cell * time, (cell + 1) * time];
		let [most, letter]: [number, string] = [0, idle];
		for (const pass of passes) {
			const overlap = Math.min(pass.to, to) - Math.max(pass.from, from);
			if (overlap > most) {
				[most, letter] = [overlap, passKinds[pass.kind].letter];
			}
		}
		return letter;
	}).join('');
}

/** The timeline for a terminal, no line wider than it; empty where there is nothing to show. */
export function timelineLines(timeline: Timeline | undefined, {width, ascii = false}: TableStyle): string[] {
	const lanes = lanesOf(timeline);
	if (!lanes) {
		return [];
	}
	const names = lanes.rows.map(({device, stage}) => `${cut(oneLine(device), 14)} stage ${stage}`);
	const widest = Math.max(...names.map(textWidth));
	const room = Math.max(8, Math.min(72, width - widest - 9));
	const used = [...new Set(lanes.rows.flatMap(({passes}) => passes.map(({kind}) => kind)))];
	const legend = (Object.keys(passKinds) as Array<TimelinePass['kind']>)
		.filter(kind => used.includes(kind))
		.map(kind => `${passKinds[kind].letter}=${passKinds[kind].text}`);
	return [
		...wrap(`Step ${integer(lanes.step + 1)}, ${duration(lanes.span / 1000)}: ${legend.join(', ')}`, width, '  '),
		...lanes.rows.map((row, index) => {
			const name = names[index]! + ' '.repeat(widest - textWidth(names[index]!));
			const line = cells(row, lanes.span, room, ascii ? '.' : '·');
			return cut(`${name}  ${line} ${Math.round(100 * row.busy)} %`, width);
		}),
		...(lanes.hidden > 0 ? [`(and ${integer(lanes.hidden)} more rows)`] : []),
	];
}
