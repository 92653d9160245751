/** Several ledgers side by side as a web page: predicted against measured, or one scheme against another. */
import type {Ledger} from '../../core/ledger/ledger.js';
import {integer} from '../format.js';
import {type Markup, markup} from '../html/markup.js';
import {htmlTable, markList, originCell, page} from '../html/page.js';
import {markedName} from '../summary.js';
import {comparedDevices, comparedMarks, comparedMetrics, ledgerNames, metricCell} from './compare.js';
import {comparePictures} from './pictures.js';

function overview(ledgers: readonly Ledger[]): Markup {
	const names = ledgerNames(ledgers);
	return htmlTable(
		'Runs, and in brackets how many times the first',
		[
			{title: 'Run'},
			{title: 'model', text: true},
			{title: 'scheme', text: true},
			...comparedMetrics.map(({title}) => ({title})),
		],
		ledgers.map((ledger, index) => [
			names[index]!,
			`${ledger.model} on ${ledger.dataset}`,
			[ledger.scheme, ledger.kind === 'predicted' && markup` <span class="badge">predicted</span>`],
			...comparedMetrics.map(metric => metricCell(metric, ledger, ledgers[0]!)),
		]),
	);
}

function deviceTable(ledgers: readonly Ledger[]): Markup | undefined {
	const devices = comparedDevices(ledgers);
	if (devices.length === 0) {
		return undefined;
	}
	return markup`<h2>Devices</h2>
${htmlTable(
	'Devices that occur in more than one run',
	[
		{title: 'Device'},
		{title: 'run', text: true},
		{title: 'computing'},
		{title: 'link'},
		{title: 'all phases'},
		{title: 'energy'},
		{title: 'which is', text: true},
	],
	devices.flatMap(list =>
		list.map(({entry, first, ledger, computing, link, allPhases, energy, origin}) => [
			first ? markedName(entry) : '',
			ledger,
			computing,
			link,
			allPhases,
			energy,
			originCell(origin),
		]),
	),
)}`;
}

/** The whole page. It loads nothing from anywhere; every text that came from outside is escaped. */
export function compareHtml(ledgers: readonly Ledger[]): string {
	if (ledgers.length === 0) {
		return page('Comparison', markup`<h1>Comparison</h1>\n<p>Nothing to compare.</p>\n`);
	}
	const drawn = comparePictures(ledgers);
	return page('Comparison of runs', [
		markup`<header><h1>Comparison of ${integer(ledgers.length)} runs</h1></header>\n`,
		overview(ledgers),
		markList(comparedMarks(ledgers)),
		drawn.length > 0 && markup`<section class="pictures">${drawn}</section>\n`,
		deviceTable(ledgers),
		markup`<footer>Written by fpl.</footer>`,
	]);
}
