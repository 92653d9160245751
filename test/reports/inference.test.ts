import test from 'ava';
import type {Ledger} from '../../core/ledger/ledger.js';
import {parseLedger} from '../../core/ledger/schema.js';
import {inferenceCsv} from '../../reports/csv.js';
import {textWidth} from '../../reports/format.js';
import {reportHtml} from '../../reports/html.js';
import {reportJson} from '../../reports/json.js';
import {advance, noProgress, progressLine, progressPanel} from '../../reports/progress.js';
import {reportText} from '../../reports/text.js';
import {aHostileLedger, aLedger} from '../support/a-ledger.js';

const figures = {
	items: 1797,
	seconds: 2.1,
	itemsPerSecond: 1797 / 2.1,
	latencyMs: {p50: 41, p95: 58, p99: 61.5, max: 75},
	accuracy: 0.931,
	batch: 32,
	inFlight: 4,
} as const;

const inferred = (ledger: Ledger): Ledger => ({
	...ledger,
	scheme: 'inference over 4 devices',
	inference: figures,
	rounds: ledger.rounds.map(record => ({...record, loss: Number.NaN, accuracy: 0.93})),
	final: {...ledger.final, loss: Number.NaN, accuracy: 0.931},
});

test('the text tells throughput, latency and accuracy, and nothing of losses', t => {
	const text = reportText(inferred(aLedger()), {width: 120});
	t.true(text.includes('1 797 items in 2.1 s: 856 items/s'));
	t.true(text.includes('latency of a batch of 32, 4 under way: 41 ms (half of them), 58 ms (95 %)'));
	t.true(text.includes('accuracy 93.1 %'));
	t.regex(text, /^ *Interval/mu);
	t.notRegex(text, /loss|NaN|epoch/u);
});

test('no line is wider than the terminal', t => {
	for (const width of [40, 80, 160]) {
		for (const ledger of [aLedger({rounds: 50}), aHostileLedger()]) {
			for (const line of reportText(inferred(ledger), {width}).split('\n')) {
				t.true(textWidth(line) <= width, `${width}: ${line}`);
			}
		}
	}
});

test('the page has cards of throughput and latency', t => {
	const page = reportHtml(inferred(aLedger()));
	for (const text of ['856 items/s', 'Latency', '95 %: 58 ms', 'Table of intervals']) {
		t.true(page.includes(text), text);
	}
	t.false(page.includes('NaN'));
	t.false(page.includes('>Loss<'));
});

test('the CSV has a row for each inference run, in base units', t => {
	const [head, row, ...others] = inferenceCsv([inferred(aLedger()), aLedger()])
		.trimEnd()
		.split('\n');
	t.is(head!.split(',').length, row!.split(',').length);
	t.is(row!.split(',').slice(3, 5).join(), '1797,2.1');
	t.is(row!.split(',').slice(6, 13).join(), '41,58,61.5,75,0.931,32,4');
	t.deepEqual(others, []);
});

test('a ledger with inference is read back from its JSON as it was', t => {
	const {ledger} = JSON.parse(reportJson(inferred(aLedger()))) as {ledger: unknown};
	t.deepEqual(parseLedger(ledger).inference, figures);
});

test('progress tells what was answered so far', t => {
	const ledger = inferred(aLedger());
	const [record] = ledger.rounds;
	const update = {
		kind: 'round',
		record: {...record!, epoch: 0.25},
		rounds: 20,
		epochs: 1,
		devices: [],
		inference: figures,
	} as const;
	const planned = {kind: 'planned', plan: {} as never, attempt: 1, resumedFrom: undefined, inference: true} as const;
	const begun = advance(noProgress, planned);
	t.is(begun.headline, 'answering');
	const state = advance(begun, update);
	t.regex(
		progressLine(state, update)!,
		/^1 797 items \(25 %\), 12 batches, 856 items\/s, latency 41 ms, 99 % 61.5 ms, acc/u,
	);
	for (const line of progressPanel(state, {width: 60})) {
		t.true(textWidth(line) <= 60);
	}
});
