/** A ledger as text for a terminal: where did the time, the bytes and the energy go, per device. */
import {type DeviceLedger, type Ledger, phases} from '../core/ledger/ledger.js';
import type {Prediction} from '../core/ledger/prediction.js';
import {byteCount, dash, duration, energy, fraction, integer, loss, oneLine, percent, when} from './format.js';
import {extentOf, intervalColumns, intervalRow, latencyText, throughputText} from './inference.js';
import {predictionBlocks} from './predicted/text.js';
import {sourceColumns, sourceRows} from './sources.js';
import {
	codecText,
	energyOrigin,
	energyText,
	honestMarks,
	isEncoded,
	isModelled,
	markedName,
	phaseSeconds,
	someRounds,
	stateText,
	summarise,
} from './summary.js';
import {type Column, type TableStyle, textTable, wrap} from './table.js';
import {timelineLines} from './timeline.js';

export interface TextOptions extends TableStyle {
	/** Rounds shown at most. */
	readonly rounds?: number;
	/** Notes shown at most. */
	readonly notes?: number;
	/** What was predicted of the run. */
	readonly prediction?: Prediction | undefined;
}

const right = (title: string, expendable?: number): Column => ({
	title,
	align: 'right',
	...(expendable !== undefined && {expendable}),
});

const withTotal = (devices: Ledger['devices'], rows: string[][], total: string[]): string[][] =>
	devices.length > 1 ? [...rows, total] : rows;

const deviceTable = ({devices}: Ledger, style: TableStyle): string[] =>
	textTable(
		[
			{title: 'Device'},
			{title: 'profile'},
			{title: 'role', expendable: 2, wraps: 12},
			right('items', 3),
			right('rounds'),
			right('memory', 4),
		],
		devices.map(device => [
			device.device,
			device.emulated ? `${device.profile}, emulated` : device.profile,
			device.role,
			integer(device.items),
			`${integer(device.roundsDone)}/${integer(device.roundsAsked)}`,
			byteCount(device.peakMemoryBytes),
		]),
		style,
	);

function timeTable(ledger: Ledger, style: TableStyle): string[] {
	const {devices} = ledger;
	const totals = summarise(ledger).phases;
	const rows = devices.map(device => [
		markedName(device),
		...phases.map(phase => duration(device.phases[phase].seconds)),
		duration(phaseSeconds(device)),
	]);
	const sum = devices.reduce((total, device) => total + phaseSeconds(device), 0);
	const total = ['all', ...phases.map(phase => duration(totals[phase].seconds)), duration(sum)];
	return textTable(
		[{title: 'Time'}, ...phases.map(phase => right(phase, phase === 'idle' ? 2 : undefined)), right('sum', 1)],
		withTotal(devices, rows, total),
		style,
		{total: devices.length > 1},
	);
}

function energyTable(ledger: Ledger, style: TableStyle): string[] {
	const {devices} = ledger;
	const sums = summarise(ledger);
	const starred = (device: DeviceLedger) => ledger.kind === 'measured' && isModelled(device);
	// Numbers without a star stay in line with those that have one.
	const noStar = devices.some(starred) ? '  ' : '';
	const encoded = isEncoded(ledger);
	const rows = devices.map(device => [
		markedName(device),
		byteCount(device.bytesSent),
		byteCount(device.bytesReceived),
		`${energy(device.joules)}${starred(device) ? ' *' : noStar}`,
		energyOrigin(ledger, device),
		energy(device.phases.compute.joules),
		energy(device.radioJoules),
		...(encoded ? [codecText(device) ?? dash] : []),
	]);
	const total = [
		'all',
		byteCount(sums.bytesSent),
		byteCount(sums.bytesReceived),
		`${energy(sums.joules)}${noStar}`,
		'',
		energy(sums.phases.compute.joules),
		energy(devices.reduce((sum, {radioJoules}) => sum + radioJoules, 0)),
		...(encoded ? [''] : []),
	];
	return textTable(
		[
			{title: 'Bytes, energy'},
			right('sent'),
			right('received'),
			right(`energy${noStar}`),
			{title: 'which is', expendable: 3, wraps: 12},
			right('computing', 1),
			right('radio', 2),
			...(encoded ? [{title: 'tensors encoded', expendable: 4}] : []),
		],
		withTotal(devices, rows, total),
		style,
		{total: devices.length > 1},
	);
}

