/** What an inference run achieved, in every form: sentences, cards, a table of its intervals, a row of CSV. */
import type {InferenceFigures, Ledger, RoundRecord} from '../core/ledger/ledger.js';
import {formatDuration} from '../core/units.js';
import {byteCount, duration, energy, integer, percent} from './format.js';

const ms = (milliseconds: number): string => formatDuration(milliseconds / 1000);
const rate = (perSecond: number): string =>
	perSecond >= 100 ? integer(perSecond) : String(Number(perSecond.toPrecision(3)));

/** «1 797 items in 2.1 s: 856 items/s». */
export const throughputText = ({items, seconds, itemsPerSecond}: InferenceFigures): string =>
	`${integer(items)} items in ${duration(seconds)}: ${rate(itemsPerSecond)} items/s`;

/** «latency of a batch of 32, 4 under way: 41 ms (half of them), 58 ms (95 %), 61 ms (99 %), 61 ms (longest)». */
export const latencyText = ({latencyMs, batch, inFlight}: InferenceFigures): string =>
	`latency of a batch of ${integer(batch)}, ${integer(inFlight)} under way: ${ms(latencyMs.p50)} (half of them), ` +
	`${ms(latencyMs.p95)} (95 %), ${ms(latencyMs.p99)} (99 %), ${ms(latencyMs.max)} (longest)`;

/** While the run goes on, after which interval, on one line. */
export const inferenceProgress = (figures: InferenceFigures, {step, bytes, joules, epoch}: RoundRecord): string =>
	[
		`${integer(figures.items)} items (${Math.round(epoch * 100)} %)`,
		`${integer(step)} batches`,
		`${rate(figures.itemsPerSecond)} items/s`,
		`latency ${ms(figures.latencyMs.p50)}, 99 % ${ms(figures.latencyMs.p99)}`,
		...(figures.accuracy === undefined ? [] : [`accuracy ${percent(figures.accuracy)}`]),
		byteCount(bytes),
		energy(joules),
	].join(', ');

/** Titles and cards of a page. */
export const inferenceCards = (
	figures: InferenceFigures,
): readonly {title: string; value: string; remark?: string}[] => [
	...(figures.accuracy === undefined ? [] : [{title: 'Accuracy', value: percent(figures.accuracy)}]),
	{
		title: 'Throughput',
		value: `${rate(figures.itemsPerSecond)} items/s`,
		remark: `${integer(figures.items)} items in ${duration(figures.seconds)}`,
	},
	{
		title: 'Latency',
		value: ms(figures.latencyMs.p50),
		remark: `95 %: ${ms(figures.latencyMs.p95)}, 99 %: ${ms(figures.latencyMs.p99)}, longest ${ms(figures.latencyMs.max)}`,
	},
	{title: 'Batch', value: integer(figures.batch), remark: `${integer(figures.inFlight)} under way`},
];

/** Columns of a table of intervals, the least important with the highest number. */
export const intervalColumns = [
	{title: 'Interval'},
	{title: 'batches', expendable: 3},
	{title: 'answered'},
	{title: 'at'},
	{title: 'took', expendable: 4},
	{title: 'accuracy'},
	{title: 'bytes', expendable: 1},
	{title: 'energy', expendable: 1},
	{title: 'devices', expendable: 6},
] as const;

export const intervalRow = (record: RoundRecord): string[] => [
	integer(record.round + 1),
	integer(record.step),
	percent(record.epoch),
	duration(record.at),
	duration(record.seconds),
	percent(record.accuracy),
	byteCount(record.bytes),
	energy(record.joules),
	integer(record.devices.length),
];

/** The third line of a report: «20 intervals, 57 batches, 3 devices». */
export const extentOf = ({rounds, devices}: Ledger): string =>
	[
		`${integer(rounds.length)} intervals`,
		`${integer(rounds.at(-1)?.step ?? 0)} batches`,
		`${integer(devices.length)} devices`,
	].join(', ');
