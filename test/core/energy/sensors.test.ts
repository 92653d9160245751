/** Which sensor is taken, what it says of itself, and why there is none. */
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {ManualClock} from '../../../core/clock.js';
import {batteryJoulesLeft, openBatteryMeter} from '../../../core/energy/battery.js';
import {runCommand} from '../../../core/energy/command.js';
import {openHwmonMeter} from '../../../core/energy/hwmon.js';
import {openIna3221Meter} from '../../../core/energy/ina3221.js';
import type {MeterOutcome} from '../../../core/energy/meter.js';
import {chooseMeter, surveyMeters} from '../../../core/energy/open.js';
import {openPmicMeter, pmicWatts} from '../../../core/energy/pmic.js';
import {meterOf, Tree, whyNot} from './benches.js';

const fixture = (name: string): string =>
	readFileSync(path.resolve(import.meta.dirname, '../../../../test/fixtures/energy', name), 'utf8');

/** Watts over ten seconds. */
async function wattsOf(outcome: MeterOutcome, clock: ManualClock): Promise<number> {
	const meter = meterOf(outcome);
	await meter.read();
	await clock.advance(1000);
	const {joules, seconds} = await meter.read();
	await meter.close();
	return joules / seconds;
}

const rails = (chip: string, labels: readonly string[], amperes: readonly number[]) =>
	Object.fromEntries(
		labels.flatMap((label, index) => [
			[`${chip}/in${index + 1}_label`, label],
			[`${chip}/in${index + 1}_input`, 5000],
			[`${chip}/curr${index + 1}_input`, amperes[index]! * 1000],
		]),
	);

test('of the rails of a Jetson the input of the module is read, not the sum of all', async t => {
	const clock = new ManualClock();
	const chip = 'class/hwmon/hwmon3';
	const orin = await Tree.in(t, {
		'class/hwmon/hwmon0/name': 'soctherm_oc',
		[`${chip}/name`]: 'ina3221',
		...rails(chip, ['VDD_IN', 'VDD_CPU_GPU_CV', 'VDD_SOC'], [1.4, 0.4, 0.3]),
		[`${chip}/in7_label`]: 'sum of shunt voltages',
	});
	const outcome = await openIna3221Meter(orin.root, clock);
	t.regex(meterOf(outcome).description, /rail VDD_IN,/u);
	t.is(await wattsOf(outcome, clock), 7);
});

