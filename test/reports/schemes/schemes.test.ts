import test from 'ava';
import {parseHTML} from 'linkedom';
import {metrics} from '../../../reports/compare/compare.js';
import {textWidth} from '../../../reports/format.js';
import {
	failuresOf,
	type SchemeComparison,
	schemeCells,
	schemeMarks,
	spreadOf,
} from '../../../reports/schemes/comparison.js';
import {schemesCsv, schemesJson} from '../../../reports/schemes/data.js';
import {schemesHtml} from '../../../reports/schemes/html.js';
import {schemesText} from '../../../reports/schemes/text.js';
import {aHostileLedger, aLedger} from '../../support/a-ledger.js';

const withAccuracy = (accuracy: number, run: string) => aLedger({}, {run, final: {loss: 0.1, accuracy, state: 'done'}});

const comparison: SchemeComparison = {
	task: 'lenet5 on mnist: 3 epochs, batch 40',
	notes: ['Sources in every scheme: cam-1 and cam-2.'],
	results: [
		{
			scheme: 'fpl-aligned',
			description: 'sources see the same items',
			runs: [
				{seed: 1, ledger: withAccuracy(0.9, 'a-1')},
				{seed: 2, ledger: withAccuracy(0.92, 'a-2')},
			],
		},
		{
			scheme: 'fedavg',
			description: 'weights of the whole model',
			runs: [
				{seed: 1, ledger: aLedger({rounds: 30}, {run: 'b-1'})},
				{seed: 2, failure: 'cam-2 was lost'},
			],
		},
		{
			scheme: 'pipeline',
			description: 'one model over several devices',
			runs: [
				{seed: 1, failure: 'too few devices'},
				{seed: 2, failure: 'too few devices'},
			],
		},
	],
};
const [fpl, fedavg, pipeline] = comparison.results;

test('the spread over seeds is mean and sample deviation', t => {
	const ledgers = [0.9, 0.92, 0.94].map((accuracy, index) => withAccuracy(accuracy, `${index}`));
	const {mean, deviation} = spreadOf(metrics.accuracy, ledgers)!;
	t.true(Math.abs(mean - 0.92) < 1e-12);
	t.true(Math.abs(deviation! - 0.02) < 1e-12);
	t.is(spreadOf(metrics.accuracy, ledgers.slice(0, 1))!.deviation, undefined);
	t.is(spreadOf(metrics.accuracy, [aLedger({devices: 0, rounds: 0})]), undefined);
});

test('cells tell deviations where there are several seeds, and ratios to the first scheme', t => {
	const cells = schemeCells(fpl!, comparison.results);
	t.is(cells[0], '91.0 % ± 1.4 %');
	t.is(cells[2], '28 s');
	t.is(schemeCells(fedavg!, comparison.results)[2], '42 s (1.5×)');
	t.is(schemeCells(fedavg!, comparison.results)[5], '4');
	t.deepEqual(schemeCells(pipeline!, comparison.results).slice(0, 2), ['failed', '–']);
});

test('a first scheme that failed is no measure', t => {
	const results = [pipeline!, fedavg!];
	t.is(schemeCells(fedavg!, results)[2], '42 s');
});

test('failures are told once for all seeds that share them', t => {
	t.deepEqual(failuresOf(comparison), ['fedavg, seed 2: cam-2 was lost', 'pipeline, seeds 1 and 2: too few devices']);
});

test('where joules come from is told once for all schemes, overflow for each scheme', t => {
	const {devices, ...rest} = aLedger();
	const codecs = {saturated: 5, nonFinite: 0, bytesBefore: 8, bytesAfter: 2};
	const ledger = {...rest, devices: devices.map(device => ({...device, codecs}))};
	const results = [...comparison.results, {scheme: 'pipeline-2', description: '', runs: [{seed: 1, ledger}]}];
	const marks = schemeMarks({...comparison, results});
	t.is(marks.filter(mark => mark.startsWith('* Modelled')).length, 1);
	t.is(marks.filter(mark => mark.startsWith('~ Emulated')).length, 1);
	t.is(marks.filter(mark => /^! Overflow in the codec of cam-\d: 5 values.*\(pipeline-2\)$/u.test(mark)).length, 4);
	t.deepEqual(schemeMarks({...comparison, results: [pipeline!]}), []);
});

