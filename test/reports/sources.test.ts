import test from 'ava';
import {energyShares, sourceRows} from '../../reports/sources.js';
import {aLedger} from '../support/a-ledger.js';

test('each meter has what it saw, and the model the rest; together they are all joules', t => {
	const plain = aLedger({devices: 2});
	const [first, second, server] = plain.devices as [
		(typeof plain.devices)[0],
		(typeof plain.devices)[0],
		(typeof plain.devices)[0],
	];
	const metering = {meteredSeconds: 20, modelledSeconds: 11, modelledJoules: first.joules / 4};
	const ledger = {...plain, devices: [{...first, energySource: 'ina3221', metering}, second, server]};
	const shares = energyShares(ledger);
	t.deepEqual(
		shares.map(({source, devices}) => [source, ...devices]),
		[
			['ina3221', 'cam-1'],
			['rapl', 'fog-1'],
			['modelled', 'cam-1', 'cam-2'],
		],
	);
	t.is(shares[0]!.joules, 0.75 * first.joules);
	const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
	t.true(Math.abs(sum(shares.map(({joules}) => joules)) - sum(ledger.devices.map(({joules}) => joules))) < 1e-9);
	t.is(sourceRows(ledger).length, 3);
});

test('a single source and a prediction need no table', t => {
	const ledger = aLedger({devices: 2});
	t.deepEqual(sourceRows({...ledger, devices: ledger.devices.slice(0, 2)}), []);
	t.deepEqual(sourceRows({...ledger, kind: 'predicted'}), []);
});
