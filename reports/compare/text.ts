/** Several ledgers side by side as text: predicted against measured, or one scheme against another. */
import type {Ledger} from '../../core/ledger/ledger.js';
import {markedName} from '../summary.js';
import {type Column, type TableStyle, textTable, wrap} from '../table.js';
import {comparedDevices, comparedMarks, comparedMetrics, ledgerNames, metricCell} from './compare.js';

function overview(ledgers: readonly Ledger[], style: TableStyle): string[] {
	const names = ledgerNames(ledgers);
	const columns: Column[] = [
		{title: 'Run', wraps: 16},
		{title: 'scheme', expendable: 1, wraps: 14},
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

function deviceRows(ledgers: readonly Ledger[], style: TableStyle): string[] {
	const rows = comparedDevices(ledgers).flatMap(list =>
		list.map(row => [
			row.first ? markedName(row.entry) : '',
			row.ledger,
			row.computing,
			row.link,
			row.allPhases,
			row.origin === 'modelled' ? `${row.energy} *` : row.energy,
		]),
	);
	if (rows.length === 0) {
		return [];
	}
	return textTable(
		[
			{title: 'Device'},
			{title: 'run'},
			{title: 'computing', align: 'right'},
			{title: 'link', align: 'right', expendable: 2},
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
	const blocks = [
		overview(ledgers, style),
		deviceRows(ledgers, style),
		comparedMarks(ledgers).flatMap(mark => wrap(mark, style.width, '  ')),
	];
	return `${blocks
		.filter(lines => lines.length > 0)
		.map(lines => lines.join('\n'))
		.join('\n\n')}\n`;
}
