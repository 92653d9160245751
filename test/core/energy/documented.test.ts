/** docs/energy.md says what the code does: meters, makes of plugs, and where defaults come from. */
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {localMeters} from '../../../core/energy/open.js';
import {plugKinds, plugLayouts} from '../../../core/energy/plug-payloads.js';
import {parseMeterSpec} from '../../../core/energy/spec.js';
import {libraryProfile, profileNames} from '../../../core/profile/library.js';
import {linkNames, linkPresets} from '../../../core/profile/links.js';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../../docs/energy.md'), 'utf8');
const rows = page.split('\n').filter(line => line.startsWith('|'));
/** The cells of rows whose first cell is this. */
const cellsOf = (name: string): string[][] =>
	rows
		.map(row =>
			row
				.split('|')
				.slice(1, -1)
				.map(cell => cell.trim()),
		)
		.filter(([first]) => first === `\`${name}\``);

test('every meter has a row, and is one that the configuration takes', t => {
	for (const kind of [...localMeters, 'none'] as const) {
		const found = cellsOf(kind).length + rows.filter(row => row.startsWith(`| \`${kind}\``)).length;
		t.true(found > 0, kind);
		t.is(parseMeterSpec(kind).kind, kind);
	}
	t.true(
		rows.some(
			row => row.startsWith('| `auto` (default) ') && row.includes(localMeters.map(kind => `\`${kind}\``).join(', ')),
		),
	);
});

test('every make of plug has a row with its topics, and for how long a reading holds', t => {
	for (const kind of plugKinds) {
		const {topics, holdMs} = plugLayouts[kind];
		const [make] = cellsOf(kind);
		t.is(
			make?.[1],
			topics('NAME')
				.map(topic => `\`${topic}\``)
				.join(', '),
		);
		t.is(make?.at(-1), `${holdMs / 1000} s`);
	}
});

test('the sources of all default powers and energies are those in the code', t => {
	for (const name of profileNames) {
		const {sources} = libraryProfile(name);
		t.true(
			cellsOf(name).some(cells => cells[1] === sources['idleWatts'] && cells[2] === sources['busyWatts']),
			name,
		);
	}
	for (const name of linkNames) {
		const {joulesPerByteUp, joulesPerByteDown, activeWatts} = linkPresets[name].values;
		const expected = [joulesPerByteUp, joulesPerByteDown, activeWatts].map(([, source]) => source);
		t.true(
			cellsOf(name).some(cells => expected.every((source, index) => cells[index + 1] === source)),
			name,
		);
	}
});
