/** Printing for people: tables as wide as the terminal, and plain lines. */
import {type Column, textTable, wrap} from '../reports/table.js';

/** Some terminals say that they have no columns: of these as little is known as of a pipe. */
const columnsOf = ({columns}: NodeJS.WriteStream): number | undefined => (columns > 0 ? columns : undefined);

export const terminalWidth = (output: NodeJS.WriteStream = process.stdout): number => columnsOf(output) ?? 120;

export const print = (text: string): void => {
	process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
};

export const printJson = (value: unknown): void => print(JSON.stringify(value, null, '\t'));

/** In a pipe nothing is cut. */
const tableWidth = (): number => columnsOf(process.stdout) ?? Number.POSITIVE_INFINITY;

export function printTable(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
	print(textTable(columns, rows, {width: tableWidth()}).join('\n'));
}

/** Sentences are not broken into columns narrower than this. */
export const leastSentence = 24;

/** Sentences for people, as wide as the terminal. */
export const printProse = (text: string): void => {
	const width = columnsOf(process.stdout);
	print(
		text
			.split('\n')
			.map(line => (width === undefined ? line : wrap(line, width).join('\n')))
			.join('\n'),
	);
};
