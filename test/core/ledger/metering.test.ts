import test from 'ava';
import type {DeviceLedger} from '../../../core/ledger/ledger.js';
import {addMetering, energySourceText, meteringOf} from '../../../core/ledger/metering.js';
import {parseLedger} from '../../../core/ledger/schema.js';
import {aLedger} from '../../support/a-ledger.js';

const account = (energySource: string, seconds: number, joules: number) => ({
	phases: {
		compute: {seconds, joules},
		send: {seconds: 0, joules: 0},
		receive: {seconds: 0, joules: 0},
		wait: {seconds: 0, joules: 0},
		idle: {seconds: 0, joules: 0},
	},
	joules,
	energySource,
});

test('an older ledger has no gaps: all is metered, or all is modelled', t => {
	t.deepEqual(meteringOf(account('rapl', 10, 40)), {meteredSeconds: 10, modelledSeconds: 0, modelledJoules: 0});
	t.deepEqual(meteringOf(account('modelled', 10, 40)), {meteredSeconds: 0, modelledSeconds: 10, modelledJoules: 40});
	t.is(energySourceText(account('rapl', 10, 40)), 'rapl');
	t.is(energySourceText(account('modelled', 10, 40)), 'modelled');
});

test('accounts add up, and a meter keeps its name through a time that was modelled', t => {
	const parts = [
		account('modelled', 2, 6),
		{...account('rapl', 10, 40), meteredSeconds: 9, modelledJoules: 3},
		{...account('modelled', 9, 27), meteredSeconds: 0, modelledJoules: 27},
		{...account('rapl', 10, 40), meteredSeconds: undefined, modelledJoules: undefined},
	];
	let device = account('modelled', 0, 0) as ReturnType<typeof account> & Pick<DeviceLedger, 'metering'>;
	for (const part of parts) {
		const added = addMetering(device, part);
		const seconds = device.phases.compute.seconds + part.phases.compute.seconds;
		device = {...account('', seconds, device.joules + part.joules), ...added} as typeof device;
	}
	t.is(device.energySource, 'rapl');
	t.deepEqual(device.metering, {meteredSeconds: 19, modelledSeconds: 12, modelledJoules: 36});
	t.is(energySourceText(device), 'rapl, modelled for 12 s');
});

test('a device that never had a meter says nothing about one', t => {
	t.deepEqual(addMetering(account('modelled', 1, 3), account('modelled', 1, 3)), {energySource: 'modelled'});
});

test('ledgers are read with and without gaps and batteries', t => {
	const plain = aLedger();
	t.is(parseLedger(JSON.parse(JSON.stringify(plain))).devices.at(-1)!.metering, undefined);
	const metering = {meteredSeconds: 3, modelledSeconds: 12, modelledJoules: 36};
	const devices = plain.devices.map(device => ({...device, metering, batteryJoules: 36_000}));
	const read = parseLedger(JSON.parse(JSON.stringify({...plain, devices})));
	t.deepEqual(read.devices[0]!.metering, metering);
	t.is(read.devices[0]!.batteryJoules, 36_000);
	t.throws(
		() =>
			parseLedger(
				JSON.parse(
					JSON.stringify({...plain, devices: [{...devices[0], metering: {...metering, modelledSeconds: -1}}]}),
				),
			),
		{code: 'CONFIG_VALUE'},
	);
});
