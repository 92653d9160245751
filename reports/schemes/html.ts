/** Schemes side by side as a web page with pictures, complete in itself. */

import {comparePictures} from '../compare/pictures.js';
import {integer} from '../format.js';
import {type Content, markup} from '../html/markup.js';
import {htmlTable, markList, page} from '../html/page.js';
import {drawn, failuresOf, type SchemeComparison, schemeCells, schemeMarks, schemeMetrics} from './comparison.js';

const list = (title: string, lines: readonly string[], kind: string): Content =>
	lines.length > 0 &&
	markup`<h2>${title}</h2>\n<ul class="${kind}">${lines.map(line => markup`<li>${line}</li>`)}</ul>\n`;

/** The whole page. It loads nothing from anywhere; every text that came from outside is escaped. */
export function schemesHtml(comparison: SchemeComparison): string {
	const {task, notes, results} = comparison;
	const shown = drawn(comparison);
	const seeds = Math.max(0, ...results.map(({runs}) => runs.length));
	const over = seeds > 1 ? `, mean ± deviation over ${integer(seeds)} seeds` : '';
	const pictures = comparePictures(
		shown.map(({ledger}) => ledger),
		shown.map(({name}) => name),
	);
	return page('Schemes compared', [
		markup`<header><h1>${integer(results.length)} schemes, one task</h1>\n<p>${task}</p></header>\n`,
		htmlTable(
			`What each reached and cost${over}, and in brackets how many times the first`,
			[{title: 'Scheme'}, ...schemeMetrics.map(({title}) => ({title}))],
			results.map(result => [result.scheme, ...schemeCells(result, results)]),
		),
		list('What failed', failuresOf(comparison), 'notes'),
		markup`<details><summary>What the schemes are</summary><ul class="notes">${results.map(
			({scheme, description}) => markup`<li><strong>${scheme}</strong>: ${description}</li>`,
		)}</ul></details>\n`,
		markList(notes),
		pictures.length > 0 && markup`<section class="pictures">${pictures}</section>\n`,
		seeds > 1 && markup`<p class="soft">The pictures show the first seed of each scheme.</p>\n`,
		markList(schemeMarks(comparison)),
		markup`<footer>Written by fpl.</footer>`,
	]);
}
