/** Several ledgers side by side as text: predicted against measured, or one scheme against another. */
import type {Ledger} from '../core/ledger/ledger.js';
import {byteCount, dash, duration, energy, integer, loss, percent, ratio} from './format.js';
import {honestMarks, isModelled, markedName, phaseSeconds, summarise} from './summary.js';
import {type Column, type TableStyle, textTable, wrap} from './table.js';

/** «digits-1», told apart from others of the same name by kind, and then by number. */
export function ledgerNames(ledgers: readonly Ledger[]): string[] {
	const plain = ledgers.map(({run}) => run || dash);
	const repeated = (names: readonly string[], name: string) => names.filter(other => other === name).length > 1;
	const kinds = ledgers.map(({kind}, index) =>
		repeated(plain, plain[index]!) ? `${plain[index]}, ${kind}` : plain[index]!,
	);
	return kinds.map((name, index) => (repeated(kinds, name) ? `${name} (${index + 1})` : name));
}

/** The value, and how many times that of the first ledger it is. */
function against(write: (value: number | undefined) => string, value: number | undefined, first: number | undefined) {
	const times = value !== undefined && first !== undefined && first > 0 ? ratio(value / first) : dash;
	return times === dash || times === '1×' ? write(value) : `${write(value)} (${times})`;
}

export interface ComparedMetric {
	readonly title: string;
	readonly of: (ledger: Ledger) => number | undefined;
	readonly write: (value: number | undefined) => string;
	/** Shares and losses are compared by eye; a ratio of them would mislead. */
	readonly relative: boolean;
	readonly expendable?: number;
}

/** What is compared, in the order of importance. */
export const comparedMetrics: readonly ComparedMetric[] = [
	{title: 'time', of: ({seconds}) => seconds, write: duration, relative: true},
	{title: 'bytes', of: ledger => summarise(ledger).bytes, write: byteCount, relative: true},
	{title: 'energy', of: ledger => summarise(ledger).joules, write: energy, relative: true},
	{title: 'accuracy', of: ({final}) => final.accuracy, write: percent, relative: false},
	{title: 'loss', of: ({final}) => final.loss, write: loss, relative: false, expendable: 2},
	{title: 'rounds', of: ledger => summarise(ledger).rounds, write: integer, relative: false, expendable: 3},
];

export const metricCell = ({of, write, relative}: ComparedMetric, ledger: Ledger, first: Ledger): string =>
	relative && ledger !== first ? against(write, of(ledger), of(first)) : write(of(ledger));

/** Devices that take part in at least two of the ledgers: only they can be compared one by one. */
export const sharedDevices = (ledgers: readonly Ledger[]): string[] =>
	[...new Set(ledgers.flatMap(({devices}) => devices.map(({device}) => device)))].filter(
		name => ledgers.filter(({devices}) => devices.some(({device}) => device === name)).length > 1,
	);

function overview(ledgers: readonly Ledger[], names: readonly string[], style: TableStyle): string[] {
	const columns: Column[] = [
		{title: 'Run'},
		{title: 'scheme', expendable: 1},
		...comparedMetrics.map(
			({title, expendable}): Column => ({title, align: 'right', ...(expendable !== undefined && {expendable})}),
		),
	];
	const rows = ledgers.map((ledger, index) => [
		names[index]!,
		ledger.scheme,
		...comparedMetrics.map(metric => metricCell(metric, ledger, ledgers[0]!)),
	]);
	return textTable(columns, rows, style);
}

function deviceRows(ledgers: readonly Ledger[], names: readonly string[], style: TableStyle): string[] {
	const shared = sharedDevices(ledgers);
	if (shared.length === 0) {
		return [];
	}
	const rows = shared.flatMap(name => {
		const entries = ledgers.map(({devices}) => devices.find(({device}) => device === name));
		const first = entries.find(entry => entry !== undefined);
		return entries.flatMap((entry, index) =>
			entry && first
				? [
						[
							entry === first ? markedName(entry) : '',
							names[index]!,
							against(duration, entry.phases.compute.seconds, first.phases.compute.seconds),
							against(
								duration,
								entry.phases.send.seconds + entry.phases.receive.seconds,
								first.phases.send.seconds + first.phases.receive.seconds,
							),
							duration(phaseSeconds(entry)),
							against(energy, entry.joules, first.joules) + (isModelled(entry) ? ' *' : ''),
						],
					]
				: [],
		);
	});
	return textTable(
		[
			{title: 'Device'},
			{title: 'run'},
			{title: 'computing', align: 'right'},
			{title: 'link', align: 'right'},
			{title: 'all phases', align: 'right', expendable: 1},
			{title: 'energy', align: 'right'},
		],
		rows,
		style,
	);
}

/**
 * A table with a row per ledger and, where ledgers share devices, one with a row per device and ledger. «(0.5×)» is the ratio
 * to the first ledger in which the value occurs.
 */
export function compareText(ledgers: readonly Ledger[], options: TableStyle): string {
	if (ledgers.length === 0) {
		return 'Nothing to compare.\n';
	}
	const style: TableStyle = {...options, width: Math.max(40, options.width)};
	const names = ledgerNames(ledgers);
	const marks = ledgers.flatMap((ledger, index) =>
		honestMarks(ledger).map(mark => (ledgers.length > 1 ? `${names[index]}: ${mark}` : mark)),
	);
	const blocks = [
		overview(ledgers, names, style),
		deviceRows(ledgers, names, style),
		marks.flatMap(mark => wrap(mark, style.width - 2, '  ')),
	];
	return `${blocks
		.filter(lines => lines.length > 0)
		.map(lines => lines.join('\n'))
		.join('\n\n')}\n`;
}
