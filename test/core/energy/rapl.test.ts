import {chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import type {EnergyMeter} from '../../../core/energy/meter.js';
import {openRaplMeter} from '../../../core/energy/rapl.js';

const folder = mkdtempSync(path.join(tmpdir(), 'fpl-rapl-'));
test.after.always(() => rmSync(folder, {recursive: true}));

/** A powercap tree: zone → its name, counter and range in microjoules. */
function tree(name: string, zones: Readonly<Record<string, {name: string; energy: string | number; range?: number}>>) {
	const root = path.join(folder, name);
	for (const [zone, {name: label, energy, range = 1000}] of Object.entries(zones)) {
		mkdirSync(path.join(root, zone), {recursive: true});
		writeFileSync(path.join(root, zone, 'name'), `${label}\n`);
		writeFileSync(path.join(root, zone, 'energy_uj'), `${energy}\n`);
		writeFileSync(path.join(root, zone, 'max_energy_range_uj'), `${range}\n`);
	}
	return {
		root,
		set: (zone: string, energy: number | string) => writeFileSync(path.join(root, zone, 'energy_uj'), `${energy}\n`),
	};
}

async function meterOf(root: string): Promise<EnergyMeter> {
	const outcome = await openRaplMeter(root);
	if (outcome.kind !== 'meter') {
		throw new Error(outcome.because);
	}
	return outcome.meter;
}

test('packages and memory are summed; cores, graphics and the platform would count twice', async t => {
	const {root, set} = tree('server', {
		'intel-rapl': {name: 'control type', energy: 0},
		'intel-rapl:0': {name: 'package-0', energy: 5_000_000, range: 262_143_328_850},
		'intel-rapl:0:0': {name: 'core', energy: 1, range: 262_143_328_850},
		'intel-rapl:0:1': {name: 'dram', energy: 7_000_000, range: 262_143_328_850},
		'intel-rapl:1': {name: 'package-1', energy: 0, range: 262_143_328_850},
		'intel-rapl:2': {name: 'psys', energy: 0, range: 262_143_328_850},
	});
	const meter = await meterOf(root);
	t.is(meter.name, 'rapl');
	t.is(meter.coverage, 'processor');
	t.is(meter.description, 'RAPL counters of package-0, dram, package-1');
	t.is(await meter.joules(), 0);
	set('intel-rapl:0', 8_000_000);
	set('intel-rapl:0:0', 900_000_000);
	set('intel-rapl:0:1', 7_500_000);
	set('intel-rapl:1', 250_000);
	set('intel-rapl:2', 900_000_000);
	t.is(await meter.joules(), 3.75);
	t.is(await meter.joules(), 3.75);
});

test('a counter that starts again at zero goes on counting', async t => {
	const {root, set} = tree('wrap', {'intel-rapl:0': {name: 'package-0', energy: 9_000_000, range: 10_000_000}});
	const meter = await meterOf(root);
	set('intel-rapl:0', 1_000_000);
	t.is(await meter.joules(), 2);
	set('intel-rapl:0', 9_500_000);
	t.is(await meter.joules(), 10.5);
	set('intel-rapl:0', 0);
	t.is(await meter.joules(), 11);
});

test('where there is no counter, the outcome says why', async t => {
	const missing = await openRaplMeter(path.join(folder, 'none'));
	t.like(missing, {kind: 'unavailable'});
	t.regex((missing as {because: string}).because, /none does not exist/u);

	const {root: empty} = tree('empty', {dtpm: {name: 'dtpm', energy: 0}});
	t.regex(((await openRaplMeter(empty)) as {because: string}).because, /no zone of a processor package/u);

	const {root: broken} = tree('broken', {'intel-rapl:0': {name: 'package-0', energy: 'n/a'}});
	t.regex(((await openRaplMeter(broken)) as {because: string}).because, /«n\/a» instead of microjoules/u);
});

test('a counter that only root may read is named, with what to do', async t => {
	if (process.getuid?.() === 0) {
		t.log('skipped: this test runs as root, to whom every file is readable');
		t.pass();
		return;
	}
	const {root} = tree('secret', {'intel-rapl:0': {name: 'package-0', energy: 0}});
	chmodSync(path.join(root, 'intel-rapl:0', 'energy_uj'), 0);
	const outcome = await openRaplMeter(root);
	t.regex((outcome as {because: string}).because, /energy_uj may be read by root only; allow it/u);
});

test('a counter that vanishes during a run is an error, not a zero', async t => {
	const {root, set} = tree('vanish', {'intel-rapl:0': {name: 'package-0', energy: 0}});
	const meter = await meterOf(root);
	set('intel-rapl:0', 'gone');
	await t.throwsAsync(meter.joules(), {code: 'AGENT_FAILED', message: /rapl/u});
});
