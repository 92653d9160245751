/** A prediction held against what was measured, as text for a terminal. */
import type {Ledger} from '../../core/ledger/ledger.js';
import type {Prediction} from '../../core/ledger/prediction.js';
import {oneLine} from '../format.js';
import {type Column, type TableStyle, textTable, wrap} from '../table.js';
import {checkPrediction} from './check.js';
import {
	alternativeColumns,
	alternativeRows,
	bottleneckLines,
	type CheckColumn,
	chosenFor,
	deviceColumns,
	deviceRows,
	totalColumns,
	totalRows,
} from './rows.js';

const columnsOf = (columns: readonly CheckColumn[]): Column[] =>
	columns.map(({title, expendable, wraps, text}) => ({
		title,
		...(text ? {} : {align: 'right' as const}),
		...(expendable === undefined ? {} : {expendable}),
		...(wraps === undefined ? {} : {wraps}),
	}));

/** Blocks of lines: totals and bottleneck, devices, remarks, and the plans that were weighed. */
export function predictionBlocks(measured: Ledger, prediction: Prediction, style: TableStyle): string[][] {
	const check = checkPrediction(measured, prediction);
	const sentences = (lines: readonly string[]) => lines.flatMap(line => wrap(line, style.width, '  '));
	return [
		[
			...wrap(`Predicted against measured. ${oneLine(chosenFor(prediction))}`, style.width, '  '),
			...textTable(columnsOf(totalColumns), totalRows(check), style),
		],
		sentences(bottleneckLines(check)),
		textTable(columnsOf(deviceColumns), deviceRows(check), style),
		sentences(check.remarks),
		prediction.alternatives.length > 0
			? textTable(columnsOf(alternativeColumns(prediction)), alternativeRows(prediction), style)
			: [],
	];
}
