import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {phases} from '../../core/ledger/ledger.js';
import {csv, devicesCsv, roundsCsv} from '../../reports/csv.js';
import {aHostileLedger, aLedger} from '../support/a-ledger.js';
import {root} from '../support/imports.js';

/** RFC 4180, written apart from the writer. */
function parseCsv(text: string): string[][] {
	const rows: string[][] = [];
	let row: string[] = [];
	let cell = '';
	let quoted = false;
	for (let index = 0; index < text.length; index++) {
		const character = text[index]!;
		if (quoted) {
			if (character === '"' && text[index + 1] === '"') {
				cell += '"';
				index++;
			} else if (character === '"') {
				quoted = false;
			} else {
				cell += character;
			}
		} else if (character === '"') {
			quoted = true;
		} else if (character === ',' || character === '\n') {
			row.push(cell);
			cell = '';
			if (character === '\n') {
				rows.push(row);
				row = [];
			}
		} else {
			cell += character;
		}
	}
	return rows;
}

const table = (text: string) => {
	const [head, ...rows] = parseCsv(text);
	return rows.map(row => Object.fromEntries(row.map((cell, index) => [head![index]!, cell])));
};

test('a row per device and phase, whose columns can be summed', t => {
	const ledger = aLedger({devices: 3, rounds: 10});
	const rows = table(devicesCsv([ledger]));
	t.is(rows.length, 4 * phases.length);
	const sum = (column: string) => rows.reduce((total, row) => total + Number(row[column]), 0);
	const joules = ledger.devices.reduce((total, device) => total + device.joules, 0);
	t.true(Math.abs(sum('joules') - joules) < 1e-6);
	t.is(
		sum('bytes'),
		ledger.devices.reduce((total, {bytesSent, bytesReceived}) => total + bytesSent + bytesReceived, 0),
	);
	t.is(
		sum('items'),
		ledger.devices.reduce((total, {items}) => total + items, 0),
	);
	t.like(rows[0], {run: 'digits-1', kind: 'measured', device: 'cam-1', emulated: 'true', phase: 'compute', bytes: ''});
	t.is(rows[0]!['energy_source'], 'modelled');
});

test('what codecs did stands once for each device', t => {
	const {devices, ...rest} = aLedger({devices: 2});
	const codecs = {saturated: 7, nonFinite: 1, bytesBefore: 400, bytesAfter: 100};
	const rows = table(
		devicesCsv([{...rest, devices: devices.map((device, index) => (index > 0 ? device : {...device, codecs}))}]),
	);
	const told = rows.filter(row => row['saturated'] !== '');
	t.is(told.length, 1);
	t.like(told[0], {
		device: 'cam-1',
		phase: 'send',
		saturated: '7',
		non_finite: '1',
		bytes_before_codec: '400',
		bytes_after_codec: '100',
	});
});

test('a row per round, with empty cells where nothing was measured', t => {
	const ledger = aLedger({rounds: 7});
	const rows = table(roundsCsv([ledger]));
	t.is(rows.length, 7);
	t.is(rows[0]!['accuracy'], '');
	t.is(Number(rows[4]!['accuracy']), ledger.rounds[4]!.accuracy!);
	t.is(Number(rows[6]!['loss']), ledger.rounds[6]!.loss);
});

test('several ledgers share a table and are told apart by run and kind', t => {
	const rows = table(devicesCsv([aLedger(), aLedger({}, {kind: 'predicted'})]));
	t.deepEqual([...new Set(rows.map(({kind}) => kind))], ['measured', 'predicted']);
});

test('no ledgers give the heads only', t => {
	t.is(parseCsv(devicesCsv([])).length, 1);
	t.is(parseCsv(roundsCsv([])).length, 1);
});

test('hostile texts come back as they were', t => {
	const ledger = aHostileLedger();
	const rows = table(devicesCsv([ledger]));
	t.is(rows.length, 3 * phases.length);
	t.is(rows[0]!['device'], ledger.devices[0]!.device);
	t.is(rows[0]!['role'], ledger.devices[0]!.role);
});

test('what looks like a formula is made text', t => {
	t.deepEqual(parseCsv(csv(['a'], [['=1+1'], ['+1'], ['-x'], ['@SUM(A1)'], [-1], [Number.NaN], ['fine']])), [
		['a'],
		["'=1+1"],
		["'+1"],
		["'-x"],
		["'@SUM(A1)"],
		['-1'],
		[''],
		['fine'],
	]);
});

test('any cells survive the way through the file', t => {
	const cell = fc.string({unit: 'binary'}).filter(text => !/^[=+\-@\t\r]/u.test(text));
	t.notThrows(() =>
		fc.assert(
			fc.property(fc.array(fc.array(cell, {minLength: 2, maxLength: 2})), rows => {
				const back = parseCsv(csv(['a', 'b'], rows)).slice(1);
				return JSON.stringify(back) === JSON.stringify(rows);
			}),
		),
	);
});

test('docs/reports.md shows the heads of both tables', t => {
	const page = readFileSync(path.join(root, 'docs/reports.md'), 'utf8');
	for (const text of [devicesCsv([]), roundsCsv([])]) {
		t.true(page.includes(`\`\`\`\n${text}\`\`\`\n`), text);
	}
});
