/** Tables of text that fit the width of a terminal: columns that matter less give way first. */
import {cut, oneLine, textWidth} from './format.js';

export interface Column {
	readonly title: string;
	readonly align?: 'left' | 'right';
	/** Columns with the highest number are left out first when the table is too wide; without a number never. */
	readonly expendable?: number;
}

export interface TableStyle {
	/** Columns of the terminal. */
	readonly width: number;
	/** Only ASCII for lines, for terminals and files that know nothing else. */
	readonly ascii?: boolean;
}

const gap = '  ';
/** Texts narrower than this say nothing. */
const leastWidth = 6;

function pad(text: string, width: number, align: 'left' | 'right'): string {
	const fill = ' '.repeat(Math.max(0, width - textWidth(text)));
	return align === 'right' ? fill + text : text + fill;
}

/**
 * Lines of a table with a rule below its titles (and above its last row where `total` is set), and a last line
 * that names the columns left out (unless `quiet`).
 * @param rows cells in the order of the columns.
 */
export function textTable(
	columns: readonly Column[],
	rows: readonly (readonly string[])[],
	{width, ascii = false}: TableStyle,
	{total = false, quiet = false}: {readonly total?: boolean; readonly quiet?: boolean} = {},
): string[] {
	const cells = rows.map(row => row.map(oneLine));
	let kept = columns.map((_, index) => index);
	const natural = columns.map(({title}, index) =>
		cells.reduce((most, row) => Math.max(most, textWidth(row[index] ?? '')), textWidth(title)),
	);
	const needed = () => kept.reduce((sum, index) => sum + natural[index]!, 0) + gap.length * (kept.length - 1);
	const dropped: string[] = [];
	while (needed() > width) {
		const next = kept
			.filter(index => columns[index]!.expendable !== undefined)
			.sort((a, b) => columns[b]!.expendable! - columns[a]!.expendable! || b - a)[0];
		if (next === undefined) {
			break;
		}
		kept = kept.filter(index => index !== next);
		dropped.push(columns[next]!.title);
	}
	const widths = new Map(kept.map(index => [index, natural[index]!]));
	while (needed() > width) {
		// The widest column of text is cut, letter by letter; numbers are never cut.
		const widest = kept
			.filter(index => columns[index]!.align !== 'right' && widths.get(index)! > leastWidth)
			.sort((a, b) => widths.get(b)! - widths.get(a)!)[0];
		if (widest === undefined) {
			break;
		}
		natural[widest]! -= 1;
		widths.set(widest, natural[widest]!);
	}
	while (needed() > width && kept.length > 2) {
		dropped.push(columns[kept.pop()!]!.title);
	}
	const line = (row: readonly string[]) =>
		kept
			.map(index => {
				const {align = 'left'} = columns[index]!;
				const most = widths.get(index)!;
				const text = row[index] ?? '';
				return pad(align === 'right' ? text : cut(text, most), most, align);
			})
			.join(gap)
			.trimEnd();
	const rule = (ascii ? '-' : '─').repeat(Math.min(width, Math.max(needed(), 1)));
	const lines = cells.map(line);
	const last = total && lines.length > 0 ? [rule, lines.at(-1)!] : lines.slice(-1);
	return [
		line(columns.map(({title}) => title)),
		rule,
		...lines.slice(0, -1),
		...last,
		...(dropped.length > 0 && !quiet ? [cut(`(too narrow for: ${dropped.reverse().join(', ')})`, width)] : []),
	];
}

/** A space that may become a line end: not the one between a number and its unit. */
const breakable = /(?<!\d) | (?!(?:[kMGTmµn]?[sBJW]|%|min|h)(?!\p{L}))/u;

/** Text broken into lines of at most `most` columns, at spaces where there are any; lines after the first are indented. */
export function wrap(text: string, most: number, indent = ''): string[] {
	const width = Math.max(1, most - textWidth(indent));
	const lines: string[] = [];
	let line = '';
	for (let word of oneLine(text).split(breakable)) {
		while (textWidth(word) > width) {
			const head = [...word].slice(0, Math.max(1, Math.floor(width / 2)));
			if (line !== '') {
				lines.push(line);
				line = '';
			}
			lines.push(head.join(''));
			word = word.slice(head.join('').length);
		}
		if (line !== '' && textWidth(line) + 1 + textWidth(word) > width) {
			lines.push(line);
			line = word;
		} else {
			line = line === '' ? word : `${line} ${word}`;
		}
	}
	lines.push(line);
	return lines.map((text, index) => (index === 0 ? text : indent + text));
}
