/** A fleet whose energy is measured, with a meter that dies in the middle of a run. */
import test from 'ava';
import {systemClock} from '../../core/clock.js';
import {openSampled} from '../../core/energy/sampled.js';
import type {DeviceLedger} from '../../core/ledger/ledger.js';
import {energySourceText, meteringOf} from '../../core/ledger/metering.js';
import type {JobDocument} from '../../core/plan/job.js';
import type {PlanDocument} from '../../core/plan/plan.js';
import {honestMarks} from '../../reports/summary.js';
import {meterOf} from '../core/energy/benches.js';
import {aFleet} from '../support/a-fleet.js';

const devices = ['dev-1', 'dev-2'];

const job: JobDocument = {
	version: 1,
	model: 'mlp',
	data: {dataset: 'digits', limit: 240},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 24, epochs: 12, seed: 5},
	devices: {only: devices, minimum: 2, wait: '20 s'},
};

const stages: PlanDocument = {
	version: 1,
	scheme: 'a chain by hand',
	model: 'mlp',
	stages: [
		{units: [0, 2], replicas: [{device: 'dev-1'}]},
		{units: [3, 5], replicas: [{device: 'dev-2'}]},
	],
	synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
};

/** Far from any profile's power, so that measured and modelled joules cannot be taken for each other. */
const watts = 500;

async function dyingMeter() {
	let answers = true;
	let sampled = systemClock.monotonic();
	let longestGapMs = 0;
	const meter = meterOf(
		await openSampled({
			name: 'bench',
			description: 'a bench supply of 500 W',
			coverage: 'device',
			method: 'power',
			clock: systemClock,
			everyMs: 20,
			deadlineMs: 200,
			maxGapMs: 500,
			async sample() {
				const now = systemClock.monotonic();
				longestGapMs = Math.max(longestGapMs, now - sampled);
				sampled = now;
				if (!answers) {
					throw new Error('the bench supply was unplugged');
				}
				return {kind: 'power', watts};
			},
		}),
	);
	return {
		meter,
		/** From one look at the meter to the next: on a busy machine many times what was asked for. */
		longestGap: () => longestGapMs / 1000,
		die: () => {
			answers = false;
		},
		revive: () => {
			answers = true;
		},
	};
}

const secondsOf = ({phases}: DeviceLedger) => Object.values(phases).reduce((sum, {seconds}) => sum + seconds, 0);

for (const [what, scheme, plan] of [
	['of rounds', {kind: 'd-sgd'}, undefined],
	['of stages', {kind: 'auto'}, stages],
] as const) {
	test.serial(`in a run ${what} a meter that dies is modelled for, comes back, and the report says so`, async t => {
		const fleet = await aFleet(t);
		await fleet.coordinator();
		const {meter, longestGap, die, revive} = await dyingMeter();
		t.teardown(() => meter.close());
		await fleet.device('dev-1', {}, {}, {meter, batteryLeft: async () => 12_345});
		await fleet.device('dev-2');
		const run = await fleet.submit({...job, scheme}, plan);
		let diedAt: number | undefined;
		let cameBack = false;
		for await (const update of (await fleet.client()).follow(run)) {
			if (update.kind === 'ended') {
				break;
			}
			if (update.kind !== 'round') {
				continue;
			}
			if (diedAt === undefined) {
				die();
				diedAt = update.record.at;
			} else if (!cameBack && update.record.at - diedAt > 0.4) {
				revive();
				cameBack = true;
			}
		}
		const ledger = await fleet.store.ledger(run);
		t.is(ledger.final.state, 'done', ledger.final.because);
		t.true(cameBack, 'the run was too short for this test');
		const device = ledger.devices.find(one => one.device === 'dev-1')!;
		const {meteredSeconds, modelledSeconds, modelledJoules} = meteringOf(device);
		t.log(
			`${energySourceText(device)} of ${secondsOf(device).toFixed(2)} s; ${device.joules.toFixed(0)} J, ${modelledJoules.toFixed(1)} J modelled`,
		);
		t.is(device.energySource, 'bench');
		t.true(modelledSeconds > 0.2 && meteredSeconds > 0.1);
		t.true(Math.abs(meteredSeconds + modelledSeconds - secondsOf(device)) < 1e-6);
		// Every second that was seen costs 500 J, no second is counted twice, and the model is of a few watts.
		const measured = device.joules - modelledJoules;
		// When the meter dies, and when it answers again, up to the time between two looks is on the other side.
		const unsure = Math.max(0.12, 2 * longestGap());
		t.log(`looks at most ${longestGap().toFixed(3)} s apart`);
		t.true(Math.abs(measured - watts * meteredSeconds) <= watts * unsure, `${measured} J in ${meteredSeconds} s`);
		t.true(modelledJoules <= 10 * modelledSeconds, `${modelledJoules} J in ${modelledSeconds} s`);
		t.is(device.batteryJoules, 12_345);
		const notes = ledger.notes.filter(note => note.device === 'dev-1').map(({text}) => text);
		t.true(
			notes.some(text => /bench does not answer: the bench supply was unplugged\. Energy is modelled/u.test(text)),
		);
		t.true(notes.some(text => /bench answers again; energy was modelled for/u.test(text)));
		t.true(
			honestMarks(ledger).some(mark =>
				/Modelled energy in part: dev-1 for .* while bench did not answer/u.test(mark),
			) ===
				modelledSeconds >= 0.5,
		);
		t.is(ledger.devices.find(one => one.device === 'dev-2')!.metering, undefined);
	});
}