const sourceTable = (ledger: Ledger, style: TableStyle): string[] => {
	const rows = sourceRows(ledger);
	return rows.length === 0
		? []
		: textTable(
				sourceColumns.map(column => ('text' in column ? {title: column.title, wraps: 14} : right(column.title))),
				rows,
				style,
			);
};

function roundTable({rounds}: Ledger, style: TableStyle, most: number): string[] {
	const shown = someRounds(rounds, most);
	const table = textTable(
		[
			right('Round'),
			right('step', 3),
			right('epoch', 2),
			right('at'),
			right('took', 4),
			right('loss'),
			right('test loss', 5),
			right('accuracy'),
			right('bytes', 1),
			right('energy', 1),
			right('devices', 6),
		],
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
		style,
	);
	return shown.length < rounds.length ? [...table, `(${shown.length} of ${rounds.length} rounds shown)`] : table;
}

function intervalTable({rounds}: Ledger, style: TableStyle, most: number): string[] {
	const shown = someRounds(rounds, most);
	const table = textTable(
		intervalColumns.map(column => right(column.title, 'expendable' in column ? column.expendable : undefined)),
		shown.map(intervalRow),
		style,
	);
	return shown.length < rounds.length ? [...table, `(${shown.length} of ${rounds.length} intervals shown)`] : table;
}

function noteLines({notes}: Ledger, {width}: TableStyle, most: number): string[] {
	if (notes.length === 0) {
		return [];
	}
	const lines = notes.slice(0, most).flatMap(({at, device, text}) => {
		const start = `${duration(at)}  `;
		const who = device === undefined ? '' : `${oneLine(device)}: `;
		return wrap(`${start}${who}${text}`, width, '    ');
	});
	const rest = notes.length > most ? [`(${notes.length - most} more)`] : [];
	return ['Notes', ...lines, ...rest];
}

/** The head of a report as lines: what was run, how it ended, and the totals. */
export function headLines(ledger: Ledger): string[] {
	const sums = summarise(ledger);
	const {final} = ledger;
	const counted = (count: number, what: string) => `${integer(count)} ${what}${count === 1 ? '' : 's'}`;
	const extent = [
		counted(sums.rounds, 'round'),
		counted(sums.steps, 'step'),
		`${fraction(sums.epochs)} epochs`,
		counted(sums.devices, 'device'),
	];
	const outcome = [
		`loss ${loss(final.loss)}`,
		...(final.accuracy === undefined ? [] : [`test accuracy ${percent(final.accuracy)}`]),
		byteCount(sums.bytes),
		energyText(sums.joules, sums.modelledJoules),
	];
	const {inference} = ledger;
	return [
		`Run ${ledger.run || dash}: ${ledger.model} on ${ledger.dataset}, ${ledger.scheme} (${ledger.kind})`,
		`Started ${when(ledger.startedAt)}, ${stateText(ledger)}`,
		...(inference
			? [extentOf(ledger), throughputText(inference), latencyText(inference), outcome.slice(1).join(', ')]
			: [extent.join(', '), outcome.join(', ')]),
	].map(oneLine);
}

/** The whole report, ending with a line end. Foreign text in it holds no control characters. */
export function reportText(ledger: Ledger, options: TextOptions): string {
	const {rounds = 12, notes = 30, prediction} = options;
	// Below that nothing can be laid out; the terminal will wrap.
	const width = Math.max(40, options.width);
	const style: TableStyle = {...options, width};
	const blocks = [
		headLines(ledger).flatMap(line => wrap(line, width, '  ')),
		...(ledger.devices.length > 0
			? [deviceTable(ledger, style), timeTable(ledger, style), energyTable(ledger, style), sourceTable(ledger, style)]
			: [['No device took part.']]),
		honestMarks(ledger).flatMap(mark => wrap(mark, width, '  ')),
		...(prediction ? predictionBlocks(ledger, prediction, style) : []),
		...(ledger.rounds.length > 0
			? [(ledger.inference ? intervalTable : roundTable)(ledger, style, rounds)]
			: [['No round was finished.']]),
		timelineLines(ledger.timeline, style),
		noteLines(ledger, style, notes),
	];
	return `${blocks
		.filter(lines => lines.length > 0)
		.map(lines => lines.join('\n'))
		.join('\n\n')}\n`;
}
