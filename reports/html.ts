/** A ledger as a web page: one file with everything in it, no scripts, for light and dark screens, phones and desks. */
import {type Ledger, phases} from '../core/ledger/ledger.js';
import type {Prediction} from '../core/ledger/prediction.js';
import {byteCount, dash, duration, energy, fraction, integer, loss, percent, when} from './format.js';
import {type Content, type Markup, markup} from './html/markup.js';
import {cards, htmlTable, markList, originCell, page} from './html/page.js';
import {pictures} from './html/pictures.js';
import {inferenceCards, intervalColumns, intervalRow} from './inference.js';
import {predictionSection} from './predicted/html.js';
import {sourceColumns, sourceRows} from './sources.js';
import {
	codecText,
	energyOrigin,
	energyText,
	honestMarks,
	isEncoded,
	markedName,
	phaseSeconds,
	someRounds,
	stateText,
	summarise,
} from './summary.js';

/** Rows of the table of rounds at most; the CSV has them all. */
const mostRounds = 200;
const mostNotes = 200;

const emulatedBadge = markup`<span class="badge">emulated</span>`;

const trainingCards = ({accuracy, loss: last}: Ledger['final']) => [
	...(accuracy === undefined ? [] : [{title: 'Test accuracy', value: percent(accuracy)}]),
	{title: 'Loss', value: loss(last)},
];

function head(ledger: Ledger): Markup {
	const sums = summarise(ledger);
	const {final} = ledger;
	const modelled =
		sums.modelledJoules <= 0
			? undefined
			: energyText(sums.joules, sums.modelledJoules).replace(energy(sums.joules), '').trim();
	return markup`<header>
<h1>${ledger.model} on ${ledger.dataset}</h1>
<p>${ledger.scheme}</p>
<p class="soft">Run ${ledger.run || dash}, ${ledger.kind}. Started ${when(ledger.startedAt)}.</p>
<p class="${final.state}">${ledger.kind === 'predicted' ? 'Predicted' : final.state === 'done' ? 'Done' : stateText(ledger)}</p>
</header>
${cards([
	...(ledger.inference ? inferenceCards(ledger.inference) : trainingCards(final)),
	{title: 'Time', value: duration(ledger.seconds)},
	{title: 'Bytes moved', value: byteCount(sums.bytes)},
	{title: 'Energy', value: energy(sums.joules), remark: modelled},
	ledger.inference
		? {title: 'Intervals', value: integer(sums.rounds), remark: `${integer(sums.steps)} batches`}
		: {
				title: 'Rounds',
				value: integer(sums.rounds),
				remark: `${integer(sums.steps)} steps, ${fraction(sums.epochs)} epochs`,
			},
	{title: 'Devices', value: integer(sums.devices)},
])}`;
}

function deviceTables(ledger: Ledger): Markup {
	const {devices} = ledger;
	const sums = summarise(ledger);
	const total = devices.length > 1;
	const closing = (row: readonly Content[]) => (total ? [row] : []);
	const all = devices.reduce((sum, device) => sum + phaseSeconds(device), 0);
	const encoded = isEncoded(ledger);
	const sources = sourceRows(ledger);
	return markup`${htmlTable(
		'Who took part',
		[
			{title: 'Device'},
			{title: 'profile', text: true},
			{title: 'role', text: true},
			{title: 'items'},
			{title: 'rounds'},
			{title: 'memory'},
		],
		devices.map(device => [
			device.device,
			[device.profile, device.emulated && markup` ${emulatedBadge}`],
			device.role,
			integer(device.items),
			`${integer(device.roundsDone)}/${integer(device.roundsAsked)}`,
			byteCount(device.peakMemoryBytes),
		]),
	)}${htmlTable(
		'Time',
		[{title: 'Device'}, ...phases.map(title => ({title})), {title: 'sum'}],
		[
			...devices.map(device => [
				markedName(device),
				...phases.map(phase => duration(device.phases[phase].seconds)),
				duration(phaseSeconds(device)),
			]),
			...closing(['all', ...phases.map(phase => duration(sums.phases[phase].seconds)), duration(all)]),
		],
		{total},
	)}${htmlTable(
		'Bytes and energy',
		[
			{title: 'Device'},
			{title: 'sent'},
			{title: 'received'},
			...phases.map(title => ({title})),
			{title: 'radio, contained'},
			{title: 'energy'},
			{title: 'which is', text: true},
			...(encoded ? [{title: 'tensors encoded', text: true}] : []),
		],
		[
			...devices.map(device => [
				markedName(device),
				byteCount(device.bytesSent),
				byteCount(device.bytesReceived),
				...phases.map(phase => energy(device.phases[phase].joules)),
				energy(device.radioJoules),
				energy(device.joules),
				originCell(energyOrigin(ledger, device)),
				...(encoded ? [codecText(device) ?? dash] : []),
			]),
			...closing([
				'all',
				byteCount(sums.bytesSent),
				byteCount(sums.bytesReceived),
				...phases.map(phase => energy(sums.phases[phase].joules)),
				energy(devices.reduce((sum, {radioJoules}) => sum + radioJoules, 0)),
				energy(sums.joules),
				'',
				...(encoded ? [''] : []),
			]),
		],
		{total},
	)}${sources.length > 0 && htmlTable('Where the energy comes from', sourceColumns, sources)}`;
}

