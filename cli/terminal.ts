/** Printing for people: tables as wide as the terminal, and plain lines. */
import {textWidth} from '../reports/format.js';
import {type Column, textTable, wrap} from '../reports/table.js';

export const terminalWidth = (output: NodeJS.WriteStream = process.stdout): number => output.columns ?? 120;

export const print = (text: string): void => {
	process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
};

export const printJson = (value: unknown): void => print(JSON.stringify(value, null, '\t'));

/** In a pipe nothing is cut. */
const tableWidth = (): number => process.stdout.columns ?? Number.POSITIVE_INFINITY;

export function printTable(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
	print(textTable(columns, rows, {width: tableWidth()}).join('\n'));
}

const gap = 2;
/** Sentences are not broken into columns narrower than this. */
const leastSentence = 24;

/** Rows whose last cell is a sentence: it goes on in further rows instead of being cut. */
export function hangingRows(
	columns: readonly Column[],
	rows: readonly (readonly string[])[],
	width: number,
): string[][] {
	const widest = columns
		.slice(0, -1)
		.map(({title}, index) => Math.max(textWidth(title), ...rows.map(row => textWidth(row[index] ?? ''))));
	const left = Math.max(leastSentence, width - widest.reduce((sum, one) => sum + one + gap, 0));
	return rows.flatMap(row => {
		const lines = Number.isFinite(left) ? wrap(row.at(-1) ?? '', left) : [row.at(-1) ?? ''];
		return lines.map((line, index) => [...row.slice(0, -1).map(cell => (index === 0 ? cell : '')), line]);
	});
}

/** A table whose last column holds sentences. */
export function printSentences(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
	printTable(columns, hangingRows(columns, rows, tableWidth()));
}
