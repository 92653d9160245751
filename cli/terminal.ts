/** Printing for people: tables as wide as the terminal, and plain lines. */
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

/** Sentences are not broken into columns narrower than this. */
export const leastSentence = 24;

/** Sentences for people, as wide as the terminal. */
export const printProse = (text: string): void => {
	print(
		text
			.split('\n')
			.map(line => (process.stdout.columns === undefined ? line : wrap(line, process.stdout.columns).join('\n')))
			.join('\n'),
	);
};
