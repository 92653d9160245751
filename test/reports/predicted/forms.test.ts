import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {parseHTML} from 'linkedom';
import {predictionJson, readPrediction} from '../../../core/ledger/prediction.js';
import {runsCsv} from '../../../reports/compare/data.js';
import {textWidth} from '../../../reports/format.js';
import {reportHtml} from '../../../reports/html.js';
import {reportJson} from '../../../reports/json.js';
import {predictionsCsv} from '../../../reports/predicted/data.js';
import {reportText} from '../../../reports/text.js';
import {aHostileLedger, aLedger} from '../../support/a-ledger.js';
import {root} from '../../support/imports.js';
import {aPrediction, measuredOf} from '../../support/predictions/a-prediction.js';

const prediction = aPrediction();
const measured = measuredOf(prediction);

test('the text looks like predicted.txt', t => {
	const file = path.join(root, 'test/fixtures/reports/predicted.txt');
	// Kept as it was: what plans are predicted to cost may change, how a prediction is shown should not.
	const kept = path.join(root, 'test/fixtures/reports/prediction.json');
	const update = process.env['FPL_UPDATE_FIXTURES'] === '1';
	if (update) {
		writeFileSync(kept, `${predictionJson(prediction)}\n`);
	}
	const frozen = readPrediction(readFileSync(kept, 'utf8'));
	const {timeline: without, ...ledger} = measuredOf(frozen);
	const text = reportText(ledger, {width: 120, rounds: 3, prediction: frozen});
	if (update) {
		writeFileSync(file, text);
	}
	t.deepEqual(text.split('\n'), readFileSync(file, 'utf8').split('\n'));
});

test('no line is wider than the terminal', t => {
	for (const width of [40, 60, 80, 140]) {
		for (const ledger of [measured, aHostileLedger()]) {
			for (const line of reportText(ledger, {width, prediction}).split('\n')) {
				t.true(textWidth(line) <= width, `${width}: ${line}`);
			}
		}
	}
});

test('the page has pictures of both, the plans that were weighed and the predicted timeline', t => {
	const {document} = parseHTML(reportHtml(measured, prediction));
	const section = document.querySelector('section.predicted')!;
	t.deepEqual(
		[...section.querySelectorAll('figure h3')].map(({textContent}) => textContent),
		[
			'Time, predicted and measured',
			'Energy, predicted and measured',
			'Bytes, predicted and measured',
			'The plans it was chosen from',
			'Predicted timeline of a step',
		],
	);
	const [totals, devices, alternatives] = [...section.querySelectorAll('table')];
	t.is(totals!.querySelectorAll('tbody tr').length, 5);
	t.is(devices!.querySelectorAll('tbody tr').length, 7);
	t.is(alternatives!.querySelectorAll('tbody tr').length, 6);
	t.regex(alternatives!.textContent!, /not feasible: dev-3 has too little memory/u);
	t.false(/NaN|undefined|Infinity|\[object/u.test(section.textContent!));
	t.is(parseHTML(reportHtml(measured)).document.querySelector('section.predicted'), null);
});

test('hostile texts of a prediction are shown, not obeyed', t => {
	const evil = '<script>alert(1)</script>\u001b[31m';
	const hostile = {
		...prediction,
		objective: evil,
		alternatives: prediction.alternatives.map(one => ({...one, scheme: evil, because: evil})),
		front: prediction.front!.map(one => ({...one, scheme: evil})),
		bottleneck: {...prediction.bottleneck, device: evil},
	};
	const html = reportHtml(aHostileLedger(), hostile);
	t.is(parseHTML(html).document.querySelectorAll('script').length, 0);
	t.false(reportText(aHostileLedger(), {width: 100, prediction: hostile}).includes('\u001b'));
});

test('JSON has each number with its error, and says nothing where nothing was predicted', t => {
	interface Number {
		readonly predicted: number;
		readonly measured: number;
		readonly error: number;
	}
	const report = JSON.parse(reportJson(measured, prediction)) as {
		prediction: {stepSeconds: Number; devices: {phases: Record<string, {seconds: Number}>}[]};
	};
	const {stepSeconds, devices} = report.prediction;
	t.true(Math.abs(stepSeconds.error - (1 / 1.05 - 1)) < 1e-9);
	t.true(Math.abs(devices[0]!.phases['compute']!.seconds.error - (1 / 1.05 - 1)) < 1e-9);
	t.false('prediction' in (JSON.parse(reportJson(measured)) as object));
});

test('CSV has a row for each quantity, and one for each run', t => {
	const runs = [
		{ledger: measured, prediction},
		{ledger: aLedger(), prediction: undefined},
	];
	const rows = predictionsCsv(runs).trimEnd().split('\n');
	// Five of the whole run, and of each of three devices time and energy of four phases, energy, bytes sent and received.
	t.is(rows.length, 1 + 5 + 3 * 11);
	t.regex(rows[1]!, /^chain-1,,step,s,[\d.e-]+,[\d.e-]+,-0\.0476/u);
	const table = runsCsv(runs).trimEnd().split('\n');
	t.is(table.length, 3);
	const head = table[0]!.split(',');
	const cells = table[1]!.split(',');
	t.true(Number(cells[head.indexOf('predicted_seconds')]) > 0);
	t.is(table[2]!.split(',').length, head.length + 1, 'the scheme of the second run has a comma, quoted');
});