function roundSection({rounds, inference}: Ledger): Markup | undefined {
	if (rounds.length === 0) {
		return undefined;
	}
	const shown = someRounds(rounds, mostRounds);
	const caption = shown.length < rounds.length ? `${shown.length} of ${rounds.length} rounds` : 'Rounds';
	if (inference) {
		return markup`<details><summary>Table of intervals (${integer(rounds.length)})</summary>
${htmlTable(
	shown.length < rounds.length ? `${shown.length} of ${rounds.length} intervals` : 'Intervals',
	intervalColumns.map(({title}) => ({title})),
	shown.map(intervalRow),
)}</details>
`;
	}
	return markup`<details><summary>Table of rounds (${integer(rounds.length)})</summary>
${htmlTable(
	caption,
	['Round', 'step', 'epoch', 'at', 'took', 'loss', 'test loss', 'accuracy', 'bytes', 'energy', 'devices'].map(
		title => ({
			title,
		}),
	),
	shown.map(record => [
		integer(record.round + 1),
		integer(record.step),
		fraction(record.epoch),
		duration(record.at),
		duration(record.seconds),
		loss(record.loss),
		loss(record.testLoss),
		percent(record.accuracy),
		byteCount(record.bytes),
		energy(record.joules),
		integer(record.devices.length),
	]),
)}</details>
`;
}

function noteSection({notes}: Ledger): Markup | undefined {
	if (notes.length === 0) {
		return undefined;
	}
	return markup`<h2>Notes</h2>
<ul class="notes">${notes
		.slice(0, mostNotes)
		.map(
			({at, device, text}) =>
				markup`<li><time>${duration(at)}</time> ${device !== undefined && markup`<strong>${device}</strong>: `}${text}</li>\n`,
		)}${notes.length > mostNotes && markup`<li>${notes.length - mostNotes} more</li>`}</ul>
`;
}

/**
 * The whole page. It loads nothing from anywhere; every text that came from outside is escaped.
 * @param prediction what was predicted of the run.
 */
export function reportHtml(ledger: Ledger, prediction?: Prediction): string {
	const drawn = pictures(ledger);
	return page(`${ledger.run || 'Run'}: ${ledger.model}`, [
		head(ledger),
		markList(honestMarks(ledger)),
		drawn.length > 0 && markup`<section class="pictures">${drawn}</section>\n`,
		prediction && predictionSection(ledger, prediction),
		markup`<h2>Devices</h2>\n`,
		ledger.devices.length > 0 ? deviceTables(ledger) : markup`<p>No device took part.</p>\n`,
		ledger.rounds.length > 0 ? roundSection(ledger) : markup`<p>No round was finished.</p>\n`,
		noteSection(ledger),
		markup`<footer>Written by fpl. Time is spent in phases: compute; send and receive (the link); wait (for other devices); idle (nothing asked).</footer>`,
	]);
}
