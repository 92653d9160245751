/** Schemes side by side as text for a terminal: a table, why some failed, and what a reader must know. */
import {oneLine} from '../format.js';
import {type Column, type TableStyle, textTable, wrap} from '../table.js';
import {failuresOf, type SchemeComparison, schemeCells, schemeMarks, schemeMetrics} from './comparison.js';

/** Ends with a line end. «(0.5×)» is the ratio to the first scheme; «±» is the standard deviation over the seeds. */
export function schemesText(comparison: SchemeComparison, options: TableStyle): string {
	const {task, notes, results} = comparison;
	const style: TableStyle = {...options, width: Math.max(40, options.width)};
	const columns: Column[] = [
		{title: 'Scheme'},
		...schemeMetrics.map(
			({title, expendable = 1}, index): Column => ({title, align: 'right', ...(index > 0 && {expendable})}),
		),
	];
	const paragraphs = (lines: readonly string[]) => lines.flatMap(line => wrap(line, style.width, '  '));
	const blocks = [
		wrap(oneLine(task), style.width, '  '),
		textTable(
			columns,
			results.map(result => [result.scheme, ...schemeCells(result, results)]),
			style,
		),
		paragraphs(failuresOf(comparison)),
		paragraphs(notes),
		paragraphs(schemeMarks(comparison)),
	];
	return `${blocks
		.filter(lines => lines.length > 0)
		.map(lines => lines.join('\n'))
		.join('\n\n')}\n`;
}
