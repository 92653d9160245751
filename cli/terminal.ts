/** Printing for people: tables as wide as the terminal, and plain lines. */
import {type Column, textTable} from '../reports/table.js';

export const terminalWidth = (): number => process.stdout.columns ?? 120;

export const print = (text: string): void => {
	process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
};

export const printJson = (value: unknown): void => print(JSON.stringify(value, null, '\t'));

export function printTable(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
	print(textTable(columns, rows, {width: terminalWidth()}).join('\n'));
}
