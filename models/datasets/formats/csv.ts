/** Comma-separated values (RFC 4180): quoted fields, doubled quotes, line breaks within quotes, LF or CRLF. */
import {formatError} from './bytes.js';

export interface Row {
	/** Line on which the row starts, from 1. */
	readonly line: number;
	readonly fields: readonly string[];
}

export interface CsvOptions {
	/** One character; `,` by default. */
	readonly delimiter?: string;
	/** Most fields in a row, 65,536 by default. */
	readonly maxFields?: number;
}

/**
 * Rows one after the other; empty lines are passed over.
 * @param file names the place in errors.
 * @throws FplError `DATA_FORMAT` with line and field for a stray or missing quote, or too many fields.
 */
export function* parseCsv(text: string, file: string, options: CsvOptions = {}): Generator<Row> {
	const {delimiter = ',', maxFields = 65_536} = options;
	// A byte-order mark is no part of the first name.
	let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
	let line = 1;
	let fields: string[] = [];
	let rowLine = line;
	const fault = (problem: string) => formatError(`${file}, line ${line}, field ${fields.length + 1}`, {problem});

	/** The text up to the closing quote, with doubled quotes made single; `at` stands after it. */
	const quoted = (): string => {
		let value = '';
		for (;;) {
			const end = text.indexOf('"', at);
			if (end < 0) {
				line = rowLine;
				throw fault('a quoted field is never closed');
			}
			for (let feed = text.indexOf('\n', at); feed >= 0 && feed < end; feed = text.indexOf('\n', feed + 1)) {
				line += 1;
			}
			value += text.slice(at, end);
			at = end + 1;
			if (text[at] !== '"') {
				return value;
			}
			value += '"';
			at += 1;
		}
	};
	const plain = (): string => {
		const start = at;
		while (at < text.length && text[at] !== delimiter && text[at] !== '\n' && text[at] !== '\r') {
			if (text[at] === '"') {
				throw fault('a quote stands within an unquoted field');
			}
			at += 1;
		}
		return text.slice(start, at);
	};

	while (at < text.length) {
		let value: string;
		if (text[at] === '"') {
			at += 1;
			value = quoted();
			if (at < text.length && text[at] !== delimiter && text[at] !== '\n' && text[at] !== '\r') {
				throw fault('there is text after a closing quote');
			}
		} else {
			value = plain();
		}
		fields.push(value);
		if (fields.length > maxFields) {
			throw fault(`there are more than ${maxFields} fields`);
		}
		if (text[at] === delimiter) {
			at += 1;
			if (at < text.length) {
				continue;
			}
			fields.push('');
		}
		at += text[at] === '\r' && text[at + 1] === '\n' ? 2 : 1;
		if (fields.length > 1 || fields[0] !== '') {
			yield {line: rowLine, fields};
		}
		fields = [];
		line += 1;
		rowLine = line;
	}
}
