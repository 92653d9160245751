import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {textWidth} from '../../reports/format.js';
import {reportText} from '../../reports/text.js';
import {aHostileLedger, aLedger} from '../support/a-ledger.js';
import {root} from '../support/imports.js';

const fixtures = path.join(root, 'test/fixtures/reports');

/** Compares with a file; `FPL_UPDATE_FIXTURES=1` writes it anew, to be looked at before it is committed. */
const golden = test.macro({
	exec(t, file: string, text: () => string) {
		const where = path.join(fixtures, file);
		if (process.env['FPL_UPDATE_FIXTURES'] === '1') {
			writeFileSync(where, text());
		}
		t.deepEqual(text().split('\n'), readFileSync(where, 'utf8').split('\n'));
	},
	title: (_, file) => `the report looks like ${String(file)}`,
});

test(golden, 'wide.txt', () => reportText(aLedger(), {width: 120}));
test(golden, 'narrow-ascii.txt', () => reportText(aLedger({rounds: 3}), {width: 60, ascii: true}));

test('every report says which energy is modelled and which devices are emulated', t => {
	for (const width of [40, 80, 200]) {
		const text = reportText(aLedger(), {width});
		t.true(text.includes('* Modelled energy'));
		t.true(text.includes('~ Emulated'));
		t.true(text.includes('cam-1 ~'));
		t.true(/cam-1 ~ .* J \*/u.test(text));
	}
});

test('no line is wider than the terminal', t => {
	for (const width of [40, 60, 80, 100, 160]) {
		for (const ledger of [aLedger(), aLedger({devices: 100, rounds: 500}), aHostileLedger()]) {
			for (const line of reportText(ledger, {width}).split('\n')) {
				t.true(textWidth(line) <= width, `${width}: ${line}`);
			}
		}
	}
});

test('one device needs no sum, no device no table', t => {
	const {devices, ...rest} = aLedger();
	const one = reportText({...rest, devices: devices.slice(0, 1)}, {width: 100});
	t.false(/^all /mu.test(one));
	const none = reportText(aLedger({devices: 0, rounds: 0}), {width: 100});
	t.true(none.includes('No device took part.'));
	t.true(none.includes('No round was finished.'));
});

test('a hundred devices have a row each, in each table', t => {
	const text = reportText(aLedger({devices: 100, rounds: 20}), {width: 120});
	t.is(text.match(/^cam-100 /gmu)?.length, 3);
});

test('nothing that is no number is printed, even of a run that diverged', t => {
	const {rounds, ...rest} = aLedger();
	const ledger = {
		...rest,
		rounds: rounds.map(record => ({...record, loss: Number.NaN, testLoss: Number.NaN})),
		final: {loss: Number.NaN, state: 'failed', because: 'the loss is no number'} as const,
	};
	for (const some of [ledger, aLedger(), aLedger({devices: 0, rounds: 0}), aHostileLedger()]) {
		t.false(/NaN|undefined|Infinity|\[object/u.test(reportText(some, {width: 120})));
	}
});

test('foreign text cannot move the cursor or turn the writing around', t => {
	t.false(/[\p{Cc}\p{Cf}]/u.test(reportText(aHostileLedger(), {width: 120}).replaceAll('\n', '')));
});
