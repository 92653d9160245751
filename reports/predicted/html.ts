/** A prediction held against what was measured, as a section of a page. */
import type {Ledger} from '../../core/ledger/ledger.js';
import type {Prediction} from '../../core/ledger/prediction.js';
import {byteCount, duration, energy} from '../format.js';
import {bars, type Part} from '../html/bars.js';
import {byteUnits, jouleUnits, timeUnits} from '../html/figure.js';
import {gantt} from '../html/gantt.js';
import {type Markup, markup} from '../html/markup.js';
import {htmlTable, markList} from '../html/page.js';
import {paretoFigure} from '../pareto/figure.js';
import {checkedPhases, checkPrediction, type DeviceCheck, type PredictionCheck} from './check.js';
import {
	alternativeColumns,
	alternativeRows,
	bottleneckLines,
	chosenFor,
	deviceColumns,
	deviceRows,
	totalColumns,
	totalRows,
} from './rows.js';

interface Bar {
	readonly check: DeviceCheck;
	readonly which: 'predicted' | 'measured';
}

const phaseColours = {compute: 'compute', send: 'send', receive: 'receive', rest: 'idle'} as const;

const phaseParts = (of: 'seconds' | 'phaseJoules'): Part<Bar>[] =>
	checkedPhases.map(phase => ({
		text: phase === 'rest' ? 'rest (wait, idle)' : phase,
		colour: `var(--${phaseColours[phase]})`,
		of: ({check, which}) => check[of][phase][which] ?? 0,
	}));

const traffic: readonly Part<Bar>[] = [
	{text: 'sent (up)', colour: 'var(--send)', of: ({check, which}) => check.sent[which] ?? 0},
	{text: 'received (down)', colour: 'var(--receive)', of: ({check, which}) => check.received[which] ?? 0},
];

function pictures({devices}: PredictionCheck, {ledger, front}: Prediction): (Markup | undefined)[] {
	const both = devices.filter(({joules}) => joules.predicted !== undefined && joules.measured !== undefined);
	const items = both.flatMap(check => [{check, which: 'predicted'} as const, {check, which: 'measured'} as const]);
	const common = {
		items,
		plural: 'bars of devices',
		name: ({check, which}: Bar) => `${which === 'predicted' ? 'P' : 'M'} ${check.device}`,
		caption: 'P: predicted, M: measured.',
	};
	return [
		bars({
			...common,
			title: 'Time, predicted and measured',
			parts: phaseParts('seconds'),
			write: duration,
			units: timeUnits,
		}),
		bars({
			...common,
			title: 'Energy, predicted and measured',
			parts: phaseParts('phaseJoules'),
			write: energy,
			units: jouleUnits,
		}),
		bars({...common, title: 'Bytes, predicted and measured', parts: traffic, write: byteCount, units: byteUnits}),
		front && paretoFigure(front, {across: 'time', upwards: 'energy', title: 'The plans it was chosen from'}),
		gantt(ledger.timeline, 'Predicted timeline of a step'),
	];
}

/** The section with its heading. */
export function predictionSection(measured: Ledger, prediction: Prediction): Markup {
	const check = checkPrediction(measured, prediction);
	const drawn = pictures(check, prediction).filter(picture => picture !== undefined);
	return markup`<section class="predicted">
<h2>Predicted against measured</h2>
<p>${chosenFor(prediction)}.</p>
${bottleneckLines(check).map(line => markup`<p>${line}</p>\n`)}${htmlTable('In all', totalColumns, totalRows(check))}${markList(check.remarks)}${drawn.length > 0 && markup`<div class="pictures">${drawn}</div>\n`}<details><summary>Table of devices</summary>
${htmlTable('By device and phase', deviceColumns, deviceRows(check))}</details>
${
	prediction.alternatives.length > 0 &&
	htmlTable(
		'Plans that were weighed, and how many times the chosen one',
		alternativeColumns(prediction),
		alternativeRows(prediction),
	)
}</section>
`;
}
