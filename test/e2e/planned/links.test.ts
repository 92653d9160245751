/** Links that are slower than devices say: a run notices by its own transfers, and goes on by a plan that suits them. */
import test, {type ExecutionContext} from 'ava';
import {runId} from '../../../core/ids.js';
import type {Ledger} from '../../../core/ledger/ledger.js';
import type {RunUpdate} from '../../../core/ledger/run-update.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import {equalsUndisturbed, follow, movesIn} from '../../support/plans/moves.js';
import {aShapedFleet, aShapedJob, limit, steps} from '../../support/plans/shaped-fleet.js';

function everyStepOnce(t: ExecutionContext<unknown>, {rounds, final}: Ledger, count: number): void {
	t.is(final.state, 'done', final.because);
	t.deepEqual(
		rounds.map(({round}) => round),
		Array.from({length: count}, (_, round) => round),
	);
}

test.serial('a device with a slow uplink loses its work to another one, and is known after a restart', async t => {
	const fleet = await aShapedFleet(t, {
		'cam-1': {slow: 100, says: {up: 200, down: 200}},
		'fog-1': {slow: 1, says: {up: 80, down: 80}, is: {up: 10, down: 80}},
		'fog-2': {slow: 1, says: {up: 45, down: 45}},
		'fog-3': {slow: 100, says: {up: 45, down: 45}},
	});
	const stop = await fleet.coordinator();
	await fleet.join('cam-1');
	await fleet.join('fog-1');
	await fleet.join('fog-2');
	const job = aShapedJob({
		data: {dataset: 'digits', limit, sources: ['cam-1']},
		planning: {mostStages: 2, mostReplicas: 1, microBatches: [1], replanFactor: 4},
	});
	const run = await fleet.submit(job);
	let again: Promise<unknown> | undefined;
	let isBack = false;
	let joined: Promise<unknown> | undefined;
	const disturb = (update: RunUpdate) => {
		isBack ||= update.kind === 'planned' && again !== undefined;
		if (update.kind === 'round' && update.record.devices.includes('fog-2')) {
			again ??= stop().then(() => fleet.coordinator());
			if (isBack) {
				// Makes it look for a plan, which who does not remember finds with fog-1.
				joined ??= fleet.join('fog-3');
			}
		}
	};
	const {ledger} = await follow(fleet, run, disturb, /fog-3 joined/u);
	await Promise.all([again, joined]);
	everyStepOnce(t, ledger, steps);
	const [move, ...more] = movesIn(ledger);
	t.regex(
		move?.text ?? JSON.stringify(ledger.notes),
		/\(cam-1, fog-1\) to .* \(cam-1, fog-2\): fog-1 sends at ([6-9]|1\d)(\.\d)? Mbit\/s, where its profile says 80 Mbit\/s; what is left costs/u,
	);
	t.is(more.length, 0);
	t.true(
		ledger.notes.some(({text}) => /keeps the plan .* though fog-3 joined/u.test(text)),
		JSON.stringify(ledger.notes),
	);
	t.deepEqual(devicesOf((await fleet.store.find(run))!.plan!), ['cam-1', 'fog-2']);
	const {slowness} = JSON.parse((await fleet.store.file(runId(run), 'pace.json')).toString()) as {
		readonly slowness: Readonly<Record<string, number>>;
	};
	t.true(slowness['fog-1/up']! > 5 && slowness['fog-1/up']! < 14, JSON.stringify(slowness));
	t.is(slowness['fog-1/down'], undefined);
	await equalsUndisturbed(t, fleet, run, job);
});

test.serial('a trunk whose downlink is slow is told from the source that sends to it', async t => {
	const fleet = await aShapedFleet(t, {
		'cam-1': {slow: 100, says: {up: 100, down: 100}},
		'fog-1': {slow: 1, says: {up: 50, down: 50}, is: {up: 50, down: 4}},
	});
	await fleet.coordinator();
	await fleet.join('cam-1');
	await fleet.join('fog-1');
	const job = aShapedJob({
		data: {dataset: 'digits', limit, sources: ['cam-1']},
		planning: {mostStages: 2, mostReplicas: 1, minimumReplicas: 1, microBatches: [1], replanFactor: 4},
	});
	const run = await fleet.submit({...job, training: {...job.training, epochs: 4}});
	const {ledger} = await follow(fleet, run, () => {});
	const told = ledger.notes.filter(({text}) => /^(moves|keeps)/u.test(text)).map(({text}) => text);
	t.log(told);
	t.is(told.length, 1);
	t.regex(told[0]!, /fog-1 receives at \d(\.\d)? Mbit\/s, where its profile says 50 Mbit\/s/u);
	t.notRegex(told[0]!, /cam-1 sends/u);
});
