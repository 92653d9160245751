import test from 'ava';
import fc from 'fast-check';
import {phases} from '../../core/ledger/ledger.js';
import {energyOrigin, energyText, honestMarks, someRounds, stateText, summarise} from '../../reports/summary.js';
import {aLedger} from '../support/a-ledger.js';

const near = (a: number, b: number) => Math.abs(a - b) < 1e-9 * Math.max(1, Math.abs(a));

test('totals are sums over the devices, and bytes count each transfer once', t => {
	const ledger = aLedger({devices: 3, rounds: 10});
	const sums = summarise(ledger);
	t.is(sums.devices, 4);
	t.is(sums.rounds, 10);
	t.is(sums.steps, 120);
	t.is(sums.epochs, 3);
	t.true(
		near(
			sums.joules,
			phases.reduce((sum, phase) => sum + sums.phases[phase].joules, 0),
		),
	);
	t.true(near(sums.joules - sums.modelledJoules, ledger.devices.at(-1)!.joules));
	// Each byte that the server sends is received by a replica, and the other way round.
	t.is(sums.bytes, sums.bytesSent);
	t.is(sums.bytesSent, sums.bytesReceived);
	t.is(sums.bestAccuracy, ledger.final.accuracy);
});

test('an empty ledger has zeros, not NaN', t => {
	const sums = summarise(aLedger({devices: 0, rounds: 0}));
	t.deepEqual(
		[sums.bytes, sums.joules, sums.rounds, sums.steps, sums.epochs, sums.bestAccuracy],
		[0, 0, 0, 0, 0, undefined],
	);
});

test('marks name what is modelled, metered and emulated', t => {
	t.deepEqual(honestMarks(aLedger({devices: 2, rounds: 5})), [
		"* Modelled energy, not measured: cam-1 and cam-2. It is the profile's idle and busy power over time, and energy per byte.",
		'Energy measured by rapl: fog-1 (62.9 J).',
		'~ Emulated: cam-1 and cam-2. Another machine computes, and slows computing and transfers down to the profile.',
	]);
	t.deepEqual(honestMarks({...aLedger(), kind: 'predicted'}), [
		'Everything in this ledger is predicted by the cost model; nothing was run.',
	]);
	t.deepEqual(honestMarks(aLedger({devices: 0})), []);
});

test('a real, metered device needs no mark of caution', t => {
	const {devices, ...rest} = aLedger();
	t.deepEqual(honestMarks({...rest, devices: devices.slice(-1)}), ['Energy measured by rapl: fog-1 (198 J).']);
});

test('a meter that was silent for a while is told of, and the modelled part is counted', t => {
	const ledger = aLedger({devices: 2, rounds: 5});
	const devices = ledger.devices.map(device =>
		device.device === 'fog-1'
			? {...device, metering: {meteredSeconds: 3, modelledSeconds: 12, modelledJoules: 20}}
			: device,
	);
	const gap = {...ledger, devices};
	t.true(near(summarise(gap).modelledJoules, summarise(ledger).modelledJoules + 20));
	t.true(
		honestMarks(gap).includes('* Modelled energy in part: fog-1 for 12 s, while rapl did not answer (20 J modelled).'),
	);
	t.is(energyOrigin(gap, devices.at(-1)!), 'rapl, modelled for 12 s');
	t.is(energyOrigin(ledger, ledger.devices.at(-1)!), 'rapl');
});

test('energy says how much of it is modelled', t => {
	t.is(energyText(10, 0), '10 J');
	t.is(energyText(10, 10), '10 J modelled');
	t.is(energyText(10, 4), '10 J (4 J modelled)');
});

test('the end of a run is told with its reason', t => {
	const {final, ...rest} = aLedger();
	t.is(stateText({...rest, final}), 'done in 31 s');
	t.is(
		stateText({...rest, final: {...final, state: 'failed', because: 'the loss is NaN'}}),
		'failed after 31 s because: the loss is NaN',
	);
	t.is(stateText({...rest, final, kind: 'predicted'}), 'predicted to take 31 s');
});

test('some rounds are in order, without repeats, first and last among them, and as many as fit', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(
				fc.integer({min: 0, max: 300}),
				fc.integer({min: 2, max: 40}),
				fc.integer({min: 1, max: 50}),
				(rounds, most, evaluateEvery) => {
					const all = aLedger({devices: 1, rounds, evaluateEvery}).rounds;
					const numbers = someRounds(all, most).map(({round}) => round);
					return (
						numbers.length === Math.min(most, rounds) &&
						numbers.every((number, index) => index === 0 || number > numbers[index - 1]!) &&
						(rounds === 0 || (numbers[0] === 0 && numbers.at(-1) === rounds - 1))
					);
				},
			),
		),
	);
});

test('evaluated rounds come first when there is room for few', t => {
	const shown = someRounds(aLedger({rounds: 100, evaluateEvery: 25}).rounds, 6);
	t.deepEqual(
		shown.filter(({accuracy}) => accuracy !== undefined).map(({round}) => round),
		[24, 49, 74, 99],
	);
});
