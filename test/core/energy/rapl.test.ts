import {chmodSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {ManualClock} from '../../../core/clock.js';
import {openRaplMeter} from '../../../core/energy/rapl.js';
import {meterOf, Tree, whyNot} from './benches.js';

/** Zone → its name, counter and range in microjoules. */
const zones = (all: Readonly<Record<string, readonly [name: string, energy: number | string, range?: number]>>) =>
	Object.fromEntries(
		Object.entries(all).flatMap(([zone, [name, energy, range = 262_143_328_850]]) => [
			[`${zone}/name`, name],
			[`${zone}/energy_uj`, energy],
			[`${zone}/max_energy_range_uj`, range],
		]),
	);

test('packages and memory are summed; cores, graphics, the platform and the second view of a package would count twice', async t => {
	const clock = new ManualClock();
	const tree = await Tree.in(
		t,
		zones({
			'intel-rapl': ['control type', 0],
			'intel-rapl:0': ['package-0', 5_000_000],
			'intel-rapl:0:0': ['core', 1],
			'intel-rapl:0:1': ['dram', 7_000_000],
			'intel-rapl:1': ['package-1', 0],
			'intel-rapl:2': ['psys', 0],
			'intel-rapl-mmio:0': ['package-0', 5_000_000],
		}),
	);
	const meter = meterOf(await openRaplMeter(tree.root, clock));
	t.is(meter.name, 'rapl');
	t.is(meter.coverage, 'processor');
	t.is(meter.description, 'RAPL counters of package-0, dram, package-1');
	t.like(await meter.read(), {joules: 0, seconds: 0});
	tree.set({
		'intel-rapl:0/energy_uj': 8_000_000,
		'intel-rapl:0:0/energy_uj': 900_000_000,
		'intel-rapl:0:1/energy_uj': 7_500_000,
		'intel-rapl:1/energy_uj': 250_000,
		'intel-rapl:2/energy_uj': 900_000_000,
		'intel-rapl-mmio:0/energy_uj': 8_000_000,
	});
	await clock.advance(900);
	t.like(await meter.read(), {joules: 3.75, seconds: 0.9});
	await clock.advance(50);
	t.is((await meter.read()).joules, 3.75);
	await meter.close();
});

test('a counter that starts again at zero goes on counting', async t => {
	const clock = new ManualClock();
	const tree = await Tree.in(t, zones({'intel-rapl:0': ['package-0', 9_000_000, 10_000_000]}));
	const meter = meterOf(await openRaplMeter(tree.root, clock));
	for (const [value, expected] of [
		[1_000_000, 2],
		[9_500_000, 10.5],
		[0, 11],
	] as const) {
		tree.set({'intel-rapl:0/energy_uj': value});
		await clock.advance(500);
		t.is((await meter.read()).joules, expected);
	}
	await meter.close();
});

test('where there is no counter, the outcome says why', async t => {
	const missing = await Tree.in(t, {});
	t.regex(whyNot(await openRaplMeter(path.join(missing.root, 'none'))), /none does not exist: .*no RAPL counters/u);
	const other = await Tree.in(t, {'dtpm/name': 'dtpm'});
	t.regex(whyNot(await openRaplMeter(other.root)), /no zone of a processor package/u);
	const broken = await Tree.in(t, zones({'intel-rapl:0': ['package-0', 'n/a']}));
	t.regex(whyNot(await openRaplMeter(broken.root)), /«n\/a» instead of microjoules/u);
});

test('a counter that only root may read is named, with what to do', async t => {
	if (process.getuid?.() === 0) {
		t.log('skipped: this test runs as root, to whom every file is readable');
		t.pass();
		return;
	}
	const tree = await Tree.in(t, zones({'intel-rapl:0': ['package-0', 0]}));
	chmodSync(path.join(tree.root, 'intel-rapl:0', 'energy_uj'), 0);
	t.regex(whyNot(await openRaplMeter(tree.root)), /energy_uj may be read by root only; allow it/u);
});
