/** Devices that leave a run, or are slower than they say: it goes on by a plan without them. */
import test from 'ava';
import {FplError} from '../../../core/errors.js';
import {runId} from '../../../core/ids.js';
import type {RunUpdate} from '../../../core/ledger/run-update.js';
import {atRound} from '../../support/plans/moved-plans.js';
import {
	aJob,
	equalsUndisturbed,
	everyStepOnce,
	follow,
	join,
	limit,
	movesIn,
	underWay,
} from '../../support/plans/moves.js';

/** Devices that are not as they say are a hundred times as slow; links seem to be ten times so on a busy machine. */
const replanFactor = 60;

test.serial('a device that is slower than its profile says loses its work to another one', async t => {
	const job = aJob({planning: {...aJob().planning, replanFactor}});
	const {fleet, run} = await underWay(t, job, {'cam-1': {says: 40}, 'fog-1': {says: 1, is: 100}, 'fog-2': {says: 2}});
	const {ledger, updates} = await follow(fleet, run);
	everyStepOnce(t, ledger);
	const [move, ...more] = movesIn(ledger);
	t.log(move?.text);
	t.regex(move!.text, /\(cam-1, fog-1\) to «.+» \(cam-1, fog-2\): fog-1 takes \d+ times as long as its profile says/u);
	t.is(more.length, 0);
	const last = updates.findLast(update => update.kind === 'round')!;
	t.deepEqual([...last.record.devices].sort(), ['cam-1', 'fog-2']);
	await equalsUndisturbed(t, fleet, run, job);
});

test.serial(
	'when the trunk dies, a spare takes it over at once, and then the run moves to a plan that suits who is left',
	async t => {
		const job = aJob();
		const {fleet, run, devices} = await underWay(t, job, {
			'cam-1': {says: 20},
			'fog-1': {says: 1},
			'fog-2': {says: 200},
		});
		const fog = devices.get('fog-1')!;
		const {ledger} = await follow(
			fleet,
			run,
			atRound(8, () => fog.kill()),
		);
		everyStepOnce(t, ledger);
		const [move, ...more] = movesIn(ledger);
		t.log(move?.text);
		t.regex(move!.text, /\(cam-1, fog-1\) to «one device» \(cam-1\): fog-1 left/u);
		t.is(more.length, 0);
		await equalsUndisturbed(t, fleet, run, job);
	},
);

test.serial('a device that cannot do what it was chosen for leaves the run to the plan before', async t => {
	const job = aJob({data: {dataset: 'digits', limit}, planning: {mostStages: 1, mostReplicas: 1, replanFactor: 100}});
	const {fleet, run} = await underWay(t, job, {'cam-1': {says: 40}});
	const {ledger} = await follow(
		fleet,
		run,
		atRound(5, () =>
			join(
				fleet,
				'fog-1',
				{says: 1},
				{
					engine: async () => {
						throw new FplError('ENGINE_UNAVAILABLE', {where: 'onnxruntime', problem: 'its library is missing'});
					},
				},
			),
		),
	);
	everyStepOnce(t, ledger);
	t.is(movesIn(ledger).length, 1);
	t.true(ledger.notes.some(({text}) => /^goes back to «one device»: .*library is missing/u.test(text)));
	t.true(ledger.rounds.every(({devices}) => devices.join() === 'cam-1'));
	await equalsUndisturbed(t, fleet, run, job);
});

test.serial('what was learned of a device is known again when the coordinator is started again', async t => {
	const job = aJob();
	const {fleet, run, stop, devices} = await underWay(
		t,
		{...job, planning: {...job.planning, replanFactor}},
		{'cam-1': {says: 400}, 'fog-1': {says: 1, is: 100}},
	);
	const fog = devices.get('fog-1')!;
	let again: Promise<unknown> | undefined;
	let kept = '';
	const disturb = (update: RunUpdate) => {
		if (update.kind === 'note' && update.text.startsWith('keeps the plan') && !again) {
			// Meanwhile it has become as fast as it says: only who remembers can be wrong about it, and learn that.
			again = stop()
				.then(async () => {
					kept = (await fleet.store.file(runId(run), 'pace.json')).toString();
				})
				.then(() => fog.close())
				.then(() => join(fleet, 'fog-1', {says: 1}))
				.then(() => fleet.coordinator());
		}
	};
	const {ledger} = await follow(fleet, run, disturb, /as fast as its profile says again/u);
	await again;
	everyStepOnce(t, ledger);
	const notes = ledger.notes.map(({text}) => text).filter(text => text.startsWith('keeps the plan'));
	t.log(notes);
	const {slowness} = JSON.parse(kept) as {readonly slowness: Readonly<Record<string, number>>};
	t.true(slowness['fog-1']! > 50 && slowness['fog-1']! < 200, kept);
	const slow = /though fog-1 takes 1?\d\d times as long as its profile says: for the devices that are here/u;
	t.regex(notes[0]!, slow);
	// What it does after the restart may be known by the time that anybody looks; then only this is said.
	t.true(notes.slice(1, -1).every(note => slow.test(note)));
	t.regex(notes.at(-1)!, /though fog-1 is as fast as its profile says again/u);
});
