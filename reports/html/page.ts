/** The frame of every report page: complete in itself and forbidden to fetch anything, or to run what it did not come with. */
import {createHash} from 'node:crypto';
import {type Content, Markup, markup} from './markup.js';
import {style} from './style.js';

export interface PageExtras {
	/** CSS in addition. */
	readonly style?: string;
	/** The page's only script, at its end; the policy allows this text and no other. */
	readonly script?: string;
}

function policyFor({script}: PageExtras): string {
	const policy = "default-src 'none'; style-src 'unsafe-inline'";
	return script === undefined
		? policy
		: `${policy}; script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`;
}

/** @param extras written by us alone: nothing in them is escaped. */
export const page = (title: string, body: Content, extras: PageExtras = {}): string =>
	`<!doctype html>\n${
		markup`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policyFor(extras)}">
<title>${title}</title>
<style>${new Markup(style + (extras.style ?? ''))}</style>
</head>
<body>
${body}
${extras.script !== undefined && new Markup(`<script>${extras.script}</script>`)}
</body>
</html>
`.text
	}`;

export interface HtmlColumn {
	readonly title: string;
	/** Texts are aligned left, numbers right. */
	readonly text?: boolean;
}

/** A table that scrolls sideways in its box when the page is narrower. The first cell of a row is its heading. */
export const htmlTable = (
	caption: string,
	columns: readonly HtmlColumn[],
	rows: readonly (readonly Content[])[],
	{total = false}: {readonly total?: boolean} = {},
): Markup => {
	const kind = (index: number) => (columns[index]?.text ? markup` class="text"` : undefined);
	const row = (cells: readonly Content[], index: number) =>
		markup`<tr${total && index === rows.length - 1 && markup` class="total"`}>${cells.map((cell, column) =>
			column === 0 ? markup`<th scope="row">${cell}</th>` : markup`<td${kind(column)}>${cell}</td>`,
		)}</tr>\n`;
	return markup`<div class="scroll" tabindex="0"><table>
<caption><span>${caption}</span></caption>
<thead><tr>${columns.map(({title}, index) => markup`<th scope="col"${kind(index)}>${title}</th>`)}</tr></thead>
<tbody>
${rows.map(row)}</tbody>
</table></div>
`;
};

/** Where a number of joules comes from, as a table shows it. */
export const originCell = (origin: string): Content =>
	origin === 'modelled' || origin === 'predicted'
		? markup`<span class="badge">${origin}</span>`
		: `measured by ${origin}`;

export interface Card {
	readonly title: string;
	readonly value: string;
	readonly remark?: string | undefined;
}

/** The key figures of a page. */
export const cards = (list: readonly Card[]): Markup =>
	markup`<dl class="cards">${list.map(
		({title, value, remark}) =>
			markup`<div><dt>${title}</dt><dd>${value}${remark !== undefined && markup`<small>${remark}</small>`}</dd></div>`,
	)}</dl>\n`;

export const markList = (marks: readonly string[]): Markup | undefined =>
	marks.length === 0 ? undefined : markup`<ul class="marks">${marks.map(mark => markup`<li>${mark}</li>`)}</ul>\n`;
