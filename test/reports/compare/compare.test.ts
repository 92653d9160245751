import test from 'ava';
import {parseHTML} from 'linkedom';
import {
	comparedDevices,
	comparedMarks,
	comparedMetrics,
	ledgerNames,
	metricCell,
} from '../../../reports/compare/compare.js';
import {compareHtml} from '../../../reports/compare/html.js';
import {compareText} from '../../../reports/compare/text.js';
import {textWidth} from '../../../reports/format.js';
import {aHostileLedger, aLedger} from '../../support/a-ledger.js';

const measured = aLedger();
const predicted = aLedger({seed: 3, rounds: 18}, {kind: 'predicted'});
const other = aLedger({rounds: 30, seed: 4}, {run: 'digits-2', scheme: 'D-SGD'});

test('ledgers are told apart by run, then by kind, then by number', t => {
	t.deepEqual(ledgerNames([measured, other]), ['digits-1', 'digits-2']);
	t.deepEqual(ledgerNames([measured, predicted, other]), ['digits-1, measured', 'digits-1, predicted', 'digits-2']);
	t.deepEqual(ledgerNames([measured, measured]), ['digits-1, measured (1)', 'digits-1, measured (2)']);
});

test('a metric is told with its ratio to the first ledger', t => {
	const time = comparedMetrics.find(({title}) => title === 'time')!;
	t.is(metricCell(time, measured, measured), '31 s');
	t.is(metricCell(time, other, measured), '45 s (1.45×)');
	const accuracy = comparedMetrics.find(({title}) => title === 'accuracy')!;
	t.false(metricCell(accuracy, other, measured).includes('×'));
});

test('a first value of zero gives no ratio', t => {
	const time = comparedMetrics.find(({title}) => title === 'time')!;
	t.is(metricCell(time, measured, {...measured, seconds: 0}), '31 s');
});

test('devices are compared that occur twice, each with its origin of energy', t => {
	const lists = comparedDevices([measured, predicted, aLedger({devices: 6}, {run: 'x'})]);
	t.deepEqual(
		lists.map(list => list[0]!.entry.device),
		['cam-1', 'cam-2', 'cam-3', 'cam-4', 'fog-1'],
	);
	t.deepEqual(
		lists.at(-1)!.map(({origin}) => origin),
		['rapl', 'predicted', 'rapl'],
	);
	t.deepEqual(comparedDevices([measured]), []);
});

test('a mark that holds for all stands once, others name their runs', t => {
	const marks = comparedMarks([measured, {...measured, run: 'b'}, predicted]);
	t.true(marks.some(mark => mark.startsWith('digits-1, measured and b: * Modelled')));
	t.true(marks.some(mark => mark.startsWith('digits-1, predicted: Everything')));
	t.is(comparedMarks([measured, {...measured, run: 'b'}]).length, 3);
});

test('the text has a row per run and a row per device and run', t => {
	const text = compareText([measured, predicted, other], {width: 140});
	const lines = text.split('\n');
	t.regex(lines[0]!, /^Run +scheme +time +bytes +energy +accuracy +loss +rounds$/u);
	t.regex(lines[3]!, /^digits-1, predicted +FedAvg, 1 local epoch +28\.2 s \(0\.91×\)/u);
	t.is(lines.filter(line => /^(cam|fog)-\d/u.test(line)).length, 5);
	t.true(lines.every(line => textWidth(line) <= 140));
	t.is(compareText([], {width: 80}), 'Nothing to compare.\n');
});

test('the page is well formed, shows all pictures, and no hostile text gets through', t => {
	const html = compareHtml([measured, predicted, other, aHostileLedger()]);
	const {document} = parseHTML(html);
	t.is(document.querySelectorAll('script').length, 0);
	t.is(document.querySelectorAll('figure').length, 8);
	t.is(document.querySelectorAll('svg').length, 16);
	t.false(/NaN|undefined|Infinity|\[object/u.test(html));
	t.is(document.querySelector('table')!.querySelectorAll('tbody tr').length, 4);
	t.true(compareHtml([]).includes('Nothing to compare.'));
});

test('a comparison of one run, of empty runs and of many runs works', t => {
	const empty = aLedger({devices: 0, rounds: 0});
	for (const ledgers of [[measured], [empty, empty], Array.from({length: 12}, () => measured)]) {
		t.false(/NaN|undefined|Infinity/u.test(compareText(ledgers, {width: 80}) + compareHtml(ledgers)));
	}
});
