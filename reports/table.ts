/** Tables of text that fit the width of a terminal: columns that matter less give way first. */
import {cut, oneLine, textWidth} from './format.js';

export interface Column {
	readonly title: string;
	readonly align?: 'left' | 'right';
	/** Columns with the highest number are left out first when the table is too wide; without a number never. */
	readonly expendable?: number;
	/** Texts go on in further lines instead of being cut, in a column of at least this width: before others are left out. */
	readonly wraps?: number;
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

interface Layout {
	/** Columns that have a place, by index, and how wide each is. */
	readonly widths: ReadonlyMap<number, number>;
	readonly dropped: readonly string[];
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

/** What gives way, in this order: texts that may be broken, columns that matter less, texts that are cut, the last columns. */
function layoutOf(columns: readonly Column[], natural: readonly number[], width: number): Layout {
	let widths = new Map(natural.entries());
	const dropped: string[] = [];
	const excess = () => sum(widths.values()) + gap.length * (widths.size - 1) - width;
	/** Takes from the widest of some columns until all fit or none is wider than its least. */
	const shrink = (leastOf: (column: Column) => number | undefined): void => {
		while (excess() > 0) {
			const [widest] = [...widths]
				.filter(([index, now]) => now > (leastOf(columns[index]!) ?? Number.POSITIVE_INFINITY))
				.sort(([, a], [, b]) => b - a);
			if (!widest) {
				return;
			}
			widths.set(widest[0], widest[1] - 1);
		}
	};
	const drop = (index: number): void => {
		dropped.push(columns[index]!.title);
		// What was broken for want of room may not have to be.
		widths = new Map([...widths.keys()].filter(one => one !== index).map(one => [one, natural[one]!]));
	};
	shrink(({wraps}) => wraps);
	while (excess() > 0) {
		const [next] = [...widths.keys()]
			.filter(index => columns[index]!.expendable !== undefined)
			.sort((a, b) => columns[b]!.expendable! - columns[a]!.expendable! || b - a);
		if (next === undefined) {
			break;
		}
		drop(next);
		shrink(({wraps}) => wraps);
	}
	// Numbers are never cut.
	const text = ({align}: Column) => (align === 'right' ? undefined : leastWidth);
	shrink(text);
	while (excess() > 0 && widths.size > 2) {
		drop([...widths.keys()].at(-1)!);
		shrink(text);
	}
	return {widths, dropped};
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
	const natural = columns.map(({title}, index) =>
		cells.reduce((most, row) => Math.max(most, textWidth(row[index] ?? '')), textWidth(title)),
	);
	const {widths, dropped} = layoutOf(columns, natural, width);
	const line = (texts: ReadonlyMap<number, string>) =>
		[...widths]
			.map(([index, most]) => {
				const {align = 'left'} = columns[index]!;
				const text = texts.get(index) ?? '';
				return pad(align === 'right' ? text : cut(text, most), most, align);
			})
			.join(gap)
			.trimEnd();
	/** As many lines as its longest text that may be broken needs. */
	const linesOf = (row: readonly string[]): string[] => {
		const parts = [...widths].map(([index, most]) => {
			const text = row[index] ?? '';
			return [index, columns[index]!.wraps === undefined ? [text] : wrap(text, most)] as const;
		});
		const count = Math.max(...parts.map(([, texts]) => texts.length));
		return Array.from({length: count}, (_, at) =>
			line(new Map(parts.map(([index, texts]) => [index, texts[at] ?? '']))),
		);
	};
	const whole = sum(widths.values()) + gap.length * (widths.size - 1);
	const rule = (ascii ? '-' : '─').repeat(Math.min(width, Math.max(whole, 1)));
	const body = cells.map(linesOf);
	const last = total && body.length > 0 ? [rule, ...body.at(-1)!] : body.slice(-1).flat();
	return [
		...linesOf(columns.map(({title}) => title)),
		rule,
		...body.slice(0, -1).flat(),
		...last,
		...(dropped.length > 0 && !quiet ? [cut(`(too narrow for: ${dropped.toReversed().join(', ')})`, width)] : []),
	];
}

/** A space that may become a line end: not the one between a number and its unit. */
const breakable = /(?<!\d) | (?!(?:[kMGTmµn]?[sBJW]|%|min|h)(?!\p{L}))/u;

/** As much of a word as fits, but one character at least. */
function headOf(word: string, width: number): string {
	let head = '';
	for (const character of word) {
		if (head !== '' && textWidth(head + character) > width) {
			break;
		}
		head += character;
	}
	return head;
}

/** Text broken into lines of at most `most` columns, at spaces where there are any; lines after the first are indented. */
export function wrap(text: string, most: number, indent = ''): string[] {
	const width = Math.max(1, most - textWidth(indent));
	const lines: string[] = [];
	let line = '';
	for (let word of oneLine(text).split(breakable)) {
		while (textWidth(word) > width) {
			const head = headOf(word, width);
			if (line !== '') {
				lines.push(line);
				line = '';
			}
			lines.push(head);
			word = word.slice(head.length);
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