test('an AGX Orin has no rail for the whole: its three rails make the sum', async t => {
	const clock = new ManualClock();
	const [first, second] = ['class/hwmon/hwmon3', 'class/hwmon/hwmon4'];
	const agx = await Tree.in(t, {
		[`${first}/name`]: 'ina3221',
		...rails(first, ['VDD_GPU_SOC', 'VDD_CPU_CV', 'VIN_SYS_5V0'], [1, 2, 0.5]),
		[`${second}/name`]: 'ina3221',
		...rails(second, ['NC', 'VDDQ_VDD2_1V8AO', 'NC'], [0, 0.7, 0]),
	});
	t.is(await wattsOf(await openIna3221Meter(agx.root, clock), clock), 17.5);
	agx.set({[`${first}/in2_enable`]: 0});
	t.regex(whyNot(await openIna3221Meter(agx.root, clock)), /none of its rails \(VDD_GPU_SOC, VIN_SYS_5V0, NC/u);
});

test('the old driver of the Jetson Nano is read too, and other machines are told that they are none', async t => {
	const clock = new ManualClock();
	const chip = 'bus/i2c/drivers/ina3221x/6-0040/iio:device0';
	const nano = await Tree.in(t, {
		[`${chip}/rail_name_0`]: 'POM_5V_IN',
		[`${chip}/in_power0_input`]: 3410,
		[`${chip}/rail_name_1`]: 'POM_5V_GPU',
		[`${chip}/in_power1_input`]: 260,
		'bus/i2c/drivers/ina3221x/bind': '',
	});
	t.is(await wattsOf(await openIna3221Meter(nano.root, clock), clock), 3.41);
	t.regex(whyNot(await openIna3221Meter((await Tree.in(t, {})).root)), /no INA3221 below .*this is no Jetson/u);
});

test('only monitors of a supply are taken by themselves; others have to be named', async t => {
	const clock = new ManualClock();
	const tree = await Tree.in(t, {
		'class/hwmon/hwmon0/name': 'amdgpu',
		'class/hwmon/hwmon0/power1_average': 31_000_000,
		'class/hwmon/hwmon1/name': 'nvme',
		'class/hwmon/hwmon1/temp1_input': 41_000,
	});
	const open = (chip?: string) => openHwmonMeter(chip, tree.root, clock);
	t.regex(whyNot(await open()), /name it: hwmon:amdgpu/u);
	t.is(await wattsOf(await open('amdgpu'), clock), 31);
	t.regex(whyNot(await open('ina226')), /no chip below .* is called «ina226»; there are hwmon:amdgpu/u);
	tree.set({'class/hwmon/hwmon2/name': 'ina226', 'class/hwmon/hwmon2/power1_input': 5_250_000});
	t.is(await wattsOf(await open(), clock), 5.25);
	tree.set({'class/hwmon/hwmon5/name': 'ina219', 'class/hwmon/hwmon5/power1_input': 1_000_000});
	t.regex(whyNot(await open()), /several sensors .* hwmon:ina226, hwmon:ina219/u);
	tree.set({'class/hwmon/hwmon5/name': 'ina226'});
	t.regex(whyNot(await open('ina226')), /several chips .* called «ina226»/u);
	t.regex(whyNot(await openHwmonMeter(undefined, (await Tree.in(t, {})).root)), /no chip below/u);
});

test('a counter of energy that was reset tells nothing of the time until then, which is modelled', async t => {
	const clock = new ManualClock();
	const energy = 'class/hwmon/hwmon0/energy1_input';
	const tree = await Tree.in(t, {'class/hwmon/hwmon0/name': 'ina228', [energy]: 40_000_000});
	const meter = meterOf(await openHwmonMeter(undefined, tree.root, clock));
	for (const [microjoules, expected] of [
		[41_000_000, {joules: 1, seconds: 0.4}],
		[500_000, {joules: 1, seconds: 0.4}],
		[2_500_000, {joules: 3, seconds: 0.8}],
	] as const) {
		tree.set({[energy]: microjoules});
		await clock.advance(400);
		t.like(await meter.read(), expected);
	}
	await meter.close();
});

test('a sensor of the processor says that it sees no more', async t => {
	const tree = await Tree.in(t, {'class/hwmon/hwmon0/name': 'amd_energy', 'class/hwmon/hwmon0/energy1_input': 5e6});
	const meter = meterOf(await openHwmonMeter('amd_energy', tree.root, new ManualClock()));
	t.like(meter, {coverage: 'processor', method: 'counter'});
	await meter.close();
});

test('the rails of a Raspberry Pi 5 with current and voltage are summed, and the input without current is not', t => {
	const expected =
		0.0683 * 3.7 + 0.118 * 3.31 + 0.182 * 1.8 + 0.021 * 1.1 + 0.195 * 1.1 + 0.331 * 0.8 + 2.4 * 0.85 + 0.0007 * 3.31;
	t.true(Math.abs(pmicWatts(fixture('pmic-pi5.txt')) - (expected + 0.0055 * 0.8 + 0.013 * 5.1)) < 1e-9);
	t.throws(() => pmicWatts(fixture('pmic-pi4.txt')), {message: /no rail .*error=1/u});
	t.throws(() => pmicWatts('EXT5V_V volt(24)=5.12000000V'), {message: /no rail/u});
});

test('where vcgencmd is missing, fails or hangs, the meter says so', async t => {
	const clock = new ManualClock();
	const open = (script: string, patienceMs = 30_000) =>
		openPmicMeter(() => runCommand('/bin/sh', ['-c', script], patienceMs), clock);
	t.regex(
		whyNot(await openPmicMeter((_, args, ms) => runCommand('/nowhere/vcgencmd', args, ms))),
		/no program «vcgencmd»/u,
	);
	t.regex(whyNot(await open('echo VCHI failed >&2; exit 1')), /VCHI failed/u);
	t.regex(whyNot(await open('sleep 60', 300)), /not done after 300 ms/u);
	t.regex(whyNot(await open('echo hello')), /no rail .*«hello»/u);
});

test('a meter that hangs is given up after its deadline, and is not asked again before it has answered', async t => {
	const clock = new ManualClock();
	let asked = 0;
	let answer = (_text: string): void => {};
	const text = 'VDD_CORE_A current(7)=2.0A\nVDD_CORE_V volt(15)=1.0V';
	const meter = meterOf(
		await openPmicMeter(() => {
			asked++;
			return asked === 1
				? Promise.resolve(text)
				: asked === 2
					? new Promise(resolve => {
							answer = resolve;
						})
					: Promise.resolve(text);
		}, clock),
	);
	await clock.advance(1000);
	await clock.advance(2000);
	t.regex((await meter.read()).silent!, /within 2000 ms|not answered yet/u);
	await clock.advance(10_000);
	t.regex((await meter.read()).silent!, /not answered yet/u);
	t.is(asked, 2);
	answer(text);
	await clock.advance(1000);
	t.is((await meter.read()).silent, undefined);
	await clock.advance(1000);
	t.like(await meter.read(), {joules: 2, seconds: 1});
	await meter.close();
});

const bat0 = 'class/power_supply/BAT0';
const laptop = {
	'class/power_supply/AC/type': 'Mains',
	'class/power_supply/AC/online': 0,
	[`${bat0}/type`]: 'Battery',
	[`${bat0}/status`]: 'Discharging',
	[`${bat0}/power_now`]: 9_800_000,
	[`${bat0}/energy_now`]: 40_000_000,
	'class/power_supply/hidpp_battery_0/type': 'Battery',
	'class/power_supply/hidpp_battery_0/scope': 'Device',
	'class/power_supply/hidpp_battery_0/power_now': 1,
};

test('a battery measures while it is discharging, and says what is left', async t => {
	const clock = new ManualClock();
	const tree = await Tree.in(t, laptop);
	const meter = meterOf(await openBatteryMeter(tree.root, clock));
	t.is(meter.description, 'power of BAT0, integrated');
	await clock.advance(2000);
	t.like(await meter.read(), {joules: 19.6, seconds: 2});
	t.is(await batteryJoulesLeft(tree.root), 144_000);
	tree.set({[`${bat0}/status`]: 'Charging'});
	await clock.advance(2000);
	t.regex((await meter.read()).silent!, /BAT0 is not discharging: the device runs on mains/u);
	tree.set({[`${bat0}/status`]: 'Discharging'});
	await clock.advance(2000);
	await meter.read();
	await clock.advance(2000);
	t.true(Math.abs((await meter.read()).joules - 39.2) < 1e-9);
	await meter.close();
});

test('two batteries are one supply, and charge is as good as energy', async t => {
	const clock = new ManualClock();
	const bat1 = 'class/power_supply/BAT1';
	const tree = await Tree.in(t, {
		...laptop,
		[`${bat1}/type`]: 'Battery',
		[`${bat1}/status`]: 'Not charging',
		[`${bat1}/power_now`]: 0,
		[`${bat1}/charge_now`]: 2_000_000,
		[`${bat1}/voltage_now`]: 12_000_000,
	});
	t.is(await wattsOf(await openBatteryMeter(tree.root, clock), clock), 9.8);
	t.is(await batteryJoulesLeft(tree.root), 144_000 + 24 * 3600);
	t.is(await batteryJoulesLeft((await Tree.in(t, {})).root), undefined);
	t.regex(whyNot(await openBatteryMeter((await Tree.in(t, {})).root)), /no battery below/u);
	const dumb = await Tree.in(t, {[`${bat0}/type`]: 'Battery'});
	t.regex(whyNot(await openBatteryMeter(dumb.root)), /BAT0 tells neither power/u);
});

const noPmic = {run: async () => Promise.reject(Object.assign(new Error('no'), {code: 'ENOENT'}))};

test('«auto» takes what sees the whole device before RAPL, and a battery only while it is discharging', async t => {
	const zone = 'class/powercap/intel-rapl:0';
	const rapl = {[`${zone}/name`]: 'package-0', [`${zone}/energy_uj`]: 0, [`${zone}/max_energy_range_uj`]: 1e9};
	const pick = async (files: Record<string, string | number>) => {
		const {root: sysfs} = await Tree.in(t, files);
		const chosen = await chooseMeter({kind: 'auto'}, {sysfs, ...noPmic});
		if (chosen.kind === 'meter') {
			await chosen.meter.close();
			return chosen.meter.name;
		}
		return chosen.because;
	};
	t.is(await pick({...rapl, ...laptop}), 'rapl');
	t.is(await pick(laptop), 'battery');
	t.is(await pick({...rapl, 'class/hwmon/hwmon1/name': 'ina219', 'class/hwmon/hwmon1/power1_input': 1e6}), 'hwmon');
	const charging = await pick({...laptop, [`${bat0}/status`]: 'Charging'});
	t.regex(charging, /^no meter answers here\. ina3221: .* rapl: .* battery: BAT0 is not discharging/u);
});

test('a meter that is named and not here is an error with the reason', async t => {
	const {root: sysfs} = await Tree.in(t, {});
	const error = await t.throwsAsync(chooseMeter({kind: 'ina3221'}, {sysfs, ...noPmic}), {code: 'CONFIG_VALUE'});
	t.regex(error!.message, /meter.*«ina3221».*No INA3221 below .*this is no Jetson.*fpl doctor/u);
	t.like(await chooseMeter({kind: 'none'}), {kind: 'modelled'});
});

test('a survey names every meter with what it reads or why it is not here', async t => {
	const {root: sysfs} = await Tree.in(t, laptop);
	const found = await surveyMeters({sysfs, ...noPmic});
	t.deepEqual(
		found.map(({kind, available}) => [kind, available]),
		[
			['ina3221', false],
			['pmic', false],
			['hwmon', false],
			['rapl', false],
			['battery', true],
		],
	);
	t.true(Math.abs(found.at(-1)!.watts! - 9.8) < 1e-9);
	t.true(found.every(({text}) => text.length > 10));
});
