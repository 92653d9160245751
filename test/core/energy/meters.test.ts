/** Every meter that is asked keeps the contract of meters. */
import test from 'ava';
import {ManualClock} from '../../../core/clock.js';
import {openBatteryMeter} from '../../../core/energy/battery.js';
import {openHwmonMeter} from '../../../core/energy/hwmon.js';
import {openIna3221Meter} from '../../../core/energy/ina3221.js';
import {openPmicMeter} from '../../../core/energy/pmic.js';
import {openRaplMeter} from '../../../core/energy/rapl.js';
import {meterContract} from '../../contracts/meter.js';
import {fileBench, meterOf} from './benches.js';

const micro = (value: number): number => Math.round(value * 1e6);

const zone = 'class/powercap/intel-rapl:0';
const range = 262_143_328_850;
/** Near its end, so that it turns over in every test. */
const start = range - 10_000_000;
meterContract(
	test,
	'rapl',
	fileBench({
		files: {[`${zone}/name`]: 'package-0', [`${zone}/max_energy_range_uj`]: range},
		open: (root, clock) => openRaplMeter(`${root}/class/powercap`, clock),
		says: (_, joules) => ({[`${zone}/energy_uj`]: (start + micro(joules)) % range}),
		nonsense: {
			text: {[`${zone}/energy_uj`]: 'n/a'},
			negative: {[`${zone}/energy_uj`]: -5},
			jump: {[`${zone}/energy_uj`]: 200_000_000_000},
		},
	}),
);

const chip = 'class/hwmon/hwmon4';
meterContract(
	test,
	'ina3221 by hwmon',
	fileBench({
		files: {
			[`${chip}/name`]: 'ina3221',
			[`${chip}/in1_label`]: 'VDD_IN',
			[`${chip}/in2_label`]: 'VDD_CPU_GPU_CV',
			[`${chip}/in2_input`]: 4800,
			[`${chip}/curr2_input`]: 900,
		},
		open: openIna3221Meter,
		says: watts => ({[`${chip}/in1_input`]: 5000, [`${chip}/curr1_input`]: watts * 200}),
		nonsense: {
			text: {[`${chip}/curr1_input`]: ''},
			nan: {[`${chip}/curr1_input`]: 'nan'},
			negative: {[`${chip}/curr1_input`]: -40},
			absurd: {[`${chip}/curr1_input`]: 2_147_483_647},
		},
	}),
);

const iio = 'bus/i2c/drivers/ina3221x/6-0040/iio:device0';
meterContract(
	test,
	'ina3221 by iio',
	fileBench({
		files: {
			[`${iio}/rail_name_0`]: 'POM_5V_IN',
			[`${iio}/rail_name_1`]: 'POM_5V_GPU',
			[`${iio}/in_power1_input`]: 700,
		},
		open: openIna3221Meter,
		says: watts => ({[`${iio}/in_power0_input`]: watts * 1000}),
		nonsense: {negative: {[`${iio}/in_power0_input`]: -1}, absurd: {[`${iio}/in_power0_input`]: 1e9}},
	}),
);

meterContract(
	test,
	'hwmon, power',
	fileBench({
		files: {[`${chip}/name`]: 'ina226'},
		open: (root, clock) => openHwmonMeter(undefined, root, clock),
		says: watts => ({[`${chip}/power1_input`]: micro(watts)}),
		nonsense: {text: {[`${chip}/power1_input`]: 'Infinity'}, absurd: {[`${chip}/power1_input`]: 1e12}},
	}),
);

meterContract(
	test,
	'hwmon, energy',
	fileBench({
		files: {[`${chip}/name`]: 'ina228'},
		open: (root, clock) => openHwmonMeter(undefined, root, clock),
		says: (_, joules) => ({[`${chip}/energy1_input`]: 77_000_000 + micro(joules)}),
		nonsense: {text: {[`${chip}/energy1_input`]: 'x'}, jump: {[`${chip}/energy1_input`]: 1e15}},
	}),
);

const bat = 'class/power_supply/BAT0';
const battery = {[`${bat}/type`]: 'Battery', [`${bat}/status`]: 'Discharging'};
meterContract(
	test,
	'battery, power',
	fileBench({
		files: battery,
		open: openBatteryMeter,
		says: watts => ({[`${bat}/power_now`]: micro(watts)}),
		nonsense: {text: {[`${bat}/power_now`]: '?'}, absurd: {[`${bat}/power_now`]: 1e12}},
	}),
);
meterContract(
	test,
	'battery, current',
	fileBench({
		files: battery,
		open: openBatteryMeter,
		// Some drivers give what flows out a minus sign.
		says: watts => ({[`${bat}/current_now`]: -micro(watts / 4), [`${bat}/voltage_now`]: micro(4)}),
		nonsense: {text: {[`${bat}/voltage_now`]: ''}, absurd: {[`${bat}/current_now`]: 1e13}},
	}),
);
meterContract(
	test,
	'battery, energy',
	fileBench({
		files: battery,
		open: openBatteryMeter,
		says: (_, joules) => ({[`${bat}/energy_now`]: 40_000_000 - joules / 3.6e-3}),
		nonsense: {text: {[`${bat}/energy_now`]: ''}, jump: {[`${bat}/energy_now`]: -1e12}},
	}),
);

meterContract(test, 'pmic', async () => {
	const clock = new ManualClock();
	const printed = (amperes: number | string) => `VDD_CORE_A current(7)=${amperes}A\nVDD_CORE_V volt(15)=1.00000000V\n`;
	let text: string | Error = printed(6);
	const meter = meterOf(
		await openPmicMeter(async (program, args) => {
			if (text instanceof Error || program !== 'vcgencmd' || args[0] !== 'pmic_read_adc') {
				throw text;
			}
			return text;
		}, clock),
	);
	const say = (value: string | Error) => async () => {
		text = value;
	};
	return {
		meter,
		clock,
		paceMs: 200,
		holdMs: 0,
		async pass(watts, ms) {
			text = printed(watts);
			await clock.advance(ms);
		},
		fail: say(new Error('«vcgencmd» was not done after 1500 ms')),
		nonsense: {
			text: say('error=1 error_msg="Command not registered"'),
			nan: say(printed('nan')),
			negative: say(printed(-3)),
			absurd: say(printed(20_000)),
		},
	};
});