test('the text fits any terminal and has a row for every scheme', t => {
	for (const width of [40, 80, 140, 240]) {
		const lines = schemesText(comparison, {width}).split('\n');
		t.true(lines.every(line => textWidth(line) <= width));
		t.is(lines.filter(line => /^(fpl-aligned|fedavg|pipeline) /u.test(line)).length, 3);
	}
	const wide = schemesText(comparison, {width: 240});
	t.regex(wide, /^Scheme +accuracy +test loss +training +bytes +energy +devices +steps$/mu);
	t.regex(wide, /^pipeline, seeds 1 and 2: too few devices$/mu);
});

test('the table for spreadsheets has a row for every scheme and seed', t => {
	const [head, ...rows] = schemesCsv(comparison).trimEnd().split('\n');
	t.true(head!.startsWith('scheme,seed,run,accuracy,test_loss,loss,seconds,'));
	t.is(rows.length, 6);
	t.true(rows[0]!.startsWith('fpl-aligned,1,a-1,0.9,'));
	t.true(rows[3]!.endsWith(',cam-2 was lost'));
});

test('the document for programs has means, deviations and every run', t => {
	const parsed = JSON.parse(schemesJson(comparison)) as {
		results: Array<{
			scheme: string;
			mean: {accuracy?: number};
			deviation: {accuracy?: number};
			runs: Array<{run?: string; failure?: string}>;
		}>;
	};
	t.true(Math.abs(parsed.results[0]!.mean.accuracy! - 0.91) < 1e-12);
	t.true(parsed.results[0]!.deviation.accuracy! > 0);
	t.deepEqual(parsed.results[2]!.mean, {});
	t.is(parsed.results[1]!.runs[1]!.failure, 'cam-2 was lost');
});

test('the page has the pictures, the failures and no foreign markup', t => {
	const hostile = aHostileLedger();
	const evil = '<script>alert(1)</script>';
	const html = schemesHtml({
		...comparison,
		task: evil,
		notes: [evil],
		results: [...comparison.results, {scheme: evil, description: evil, runs: [{seed: 1, ledger: hostile}]}],
	});
	const {document} = parseHTML(html);
	t.is(document.querySelectorAll('script').length, 0);
	t.false(/NaN|undefined|Infinity|\[object/u.test(html));
	t.is(document.querySelector('table')!.querySelectorAll('tbody tr').length, 4);
	const titles = [...document.querySelectorAll('figure h3')].map(({textContent}) => textContent);
	for (const title of [
		'Accuracy over time',
		'Accuracy against bytes',
		'Accuracy against energy',
		'Energy by phase',
		'Bytes moved',
	]) {
		t.true(titles.includes(title), title);
	}
	t.regex(document.querySelector('.legend')!.textContent!, /fpl-aligned.*fedavg/su);
	t.regex(document.body.textContent!, /pipeline, seeds 1 and 2: too few devices/u);
});

test('eight schemes are told apart in the pictures', t => {
	const results = Array.from({length: 8}, (_, index) => ({
		scheme: `scheme-${index}`,
		description: '',
		runs: [{seed: 1, ledger: aLedger({seed: index + 1})}],
	}));
	const {document} = parseHTML(schemesHtml({task: 'x', notes: [], results}));
	const entries = [...document.querySelectorAll('figure:first-of-type .legend li')];
	const looks = entries.map(
		entry => `${entry.querySelector('i')!.getAttribute('style')}${entry.textContent!.includes('dotted')}`,
	);
	t.is(new Set(looks).size, 8);
});

test('a comparison in which nothing worked is still a page and a table', t => {
	const failed = {...comparison, results: [pipeline!]};
	t.true(schemesText(failed, {width: 80}).includes('failed'));
	t.true(schemesHtml(failed).includes('too few devices'));
});
