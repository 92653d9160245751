import test from 'ava';
import {parseLedger} from '../../core/ledger/schema.js';
import {compareJson, reportJson} from '../../reports/json.js';
import {aHostileLedger, aLedger} from '../support/a-ledger.js';

interface Report {
	readonly version: number;
	readonly summary: Record<string, unknown>;
	readonly marks: readonly string[];
	readonly ledger: unknown;
}

test('the whole ledger is in it, with totals and marks', t => {
	const ledger = aLedger();
	const report = JSON.parse(reportJson(ledger)) as Report;
	t.is(report.version, 1);
	t.deepEqual(parseLedger(report.ledger), ledger);
	t.is(report.summary['rounds'], 20);
	t.is(report.marks.length, 3);
});

test('a hostile ledger is JSON too', t => {
	t.deepEqual((JSON.parse(reportJson(aHostileLedger())) as Report).ledger, aHostileLedger());
});

test('several ledgers are a list', t => {
	const list = JSON.parse(compareJson([aLedger(), aLedger({rounds: 3})])) as Report[];
	t.deepEqual(
		list.map(({summary}) => summary['rounds']),
		[20, 3],
	);
	t.deepEqual(JSON.parse(compareJson([])), []);
});
